"""The result of a run, as sessions return it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kedro_asgi.runs import RunId

Convert = Callable[[str, Any], Any]
"""Makes something else, such as JSON, of an output; called with its name and its value."""


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """A run that succeeded; ``outputs`` holds the loaded values by dataset name.

    ``output_problems`` says for each output that could not be loaded or converted why it is missing.
    """

    run_id: RunId
    duration_ms: float
    outputs: Mapping[str, Any]
    output_problems: Mapping[str, str] = {}
