"""What the catalog and the runners need of a dataset, whoever wrote its class."""

from typing import Any, Protocol


class Dataset(Protocol):
    """Anything that can load and save: our classes, Kedro's, and any class of a project (BRG-5).

    ``exists``, ``release`` and ``confirm`` are optional; the catalog looks for them when it needs them (BRG-4).
    """

    def load(self) -> Any:
        """Return the data; the caller may change it."""
        ...

    def save(self, data: Any) -> None:
        """Keep ``data``, which is never ``None``."""
        ...
