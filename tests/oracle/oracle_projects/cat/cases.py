"""Helpers that write cases of catalogs."""

import textwrap
from collections.abc import Mapping
from typing import Any

from both_engines.cases import Case, Deviation, Script

_OPEN = """
import sys, yaml
sys.path.insert(0, str(project.path))
from kedro.io import (
    AbstractDataset, AbstractVersionedDataset, CachedDataset, DataCatalog, DatasetError, MemoryDataset, Version
)
catalog = DataCatalog.from_config(yaml.safe_load({entries!r}), **{arguments})
"""


def catalog(
    rule: str,
    name: str,
    entries: str,
    body: str,
    *,
    seed: str = "",
    arguments: str = "{}",
    ours: Mapping[str, Any] | None = None,
    why: str = "",
    **facts: Any,
) -> Case:
    """Return a case on a catalog of ``entries``, in the project's folder."""
    facts = {"compare": ("value", "error", "files"), **facts}
    lines = _OPEN.format(entries=textwrap.dedent(entries), arguments=arguments) + seed + textwrap.dedent(body)
    deviation = Deviation(why=why, ours=ours) if ours is not None else None
    return Case(rule=rule, name=name, call=Script(body=lines), deviation=deviation, **facts)


LOAD = "return catalog.load('x')"

AT = "{'save_version': 'v9'}"
