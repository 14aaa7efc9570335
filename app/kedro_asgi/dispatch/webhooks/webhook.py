"""A webhook: one receiver, with its address and its keys."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from kedro_asgi.dispatch.webhooks.signer import Signer
from kedro_asgi.errors import WebhookError
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import RunRecord
from kedro_asgi.webhook_options import WebhookOptions, check_url

_HOW_TO_MAKE = (
    "make one with: python -c \"import base64, os; print('whsec_' + base64.b64encode(os.urandom(32)).decode())\""
)
_MAX_SECRET_BYTES = 4096


class Webhook(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A receiver of notifications, whose address and secret were found."""

    name: str
    url: str
    signer: Signer
    options: WebhookOptions

    def wants(self, record: RunRecord) -> bool:
        """Whether the receiver is told of this end."""
        pipelines = self.options.pipelines
        if record.status not in self.options.on:
            return False
        return pipelines is None or any(name in pipelines for name in record.pipeline_names or (DEFAULT_PIPELINE,))


def read_webhooks(
    options: Mapping[str, WebhookOptions], *, environ: Mapping[str, str], folder: Path
) -> tuple[Webhook, ...]:
    """Find the addresses and secrets; ``secret_file`` counts from ``folder``. Raises `WebhookError`."""
    return tuple(_webhook(name, found, environ, folder) for name, found in options.items())


def _webhook(name: str, options: WebhookOptions, environ: Mapping[str, str], folder: Path) -> Webhook:
    try:
        return Webhook(name=name, url=_url(options, environ), signer=_signer(options, environ, folder), options=options)
    except ValueError as error:
        raise WebhookError(name, str(error)) from error


def _url(options: WebhookOptions, environ: Mapping[str, str]) -> str:
    if options.url_env is None:
        return options.url or ""
    url = _variable("url_env", options.url_env, environ)
    try:
        check_url(url)
    except ValueError as error:
        raise ValueError(f"environment variable '{options.url_env}': {error}") from error
    return url


def _signer(options: WebhookOptions, environ: Mapping[str, str], folder: Path) -> Signer:
    if options.secret_env is not None:
        place, secret = (
            f"environment variable '{options.secret_env}'",
            _variable("secret_env", options.secret_env, environ),
        )
    else:
        path = folder / (options.secret_file or "")
        place, secret = f"file '{path}'", _content(path)
    try:
        return Signer(secret)
    except ValueError as error:
        raise ValueError(f"{place} holds no secret: {error}; {_HOW_TO_MAKE}") from error


def _variable(option: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ValueError(f"'{option}' names the environment variable '{name}', which is not set")
    return value


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SECRET_BYTES).decode()
    except (OSError, ValueError) as error:
        raise ValueError(f"'secret_file' cannot be read: {error}") from error
