"""The named schemas that other schemas refer to, collected under names that are unique."""

import re
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

LOCAL = "#/$defs/"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


class Definitions:
    """Collects the ``$defs`` of schemas; references to them begin with ``prefix``.

    Two schemas of one name that differ get different names, which also differ from those ``reserved`` and from each
    other by more than case, since generators make file names of them.
    """

    def __init__(self, prefix: str = LOCAL, *, reserved: Iterable[str] = ()) -> None:
        self.schemas: dict[str, Json] = {}
        self._prefix = prefix
        self._taken = {name.lower() for name in reserved}
        self._sources: dict[str, list[tuple[Json, str]]] = {}

    def take(self, schema: Json) -> Json:
        """Return ``schema`` without its own ``$defs``, which move here."""
        found: dict[str, Json] = schema.get("$defs", {})
        names: dict[str, str] = {}
        new = []
        for name, source in found.items():
            known = next((kept for given, kept in self._sources.get(name, ()) if given == source), None)
            names[LOCAL + name] = self._prefix + (known or self.reserve(name))
            if known is None:
                kept = names[LOCAL + name].removeprefix(self._prefix)
                self._sources.setdefault(name, []).append((source, kept))
                new.append((kept, source))
        for kept, source in new:
            self.schemas[kept] = _renamed(source, names)
        taken: Json = _renamed({key: value for key, value in schema.items() if key != "$defs"}, names)
        return taken

    def add(self, name: str, schema: Json) -> Json:
        """Keep ``schema``, which has no ``$defs`` of its own, and return a reference to it."""
        kept = self.reserve(name)
        self.schemas[kept] = schema
        return {"$ref": self._prefix + kept}

    def find(self, schema: Json) -> Json:
        """Return the schema that a reference leads to, or ``schema`` itself."""
        name = schema.get("$ref", "").removeprefix(self._prefix)
        return self.schemas.get(name, schema)

    def used_by(self, tree: Any) -> dict[str, Json]:
        """Return the schemas that references in ``tree`` lead to, directly or through each other."""
        used: dict[str, Json] = {}
        rest = [tree]
        while rest:
            part = rest.pop()
            if isinstance(part, dict | list):
                rest += part.values() if isinstance(part, dict) else part
            elif isinstance(part, str) and part.startswith(self._prefix):
                name = part.removeprefix(self._prefix)
                if name in self.schemas and name not in used:
                    used[name] = self.schemas[name]
                    rest.append(used[name])
        return {name: schema for name, schema in self.schemas.items() if name in used}

    def reserve(self, name: str) -> str:
        """Return ``name``, or one like it, which nothing else has from now on."""
        base = _NOT_IN_NAMES.sub("_", name).strip("_.-") or "Schema"
        unique, number = base, 1
        while unique.lower() in self._taken:
            number += 1
            unique = f"{base}{number}"
        self._taken.add(unique.lower())
        return unique


def _renamed(tree: Any, names: dict[str, str]) -> Any:
    """Return a copy of ``tree`` with other names in its references."""
    if isinstance(tree, dict):
        return {key: _renamed(value, names) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_renamed(item, names) for item in tree]
    return names.get(tree, tree) if isinstance(tree, str) else tree
