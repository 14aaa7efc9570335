"""The options of webhooks, which a project's configuration names under ``notify``."""

import re
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from kedro_asgi.run_status import ENDS

_WEBHOOK_NAME = r"^[A-Za-z0-9_-]{1,64}$"

WebhookName = Annotated[str, Meta(pattern=_WEBHOOK_NAME)]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class WebhookOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One receiver of notifications, and the ends of runs that it is told of.

    The address is ``url`` or, where it is a secret itself, the value of the environment variable ``url_env``. The
    secret that signs is the value of ``secret_env`` or the content of ``secret_file``. ``on`` lists final statuses, and
    ``pipelines`` the pipelines whose runs count, by default all. An attempt may take ``timeout_seconds``;
    attempts end ``give_up_after_hours`` after the run. Each worker has ``max_concurrent`` attempts at a time.
    """

    url: str | None = None
    url_env: Variable | None = None
    secret_env: Variable | None = None
    secret_file: Annotated[str, Meta(min_length=1)] | None = None
    on: Annotated[tuple[str, ...], Meta(min_length=1)] = ENDS
    pipelines: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 10.0
    give_up_after_hours: Annotated[float, Meta(gt=0, le=8760)] = 72.0
    max_concurrent: Annotated[int, Meta(ge=1, le=100)] = 4

    def __post_init__(self) -> None:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give either 'url' or 'url_env'")
        if (self.secret_env is None) == (self.secret_file is None):
            raise ValueError("give either 'secret_env' or 'secret_file'; the secret itself is never in this file")
        for status in self.on:
            if status not in ENDS:
                raise ValueError(f"'on' names '{status}', and the ends of a run are {', '.join(ENDS)}")
        if self.url is not None:
            check_url(self.url)
            if "@" in urlsplit(self.url).netloc:
                raise ValueError("'url' has credentials: put the address into an environment variable, 'url_env'")


def is_webhook_name(text: str) -> bool:
    """Tell whether a project may give a webhook this name."""
    return re.fullmatch(_WEBHOOK_NAME, text) is not None


def check_url(url: str) -> None:
    """Raise ``ValueError`` unless ``url`` is an address that a server can send to; the message does not repeat it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the address is not valid: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"the address must begin with https:// or http://, not with '{parts.scheme}:'")
    if not parts.hostname or port == 0:
        raise ValueError("the address has no host, or its port is 0")
    if parts.fragment or not url.isascii() or any(character <= " " for character in url):
        raise ValueError("the address has a fragment, or a character that no URL may have")
