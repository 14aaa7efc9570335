"""Configuration trees: the values that configuration files hold, as plain Python values."""

from typing import Any, TypeAlias

ConfigValue: TypeAlias = (
    "bool | int | float | str | list[ConfigValue] | tuple[ConfigValue, ...] | dict[Any, ConfigValue] | None"
)
"""A value at any depth of a configuration, without interpolations.

Keys are texts, numbers or booleans. The pairs of ``!!omap`` are tuples. A resolver of the project or a Python caller
may bring a leaf of another type, which travels as it is.
"""

ConfigMapping: TypeAlias = dict[Any, ConfigValue]
"""A configuration tree with keys at its root."""


def copy_tree(value: ConfigValue) -> ConfigValue:
    """Return ``value`` with dictionaries and lists of its own; every other object is shared."""
    if type(value) is dict:
        return {key: copy_tree(item) for key, item in value.items()}
    if type(value) is tuple:
        return tuple(map(copy_tree, value))
    return [copy_tree(item) for item in value] if type(value) is list else value
