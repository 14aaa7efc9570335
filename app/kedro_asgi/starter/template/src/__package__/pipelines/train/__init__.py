"""Learn to tell species apart, and measure how well that works."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
