"""Call a server from async Python."""

from kedro_asgi.client.async_client import AsyncClient as AsyncClient
