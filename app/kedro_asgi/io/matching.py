"""What a catalog that is not compiled says of a name, for those who only look (SRV-47)."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.io.entry import PlainEntry
from kedro_asgi.io.patterns import Pattern, is_pattern
from kedro_asgi.runs import RuntimeParams


class Matcher:
    """Finds the entries of names; patterns that could not be compiled together do no harm, the best of them speaks."""

    def __init__(self, catalog: Mapping[str, Any]) -> None:
        self._catalog = catalog
        self._patterns = sorted(map(Pattern, filter(is_pattern, catalog)), key=lambda pattern: pattern.rank)

    def entry(self, name: str) -> Any:
        """Return the entry of ``name``, explicit or made from the best pattern, or ``None``."""
        if name in self._catalog:
            return self._catalog[name]
        match = next((match for pattern in self._patterns if (match := pattern.match(name))), None)
        if match is None:
            return None
        body = PlainEntry(match.pattern, self._catalog[match.pattern]).substitute(match.placeholders)
        return body.resolve(RuntimeParams())
