"""Run Kedro-format pipelines on demand: from an ASGI server, inside your own app, or from async Python."""

__version__ = "0.1.0"
