"""Evaluates configurations with Kedro's loader, in a process of its own. Reads JSON cases, writes JSON answers.

A case is ``{"files": {path: text}, "key": str, "arguments": {...}}``; an answer holds ``value`` or ``error``.
"""

import contextlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RESOLVERS = {
    "add": lambda *numbers: sum(numbers),
    "kind": lambda value: type(value).__name__,
    "same": lambda value: value,
    "shown": lambda *values: repr(values),
}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write ``files`` and return the configuration source, with both environments, even if they are empty."""
    for path, text in {"base/.keep": "", "local/.keep": "", **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def encoded(value: Any) -> Any:
    """Return ``value`` as JSON that keeps Python's distinctions: 1 and 1.0, and keys that are no text."""
    if isinstance(value, dict):
        return {"mapping": [[encoded(key), encoded(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return {"float": repr(value)} if isinstance(value, float) else value


def type_name(error: BaseException) -> str:
    """Return the name of an error's class."""
    return type(error).__name__


def answer(
    case: Mapping[str, Any], loader_class: Any, name_of: Callable[[BaseException], str] = type_name
) -> dict[str, Any]:
    """Return the value that a loader gives for ``case``, or its error."""
    with tempfile.TemporaryDirectory() as folder:
        source = write(Path(folder), case["files"])
        try:
            loader = loader_class(
                str(source),
                base_env="base",
                default_run_env="local",
                custom_resolvers=RESOLVERS,
                **case["arguments"],
            )
            return {"value": encoded(loader[case["key"]])}
        except Exception as error:
            return {"error": name_of(error), "message": str(error)}


def main() -> None:
    from kedro.config import OmegaConfigLoader

    warnings.simplefilter("ignore")
    cases = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answers = [answer(case, OmegaConfigLoader) for case in cases]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
