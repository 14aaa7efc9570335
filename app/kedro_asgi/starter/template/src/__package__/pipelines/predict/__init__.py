"""Name the species of penguins that came with the request."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
