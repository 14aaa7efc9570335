"""How a notebook shows pipelines, catalogs and what runs return."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from reprlib import Repr
from typing import Any

import msgspec

from kedro_asgi.dispatch import Finished
from kedro_asgi.errors.wording import class_path, shortened
from kedro_asgi.graph import build_graph, draw, draw_svg, lay_out
from kedro_asgi.io import DataCatalog
from kedro_asgi.ipython.notebook_session import RunOutputs
from kedro_asgi.ipython.project_variables import RegisteredPipelines
from kedro_asgi.ipython.shell import Shell
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.project.current import CurrentPipelines
from kedro_asgi.redaction import redact
from kedro_asgi.reserved_names import shown_pipelines
from kedro_asgi.runs import RunRecord
from kedro_asgi.session import RunResult

# Catalogs have thousands of entries.
_MAX_ROWS = 200
_MAX_CHARACTERS = 200


def show_objects(shell: Shell) -> None:
    """Show pipelines as their graphs, and catalogs, pipelines by name and results of runs as tables."""
    formatters = shell.display_formatter.formatters
    formatters["image/svg+xml"].for_type(Pipeline, pipeline_svg)
    for cls, display in _TABLES.items():
        formatters["text/html"].for_type(cls, display)


def pipeline_svg(pipeline: Pipeline) -> str:
    """Return the graph of a pipeline as a picture."""
    graph = build_graph("pipeline", pipeline, {}, root=Path.cwd())
    return draw_svg(graph, lay_out(draw(graph)))


def catalog_table(catalog: DataCatalog) -> str:
    """Return a table of the datasets; makes none of them."""
    names = catalog.keys()
    rows = ((name, catalog.get_type(name) or "", _filepath(catalog, name)) for name in names)
    return _table(("Dataset", "Type", "File"), rows, count=len(names))


def pipelines_table(pipelines: Mapping[str, Pipeline]) -> str:
    """Return a table of the registered pipelines."""
    rows = (
        (name, len(found.nodes), ", ".join(sorted(found.inputs())), ", ".join(sorted(found.outputs())))
        for name, found in pipelines.items()
    )
    return _table(("Pipeline", "Nodes", "Inputs", "Outputs"), rows, count=len(pipelines))


def outputs_table(outputs: Mapping[str, Any]) -> str:
    """Return a table of the outputs that a session's ``run`` returns; loads none of them."""
    return _table(
        ("Output", "Dataset"), ((name, class_path(type(found))) for name, found in outputs.items()), count=len(outputs)
    )


def result_table(result: RunResult) -> str:
    """Return a table of a run that succeeded, and of its outputs."""
    facts = _table(("Run", "Duration"), [(result.run_id, _seconds(result.duration_ms))], count=1)
    return facts + _values_table(result.outputs)


def record_table(record: RunRecord) -> str:
    """Return a table of what is recorded of a run."""
    error = "" if record.error is None else f"{record.error.type}: {record.error.message}"
    pipelines = shown_pipelines(record.pipeline_names)
    row = (record.run_id, record.status, pipelines, _seconds(record.duration_ms), ", ".join(record.saved), error)
    return _table(("Run", "Status", "Pipelines", "Duration", "Saved", "Error"), [row], count=1)


def finished_table(finished: Finished) -> str:
    """Return a table of a run that has ended, and of its outputs."""
    return record_table(finished.record) + _values_table(finished.outputs)


def _values_table(outputs: Mapping[str, Any]) -> str:
    rows = ((name, *_described(value)) for name, value in outputs.items())
    return _table(("Output", "Type", "Value"), rows, count=len(outputs)) if outputs else ""


def _described(value: object) -> tuple[str, str]:
    """Return the type and the text of an output; a `Dispatcher` gives JSON."""
    if isinstance(value, msgspec.Raw):
        return "JSON", bytes(memoryview(value)[: 4 * _MAX_CHARACTERS]).decode(errors="replace")
    return class_path(type(value)), _short_repr(value)


def _short_repr(value: object) -> str:
    """Return the ``repr`` of the beginning of ``value``: that of all may be as large as the value."""
    short = Repr()
    short.maxlist = short.maxtuple = short.maxdict = 20
    short.maxstring = short.maxother = _MAX_CHARACTERS
    return short.repr(value)


def _filepath(catalog: DataCatalog, name: str) -> str:
    return redact(str(catalog.shown_config(name).get("filepath", "")))


def _seconds(duration_ms: float | None) -> str:
    return "" if duration_ms is None else f"{duration_ms / 1000:.3f} s"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, count: int) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in islice(rows, _MAX_ROWS))
    more = f"<p>and {count - _MAX_ROWS} more</p>" if count > _MAX_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: object) -> str:
    return f"<td>{escape(shortened(str(value), _MAX_CHARACTERS))}</td>"


_TABLES: Mapping[type, Callable[[Any], str]] = {
    DataCatalog: catalog_table,
    CurrentPipelines: pipelines_table,
    RegisteredPipelines: pipelines_table,
    RunOutputs: outputs_table,
    RunResult: result_table,
    RunRecord: record_table,
    Finished: finished_table,
}
