"""What a catalog that is not compiled says of a name, for those who only look (SRV-47)."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.io.entry import PlainEntry
from kedro_asgi.io.patterns import Pattern, is_pattern
from kedro_asgi.runs import RuntimeParams


def matching_entry(catalog: Mapping[str, Any], name: str) -> Any:
    """Return the entry of ``name``, explicit or made from the best pattern, or ``None``.

    Patterns that could not be compiled together do no harm here: the best of them speaks.
    """
    if name in catalog:
        return catalog[name]
    patterns = sorted(map(Pattern, filter(is_pattern, catalog)), key=lambda pattern: pattern.rank)
    match = next((match for pattern in patterns if (match := pattern.match(name))), None)
    if match is None:
        return None
    body = PlainEntry(match.pattern, catalog[match.pattern]).substitute(match.placeholders)
    return body.resolve(RuntimeParams())
