"""Routes whose paths hold the name of a pipeline or a dataset, which may be any text."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import Route


class NameRoute(Route):
    """A route with a ``{name:path}``, which matches line breaks too: Starlette's own does not."""

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, methods: Sequence[str], include_in_schema: bool = True
    ) -> None:
        super().__init__(path, endpoint, methods=list(methods), include_in_schema=include_in_schema)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)
