"""Errors of datasets, the catalog and tables."""

from kedro_asgi.errors.base import KedroAsgiError, ReportedAsBase


class DatasetError(KedroAsgiError):
    """A dataset cannot be made, loaded or saved."""


INPUT_HINT = (
    " Give a value in 'inputs' of the run; the entry's 'metadata.kedro_asgi.input' says what becomes of it, such as "
    "'pandas'."
)


class MissingDataError(ReportedAsBase, DatasetError):
    """A dataset in memory is loaded before anything was saved to it."""

    def __init__(self) -> None:
        super().__init__("Data for MemoryDataset has not been saved yet.")


class DatasetNotFoundError(DatasetError):
    """The catalog has no dataset of that name."""


class DatasetAlreadyExistsError(DatasetError):
    """A catalog has a dataset of that name; kedro-asgi replaces it, and other catalogs may refuse."""


class VersionNotFoundError(DatasetError):
    """A versioned dataset has no version to load."""


class VersionAlreadyExistsError(DatasetError):
    """A catalog holds datasets of another save version."""


class DatasetConfigError(ReportedAsBase, DatasetError):
    """An entry of the catalog does not say how to make a dataset."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"An exception occurred when parsing config for dataset '{name}':\n{reason}")


class CachedDatasetError(ReportedAsBase, DatasetError, ValueError):
    """A cached dataset has no dataset inside, or one that cannot be used there."""


class DatasetTypeError(ReportedAsBase, DatasetError):
    """The ``type`` of a catalog entry leads to no dataset class; ``is_absent`` if nothing has that name."""

    def __init__(self, reason: str, *, is_absent: bool = False) -> None:
        self.is_absent = is_absent
        super().__init__(reason)


class DatasetPatternError(ReportedAsBase, DatasetError):
    """A dataset factory pattern is invalid, or conflicts with the other patterns of the catalog."""


class StrayBraceError(DatasetPatternError, ValueError):
    """The entry of a dataset factory pattern has a brace that belongs to no placeholder."""

    def __init__(self, brace: str, text: str) -> None:
        self.text = text
        super().__init__(f"Single '{brace}' encountered in format string '{text}'")


class CredentialsNotFoundError(ReportedAsBase, DatasetError, KeyError):
    """An entry refers to credentials that the project does not have (Q-44)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"Unable to find credentials '{name}': no credentials file of this environment has that key."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class DatasetFailedError(ReportedAsBase, DatasetError):
    """The code of a dataset raised an error while it was ``doing`` something for the caller."""

    def __init__(self, doing: str, dataset: str, reason: str) -> None:
        self.doing, self.dataset = doing, dataset
        super().__init__(f"Failed {doing} dataset {dataset}.\n{reason}")


class VersionStringError(ReportedAsBase, DatasetError):
    """A version is more than one path component, so it could lead out of the folder of its dataset."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            f"Version string '{version}' is not allowed. It becomes the name of a folder, so it must not be empty, "
            "'.' or '..', nor contain a slash, a backslash or a null character."
        )


class TableError(ReportedAsBase, ValueError):
    """Values cannot become a table, or a table cannot become records."""


class OversizedTableError(TableError):
    """A table takes more memory than is allowed."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        super().__init__(f"it takes more than {max_bytes} bytes when it is unpacked")


class MultipartError(ReportedAsBase, ValueError):
    """A body of several parts is malformed."""
