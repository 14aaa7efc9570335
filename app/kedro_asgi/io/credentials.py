"""Names of credentials in the catalog, replaced by what they stand for (CAT-14 to CAT-16)."""

from collections.abc import Iterator, Mapping
from typing import Any

from kedro_asgi.errors import CredentialsNotFoundError
from kedro_asgi.io.entry import Entry
from kedro_asgi.runs import RuntimeParams

_KEY = "credentials"


class Credentials:
    """The credentials of an environment, for all entries of its catalog."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)

    def names_in(self, config: Any) -> Iterator[str]:
        """Yield the names that ``config`` asks for, at any depth of mappings; lists are not looked into."""
        if not isinstance(config, dict):
            return
        for key, value in config.items():
            if key == _KEY and isinstance(value, str):
                yield value
            else:
                yield from self.names_in(value)

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            raise CredentialsNotFoundError(name)
        return self._entries[name]

    def put_into(self, config: Any, runtime: RuntimeParams) -> Any:
        """Return ``config`` with names replaced, or raise CredentialsNotFoundError."""
        if not isinstance(config, dict):
            return config
        return {
            key: self[value].resolve(runtime)
            if key == _KEY and isinstance(value, str)
            else self.put_into(value, runtime)
            for key, value in config.items()
        }

    def resolve(self, runtime: RuntimeParams) -> dict[str, Any]:
        """Return all credentials, as hooks are shown them."""
        return {name: entry.resolve(runtime) for name, entry in self._entries.items()}
