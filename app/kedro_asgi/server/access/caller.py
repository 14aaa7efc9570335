"""The caller of a request, as its token or the host application names it, and what the caller may do."""

from collections.abc import Collection, Iterable
from typing import Literal, get_args

import msgspec
from starlette.authentication import AuthCredentials, BaseUser
from starlette.types import Scope

from kedro_asgi.current_request import CURRENT_CALLER
from kedro_asgi.errors.wording import one_line, shortened
from kedro_asgi.reserved_names import DEFAULT_PIPELINE

AccessScope = Literal["read", "run", "cancel", "admin"]

SCOPES: frozenset[AccessScope] = frozenset(get_args(AccessScope))
# A credential of this form limits its caller to a pipeline, in whatever way the credentials come.
PIPELINE_PREFIX = "pipeline:"
CALLER_KEY = "kedro_asgi.caller"
_MAX_NAME = 200


class Caller(msgspec.Struct, BaseUser, frozen=True, kw_only=True):
    """A caller that is known; ``pipelines`` of ``None`` is no limit. The scope *admin* includes all others.

    A `BaseUser`, so a route of the host application can read it as ``request.user``.
    """

    name: str
    scopes: frozenset[str]
    pipelines: frozenset[str] | None = None

    @classmethod
    def of(cls, credentials: AuthCredentials, user: BaseUser) -> "Caller":
        """Return the caller that an `AuthenticationBackend` has found."""
        return user if isinstance(user, cls) else cls.with_scopes(_name_of(user), credentials.scopes)

    @classmethod
    def with_scopes(cls, name: str, scopes: Iterable[str]) -> "Caller":
        """Return the caller with these credentials, of which ``pipeline:<name>`` limits it to that pipeline."""
        given = frozenset(scopes)
        limits = frozenset(each.removeprefix(PIPELINE_PREFIX) for each in given if each.startswith(PIPELINE_PREFIX))
        return cls(name=name, scopes=given & SCOPES, pipelines=limits or None)

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.name

    @property
    def identity(self) -> str:
        return self.name

    def has(self, scope: AccessScope) -> bool:
        """Tell whether the caller has a scope."""
        return scope in self.scopes or "admin" in self.scopes

    def may_see(self, pipeline_names: Collection[str]) -> bool:
        """Tell whether the caller may use all of these pipelines; none means the default one."""
        return self.pipelines is None or self.pipelines.issuperset(pipeline_names or (DEFAULT_PIPELINE,))


def caller_of(scope: Scope) -> Caller | None:
    """Return the caller of a request; ``None`` where none has to be known, or none is."""
    found: Caller | None = scope.get(CALLER_KEY)
    return found


def set_caller(scope: Scope, caller: Caller | None) -> None:
    """Note the caller of a request for its route, and for the run that it asks for."""
    scope[CALLER_KEY] = caller
    CURRENT_CALLER.set(None if caller is None else caller.name)


def limits_of(scope: Scope) -> frozenset[str] | None:
    """Return the pipelines that the caller of a request is limited to; ``None`` is no limit."""
    caller: Caller | None = scope.get(CALLER_KEY)
    return None if caller is None else caller.pipelines


def has_scope(scope: Scope, wanted: AccessScope) -> bool:
    """Tell whether the caller of a request has a scope, or callers need not be known."""
    if CALLER_KEY not in scope:
        return True
    caller: Caller | None = scope[CALLER_KEY]
    return caller is not None and caller.has(wanted)


def may_read(scope: Scope) -> bool:
    """Tell whether the caller of a request has the scope *read*, or callers need not be known."""
    return has_scope(scope, "read")


def may_see_all(scope: Scope) -> bool:
    """Tell whether the caller of a request may read of all pipelines, or callers need not be known."""
    return may_read(scope) and limits_of(scope) is None


def _name_of(user: BaseUser) -> str:
    """Return a name for the log: `BaseUser` raises ``NotImplementedError`` for what a class leaves out."""
    for attribute in ("identity", "display_name"):
        try:
            name = str(getattr(user, attribute))
        except (NotImplementedError, AttributeError):
            continue
        if name:
            return printable(name)
    return type(user).__name__


def printable(name: str) -> str:
    """Return a name that others chose as one short line for the log."""
    return one_line(shortened(name, _MAX_NAME))
