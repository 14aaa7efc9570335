"""A session with the runtime parameters that a notebook has set for all of its runs."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.runs import RuntimeParams
from kedro_asgi.session import KedroServiceSession


class RunOutputs(dict[str, Any]):
    """The free outputs of a run by name, as datasets; a notebook shows them as a table."""


class NotebookSession(KedroServiceSession):
    """A `KedroServiceSession` whose runs start from ``default_params``; parameters of a run replace them by name."""

    default_params: Mapping[str, Any] = {}

    def run(self, *args: Any, **arguments: Any) -> RunOutputs:
        """Do what `KedroServiceSession.run` does."""
        return RunOutputs(super().run(*args, **arguments))

    def _runtime(self, values: Mapping[str, Any]) -> RuntimeParams:
        return super()._runtime({**self.default_params, **values})
