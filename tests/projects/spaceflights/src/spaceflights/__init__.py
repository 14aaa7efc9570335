"""Prices of flights into space."""

__version__ = "0.1"
