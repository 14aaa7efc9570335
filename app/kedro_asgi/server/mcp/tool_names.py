"""The names of tools: those of pipelines, in the characters that all hosts of agents take."""

import hashlib
import re

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OTHER = re.compile(r"[^A-Za-z0-9_-]")
_MAX_START = 55


def tool_name(pipeline: str) -> str:
    """Return the name of the tool that runs ``pipeline``: the same, or one that ends with eight digits of its hash.

    The name depends on nothing else, so an agent finds a tool again after a reload.
    """
    if _PLAIN.fullmatch(pipeline):
        return pipeline
    digits = hashlib.sha256(pipeline.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_OTHER.sub('_', pipeline)[:_MAX_START]}_{digits}"
