"""The results of tools: the record of a run and its outputs, as structured content and as text."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from mcp_types import CallToolResult, ResourceLink, TextContent

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.encoding import encode_json, escape_surrogates
from kedro_asgi.errors import OutputNotFoundError
from kedro_asgi.errors.wording import shortened
from kedro_asgi.media_types import JSON
from kedro_asgi.runs import ErrorDetail, RunRecord
from kedro_asgi.server.mcp.json_outputs import output_as_json
from kedro_asgi.server.mcp.resource_addresses import log_address, output_address
from kedro_asgi.server.mcp.resource_texts import NoResourceError
from kedro_asgi.signatures import BodyCheck

# Results fill the context of an agent; outputs for which a result has no more room are resources only.
_MAX_OUTPUTS_BYTES = 256 * 1024
_MAX_ERROR = 4000
# Earlier revisions of the protocol have no links in results.
_LINKS_SINCE = "2025-06-18"
_VALUE: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def refusal(text: str) -> CallToolResult:
    """Return the result of a call of which no run came: an error that the agent reads."""
    return CallToolResult(content=[TextContent(text=escape_surrogates(text))], is_error=True)


async def result_of(
    runs: Dispatcher, record: RunRecord, results: BodyCheck, *, protocol_version: str
) -> CallToolResult:
    """Return the result of a call whose run has ended; ``results`` checks the outputs against the tool's schema."""
    if record.status != "success":
        return _failure(record)
    kept = await _Outputs.read(runs, record, results)
    content = _content(record, outputs=kept.values, output_problems=kept.problems)
    text = TextContent(text=encode_json(content).decode())
    links = kept.links if protocol_version >= _LINKS_SINCE else ()
    return CallToolResult(content=[text, *links], structured_content=content)


def unfinished(record: RunRecord) -> CallToolResult:
    """Return the result of a call whose server ends before the run."""
    text = f"The server is shutting down. Run {record.run_id} is {record.status}, and the next server goes on with it."
    return refusal(text)


def _failure(record: RunRecord) -> CallToolResult:
    error = record.error
    where = f" in node '{error.node}'" if error is not None and error.node is not None else ""
    reason = "" if error is None else f": {error.type}: {shortened(error.message, _MAX_ERROR)}"
    text = f"Run {record.run_id} ended with status '{record.status}'{where}{reason}\nIts log: {log_address(record)}"
    details = {} if error is None else {"error": _error_content(error)}
    return CallToolResult(
        content=[TextContent(text=escape_surrogates(text))],
        structured_content=_content(record, **details),
        is_error=True,
    )


def _error_content(error: ErrorDetail) -> Any:
    try:
        return _VALUE.decode(encode_json(error))
    except msgspec.DecodeError:
        return {"type": error.type, "message": escape_surrogates(error.message)}


def _content(record: RunRecord, **more: Any) -> dict[str, Any]:
    return {"run_id": record.run_id, "status": record.status, "duration_ms": record.duration_ms, **more}


class _Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """The kept outputs of a run: those that the result holds, and why each other one is not there."""

    values: Mapping[str, Any]
    problems: Mapping[str, str]
    links: Sequence[ResourceLink]

    @classmethod
    async def read(cls, runs: Dispatcher, record: RunRecord, results: BodyCheck) -> "_Outputs":
        values: dict[str, Any] = {}
        problems, links = dict(record.output_problems), []
        room = _MAX_OUTPUTS_BYTES
        for name in record.outputs:
            try:
                value = await runs.output(record.run_id, name)
                if (problem := _size_problem(value, _MAX_OUTPUTS_BYTES)) is None:
                    value = await output_as_json(name, value)
                    problem = _size_problem(value, room) or _problem(name, value, values, results)
            except (OutputNotFoundError, NoResourceError) as error:
                problems[name] = str(error)
                continue
            if problem is not None:
                address = output_address(record, name)
                problems[name] = f"{problem}; it is the resource {address}"
                links.append(ResourceLink(uri=address, name=name, mime_type=JSON))
            else:
                room -= len(value)
        return cls(values=values, problems=problems, links=links)


def _size_problem(value: bytes, room: int) -> str | None:
    if len(value) <= room:
        return None
    beside = " beside the outputs before it" if len(value) <= _MAX_OUTPUTS_BYTES else ""
    return f"The output has {len(value)} bytes, which is too much for a result{beside}"


def _problem(name: str, value: bytes, values: dict[str, Any], results: BodyCheck) -> str | None:
    """Add an output to ``values``, or say why not: a client refuses a whole result that does not fit the schema."""
    try:
        decoded = _VALUE.decode(value)
    except msgspec.DecodeError:
        return "The output holds text that is not valid Unicode"
    found = next(results.problems({name: decoded}), None)
    if found is None:
        values[name] = decoded
        return None
    loc = ".".join(map(str, found.path))
    return f"The output does not fit the type hint of its node ({loc}: {found.message})"
