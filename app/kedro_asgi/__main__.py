"""``python -m kedro_asgi`` and the ``kedro-asgi`` command."""

from kedro_asgi.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
