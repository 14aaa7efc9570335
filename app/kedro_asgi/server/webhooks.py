"""The webhooks of a served project."""

import os
from importlib.util import find_spec

from kedro_asgi.dispatch.webhooks import Notify, read_webhooks
from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.configuration import ServerConfiguration


def read_notify(configuration: ServerConfiguration) -> Notify:
    """Find the addresses and secrets of all webhooks; raises `WebhookError` or `ServerSettingsError`."""
    if find_spec("httpx") is None:
        names = ", ".join(configuration.notify)
        raise ServerSettingsError(
            f"The webhooks [tool.kedro-asgi.notify] ({names}) need: pip install 'kedro-asgi[notify]'"
        )
    webhooks = read_webhooks(configuration.notify, environ=os.environ, folder=configuration.project_path)
    public_url = None if configuration.public_url is None else configuration.public_url.rstrip("/")
    return Notify(webhooks=webhooks, public_url=public_url)
