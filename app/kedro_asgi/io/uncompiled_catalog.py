"""The entries of a catalog that is not compiled, for snapshots."""

from collections.abc import Mapping

from kedro_asgi.configuration_tree import ConfigValue
from kedro_asgi.io.entry import PlainEntry
from kedro_asgi.io.patterns import Pattern, is_pattern
from kedro_asgi.runs import NO_PARAMS


class UncompiledCatalog:
    """Finds the entries of names in a catalog that is not compiled, for snapshots (SRV-47).

    Patterns that contradict each other do no harm: the best one counts.
    """

    def __init__(self, catalog: Mapping[str, ConfigValue]) -> None:
        self._catalog = catalog
        self._patterns = sorted(map(Pattern, filter(is_pattern, catalog)), key=lambda pattern: pattern.rank)

    def entry(self, name: str) -> ConfigValue:
        """Return the entry of ``name``, explicit or made from the best pattern, or ``None``."""
        if name in self._catalog:
            return self._catalog[name]
        match = next((match for pattern in self._patterns if (match := pattern.match(name))), None)
        if match is None:
            return None
        body = PlainEntry(match.pattern, self._catalog[match.pattern]).substitute(match.placeholders)
        return body.resolve(NO_PARAMS)
