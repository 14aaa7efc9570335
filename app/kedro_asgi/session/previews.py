"""Previews of datasets, for the catalog entries that ask for one."""

import json
from collections.abc import Mapping
from typing import Any

from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import NoPreviewError, PreviewFailedError
from kedro_asgi.errors.wording import close_matches
from kedro_asgi.failures import failure_sentence
from kedro_asgi.inspection import catalog_entries
from kedro_asgi.io.files.base import FileDataset
from kedro_asgi.session.engine import Engine
from kedro_asgi.viz_metadata import preview_arguments

# A preview is for a page. Its file is read as a whole, so the size of that has a limit, too.
_MAX_ROWS, _MAX_LETTERS, _MAX_BYTES, _MAX_FILE_BYTES = 100, 20_000, 2_000_000, 16_000_000
_DEFAULT_ROWS = 5
_PICTURE = "data:image/png;base64,"


def preview_dataset(engine: Engine, name: str) -> bytes:
    """Return a preview of a dataset as JSON, in the form in which outputs are given; a picture is a ``data:`` URI.

    A dataset with a method ``preview`` makes it, with the arguments in the catalog; of one of our own files, the first
    rows or letters are shown. Raises `NoPreviewError`, `PreviewFailedError`, and the errors of the configuration.
    """
    planner = engine.planner
    entries = catalog_entries(planner, planner.project.pipelines.load())
    arguments = preview_arguments(entries.get(name, {}))
    if arguments is None:
        matches = [] if name in entries else close_matches(name, entries)
        raise NoPreviewError(name, "no 'preview_args' for kedro-viz in the metadata of its catalog entry", matches)
    try:
        dataset = engine.catalog_without_parameters(planner)[name]
        content = bytes(encode_output(name, _preview(name, dataset, arguments)))
    except NoPreviewError:
        raise
    except Exception as error:  # datasets of a project may raise anything
        raise PreviewFailedError(name, failure_sentence(error)) from error
    if len(content) > _MAX_BYTES:
        raise PreviewFailedError(name, f"it has {len(content)} bytes, more than {_MAX_BYTES}")
    return content


def _preview(name: str, dataset: Any, arguments: Mapping[str, Any]) -> object:
    rows = _rows(arguments)
    if callable(getattr(dataset, "preview", None)):
        bounded = {**arguments, **({"nrows": rows} if "nrows" in arguments else {})}
        return _plain(dataset.preview(**bounded), _kind(dataset))
    if isinstance(dataset, FileDataset):
        return _beginning(name, dataset, rows)
    raise NoPreviewError(name, f"'{type(dataset).__name__}' has no method 'preview'")


def _rows(arguments: Mapping[str, Any]) -> int:
    rows = arguments.get("nrows", _DEFAULT_ROWS)
    return min(max(rows, 0), _MAX_ROWS) if isinstance(rows, int) else _DEFAULT_ROWS


def _kind(dataset: Any) -> str:
    """Return the name of the type that ``preview`` returns, by which kedro-datasets tell what a text is."""
    hint = getattr(type(dataset).preview, "__annotations__", {}).get("return")
    return hint if isinstance(hint, str) else getattr(hint, "__name__", "")


def _plain(value: Any, kind: str) -> object:
    """Return a preview as outputs are given: records for a table in columns and rows, the value of a JSON text."""
    match value:
        case {"columns": columns, "data": rows}:
            return [dict(zip(map(str, columns), row, strict=False)) for row in rows[:_MAX_ROWS]]
        case str() if kind == "ImagePreview":
            return value if value.startswith("data:") else _PICTURE + value
        case str() if kind == "JSONPreview":
            return json.loads(value)
    return value


def _beginning(name: str, dataset: FileDataset, rows: int) -> object:
    size = dataset.stored_bytes()
    if size > _MAX_FILE_BYTES:
        raise NoPreviewError(name, f"its file has {size} bytes, more than {_MAX_FILE_BYTES}")
    match dataset.load():
        case list() as found:
            return found[:rows]
        case str() as text:
            return text[:_MAX_LETTERS]
        case value:
            return value
