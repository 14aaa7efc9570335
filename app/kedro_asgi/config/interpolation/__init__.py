"""Evaluating interpolation: trees in which strings such as ``${name}`` wait for their values."""
