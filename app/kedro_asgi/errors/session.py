"""Errors of sessions, and of the inputs, outputs and preloaded datasets of their runs."""

from collections.abc import Iterable, Sequence

from kedro_asgi.errors.base import KedroAsgiError, ReportedAsBase
from kedro_asgi.errors.io import DatasetError, DatasetNotFoundError
from kedro_asgi.errors.wording import all_close_matches, close_matches, suggestion


class KedroSessionError(KedroAsgiError):
    """The caller uses a session in a way that it does not allow."""


class KedroContextError(KedroAsgiError):
    """The context of a project cannot be used; for code that was written for Kedro, which never raises it here."""


class RunnerInstanceError(ReportedAsBase, KedroSessionError):
    """The caller gave a session a runner class, or its name, in place of an instance."""

    def __init__(self, session_type: str) -> None:
        super().__init__(
            f"{session_type} expect an instance of Runner instead of a class."
            "Have you forgotten the `()` at the end of the statement?"
        )


class SessionUsedError(ReportedAsBase, KedroSessionError):
    """A `KedroSession` has had its one run."""

    def __init__(self, session_type: str) -> None:
        super().__init__(
            f"A run has already been completed as part of the active {session_type}. "
            f"{session_type} has a 1-1 mapping with runs: create a new one for the next run."
        )


class SessionStoreError(ReportedAsBase, ValueError):
    """``SESSION_STORE_CLASS`` and ``SESSION_STORE_ARGS`` do not make a session store."""


class UnknownDatasetsError(ReportedAsBase, DatasetNotFoundError):
    """``inputs`` or ``outputs`` of a run name datasets that its pipeline does not use."""

    def __init__(self, argument: str, names: Iterable[str], known: Iterable[str]) -> None:
        self.argument, self.names, known = argument, sorted(names), sorted(known)
        matches = all_close_matches(self.names, known)
        super().__init__(f"'{argument}' names dataset(s) {self.names} that this run does not use.{suggestion(matches)}")


class ProducedInputError(ReportedAsBase, DatasetError):
    """``inputs`` of a run name a dataset that a node of the same run produces."""

    def __init__(self, name: str, node: str) -> None:
        self.name, self.node = name, node
        super().__init__(
            f"'inputs' names dataset '{name}', which node '{node}' of this run produces. "
            f"Remove it from 'inputs', or start the run after that node: from_inputs=['{name}']."
        )


class InputTableError(ReportedAsBase, DatasetError):
    """An injected input cannot become the frame that its dataset would load."""

    def __init__(self, name: str, library: str, reason: str) -> None:
        self.name, self.library, self.reason = name, library, reason
        super().__init__(f"Input '{name}' cannot become a table of {library}: {reason}")


class InputTypeError(ReportedAsBase, DatasetError):
    """An injected input cannot become what the type hint of a node asks for."""

    def __init__(self, name: str, hint: object, reason: str) -> None:
        self.name, self.reason = name, reason
        kind = hint.__name__ if isinstance(hint, type) else str(hint)
        super().__init__(f"Input '{name}' cannot become {kind}, which a node expects: {reason}")


class UnencodableOutputError(ReportedAsBase, TypeError):
    """An output that a request asks for has no JSON form."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"Output '{name}' cannot be encoded as JSON: {reason}")


class UnknownPreloadError(ReportedAsBase, ValueError):
    """``preload`` names or matches no dataset of the catalog."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.matches = name, close_matches(name, known)
        super().__init__(f"'preload' names '{name}', but the catalog has no such dataset.{suggestion(self.matches)}")


class PreloadError(ReportedAsBase, DatasetError):
    """A dataset that all runs share cannot be loaded."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"Cannot preload '{name}': {reason}")


class NoPreviewError(KedroAsgiError, LookupError):
    """A dataset has no preview, or its catalog entry does not ask for one."""

    def __init__(self, name: str, reason: str, matches: Sequence[str] = ()) -> None:
        self.name = name
        super().__init__(f"There is no preview of dataset '{name}': {reason}.{suggestion(matches)}")


class PreviewFailedError(DatasetError):
    """A preview that the catalog asks for cannot be made."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"The preview of dataset '{name}' failed: {reason}")
