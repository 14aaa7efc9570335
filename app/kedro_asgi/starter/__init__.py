"""The project that ``kedro-asgi new`` and ``kedro-asgi demo`` write: real data, two real pipelines."""

from kedro_asgi.starter.writer import write_starter

__all__ = ["write_starter"]
