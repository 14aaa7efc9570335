"""The environments of a configuration source that make up a configuration."""

import re

import msgspec

from kedro_asgi.errors import InvalidEnvError

_ENV = re.compile(r"(?!\.+\Z)(?!.*\.\.)[A-Za-z0-9_.-]+")


class Environments(msgspec.Struct, frozen=True):
    """The base folder and the folder of the run environment, which may be the same.

    The run environment may be absent if it is only the default (Q-43).
    """

    base: str
    run: str
    is_explicit: bool

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders, the base first."""
        return (self.base,) if self.run == self.base else (self.base, self.run)

    @property
    def required(self) -> tuple[str, ...]:
        """The folders that must exist, the base first."""
        return self.folders if self.is_explicit else (self.base,)


def environments(env: str | None, base_env: str | None, default_run_env: str | None) -> Environments:
    """Return the environments that ``env`` selects; raises `InvalidEnvError` for a path out of the source."""
    if env and not _ENV.fullmatch(env):
        raise InvalidEnvError(env)
    return Environments(base=base_env or "", run=env or default_run_env or "", is_explicit=bool(env))
