"""Runs whose body or answer has tables; what reads and writes these is imported with the first of them."""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.dispatch import Finished
from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import JSON, MULTIPART
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import RunOrder, RunSpec, Slice
from kedro_asgi.schemas import RunAnswer, RunRequest, RunSubmission, RunSuccess
from kedro_asgi.server.access.control import check_pipelines
from kedro_asgi.server.bodies import BodyReader, idempotency_key, run_spec
from kedro_asgi.server.columnar.names import check_given_once, only_input, wrong_number
from kedro_asgi.server.content_negotiation import TABLES, MediaTypes
from kedro_asgi.server.problems import PipelineUnavailableError
from kedro_asgi.server.queries import run_timeout_seconds
from kedro_asgi.server.typed_pipelines import TypedPipelines

if TYPE_CHECKING:
    from kedro_asgi.server.columnar.bodies import TableBody
    from kedro_asgi.server.typed_pipeline import TypedPipeline
    from kedro_asgi.tables.arrow_table import ArrowTable

# How many times the size of its body a table may take in memory: JSON of that size takes more.
_MOST_UNPACKED = 4


class RunCalls(Protocol):
    """The calls of the routes of runs for an order whose tables are read."""

    def finish(self, request: Request, orders: list[RunOrder], *, json_bytes: int | None) -> Awaitable[Finished]:
        """Run the one order of a list to its end."""

    def describe(self, finished: Finished, *, with_outputs: bool) -> RunAnswer:
        """Return the answer in JSON."""

    async def run_order(
        self,
        request: Request,
        order: RunOrder,
        kinds: MediaTypes | None,
        *,
        json_bytes: int | None,
        with_outputs: bool = True,
    ) -> Response:
        """Run an order, and respond in JSON or as a stream."""


class ColumnarBody(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The fields of a run as JSON has them, without its tables, and these; ``None`` is a table without a name.

    ``json_bytes`` is the size of a body that is all JSON.
    """

    document: Any
    tables: "Mapping[str | None, ArrowTable]"
    input_name: str | None = None
    json_bytes: int | None = None

    def fields(self, kind: type[RunRequest]) -> Any:
        """Return the fields as a request of that kind; raises 422."""
        try:
            return msgspec.convert(self.document, kind)
        except msgspec.ValidationError as error:
            raise HTTPException(422, f"The fields of the run are invalid: {error}") from error


class ColumnarRuns:
    """Reads bodies with tables, and answers runs with tables. Belongs to the event loop; works in threads."""

    def __init__(self, bodies: BodyReader, pipelines: TypedPipelines, calls: RunCalls, *, failure_status: int) -> None:
        self._bodies = bodies
        self._pipelines = pipelines
        self._calls = calls
        self._failure_status = failure_status

    async def run(self, request: Request, kinds: MediaTypes) -> Response:
        """Respond to ``POST /run``; raises what `BodyReader.read` raises, and 404, 406, 415 or 422."""
        timeout_seconds, key = run_timeout_seconds(request), idempotency_key(request)
        fields, tables, json_bytes = await self._read_run(request, kinds)
        spec = await self._with_tables(run_spec(fields), tables)
        with_outputs = fields.outputs is not None
        del fields, tables  # they may be large, and the run may wait for long
        if kinds.has_columnar_answer and not with_outputs:
            pipeline = await self._pipeline(spec.slice)
            spec = msgspec.structs.replace(spec, outputs=pipeline.signature.default_outputs)
        order = RunOrder(spec=spec, timeout_seconds=timeout_seconds, key=key)
        del spec
        if kinds.has_columnar_answer:
            return await self.answer(request, order, kinds, json_bytes=json_bytes)
        return await self._calls.run_order(request, order, kinds, json_bytes=json_bytes, with_outputs=with_outputs)

    async def submission(self, request: Request, kinds: MediaTypes, kind: type[RunRequest]) -> "tuple[Any, RunSpec]":
        """Return the fields of a ``POST /runs`` whose body has tables, and what it runs; raises what `run` raises."""
        body = await self.read(request, kinds, kind)
        fields = body.fields(kind)
        check_pipelines(request.scope, fields.pipeline_names)
        return fields, await self._with_tables(run_spec(fields), body)

    async def read(self, request: Request, kinds: MediaTypes, kind: type[RunRequest]) -> ColumnarBody:
        """Return a body with tables; raises what `BodyReader.read_buffer` raises, 413, 415 or 422."""
        content = await self._bodies.read_buffer(request)
        return await self._bodies.in_thread(partial(self._decoded, content, kinds, request, kind))

    async def read_any(self, request: Request, kinds: MediaTypes) -> ColumnarBody:
        """Return the body of a single pipeline, which may be JSON as a whole; raises what `read` raises."""
        if kinds.body != JSON:
            return await self.read(request, kinds, RunSubmission)
        body = await self._bodies.read_json(request)
        return ColumnarBody(document=body.document, tables={}, json_bytes=body.size)

    async def answer(self, request: Request, order: RunOrder, kinds: MediaTypes, *, json_bytes: int | None) -> Response:
        """Run an order, and respond with its tables.

        An answer of one table needs one output. With another number the answer is JSON; raises 406 if the caller takes
        no JSON.
        """
        outputs = order.spec.outputs or ()
        if kinds.answer not in TABLES or len(outputs) == 1:
            await self._bodies.in_thread(_require_library_for_answers)
            order = with_columnar_outputs(order)
        elif not kinds.takes_json:
            raise HTTPException(406, wrong_number(kinds.answer, outputs))
        orders = [order]
        del order
        finished = await self._calls.finish(request, orders, json_bytes=json_bytes)
        return await self._bodies.in_thread(partial(self._response, finished, kinds, outputs))

    async def named_tables(self, body: ColumnarBody, pipeline: "TypedPipeline") -> "tuple[dict[str, ArrowTable], Any]":
        """Return tables by the names of inputs, and the document with the first rows of each as JSON in its place."""
        if not body.tables:
            return {}, body.document
        given = body.document.get("inputs") or {}
        if not isinstance(given, dict):
            # The check of the document tells what is wrong.
            return {}, body.document
        name = body.input_name
        if name is None and None in body.tables:
            name = only_input(pipeline, given)
        tables = _named(body, name)
        check_given_once(tables, given)
        samples = await self._bodies.in_thread(partial(_samples, tables))
        return tables, {**body.document, "inputs": {**given, **samples}}

    async def kept_output(self, name: str, content: bytes, kinds: MediaTypes | None) -> Response:
        """Return a kept output in the form that its reader wants; raises 406 if it has no such form."""
        return await self._bodies.in_thread(partial(_kept_output, name, content, kinds))

    async def keeping_columns(self, order: RunOrder) -> RunOrder:
        """Return an order whose tables among the outputs are kept as columns; raises 406 if they cannot be."""
        await self._bodies.in_thread(_require_library_for_answers)
        return with_columnar_outputs(order)

    # --- bodies ---

    async def _read_run(
        self, request: Request, kinds: MediaTypes
    ) -> tuple[RunRequest, ColumnarBody | None, int | None]:
        if kinds.body == JSON:
            fields, size = await self._bodies.read(request, RunRequest)
            return fields, None, size
        body = await self.read(request, kinds, RunRequest)
        fields = body.fields(RunRequest)
        check_pipelines(request.scope, fields.pipeline_names)
        return fields, body, None

    def _decoded(self, content: bytearray, kinds: MediaTypes, request: Request, kind: type[RunRequest]) -> ColumnarBody:
        from kedro_asgi.server.columnar.bodies import decode_body
        from kedro_asgi.server.columnar.query_fields import fields_in, input_name

        max_bytes = _MOST_UNPACKED * self._bodies.max_bytes
        body: TableBody = decode_body(content, kinds.body, kinds.content_type, max_bytes=max_bytes)
        if body.document is not None:
            return ColumnarBody(document=body.document, tables=body.tables)
        query = request.query_params
        return ColumnarBody(document=fields_in(query, kind), tables=body.tables, input_name=input_name(query))

    async def _with_tables(self, spec: RunSpec, body: ColumnarBody | None) -> RunSpec:
        if body is None or not body.tables:
            return spec
        name = body.input_name
        if name is None and None in body.tables:
            name = only_input(await self._pipeline(spec.slice), spec.inputs)
        tables = _named(body, name)
        check_given_once(tables, spec.inputs)
        return msgspec.structs.replace(spec, inputs={**spec.inputs, **tables})

    async def _pipeline(self, slice_: Slice) -> "TypedPipeline":
        found = await self._pipelines.find(slice_ if slice_.pipeline_names else _default(slice_))
        if found.error is not None:
            raise PipelineUnavailableError(found.error) from found.error
        return found.value()

    # --- answers, in a thread ---

    def _response(self, finished: Finished, kinds: MediaTypes, outputs: tuple[str, ...]) -> Response:
        from kedro_asgi.server.columnar.answers import parts_response, table_response

        answer = self._calls.describe(finished, with_outputs=True)
        headers = {"Run-Id": answer.run_id, "Vary": "Accept"}
        if not isinstance(answer, RunSuccess):
            return _json_response(answer, self._status_of_failure(finished), headers)
        if kinds.answer == MULTIPART:
            return parts_response(answer, headers)
        if len(outputs) != 1:
            return _json_response(_in_json(answer), 200, headers)
        (name,) = outputs
        try:
            content = (answer.outputs or {}).get(name)
            if content is None:
                raise HTTPException(406, f"Output '{name}' cannot be given: {answer.output_problems.get(name)}")
            return table_response(name, content, kinds.answer, headers)
        except HTTPException:
            if not kinds.takes_json:
                raise
        return _json_response(_in_json(answer), 200, headers)

    def _status_of_failure(self, finished: Finished) -> int:
        """Return the status of an answer that is no table: a reader of tables would take 200 for one."""
        if self._failure_status != 200:
            return self._failure_status
        error = finished.record.error
        is_request = finished.record.status == "failure" and error is not None and error.node is None
        return 422 if is_request else 500


def with_tables(order: RunOrder, tables: "Mapping[str, ArrowTable]") -> RunOrder:
    """Return an order with tables in place of the rows that stood for them."""
    if not tables:
        return order
    spec = msgspec.structs.replace(order.spec, inputs={**order.spec.inputs, **tables})
    return msgspec.structs.replace(order, spec=spec)


def with_columnar_outputs(order: RunOrder) -> RunOrder:
    """Return an order whose tables among the outputs are kept as columns."""
    return msgspec.structs.replace(order, spec=msgspec.structs.replace(order.spec, output_format="arrow"))


def _default(slice_: Slice) -> Slice:
    return msgspec.structs.replace(slice_, pipeline_names=(DEFAULT_PIPELINE,))


def _require_library_for_answers() -> None:
    from kedro_asgi.server.columnar.library import require_library

    require_library(406)


def _named(body: ColumnarBody, name: str | None) -> "dict[str, ArrowTable]":
    """Return the tables by the names of inputs; ``name`` is that of a table without one."""
    found = {name if given is None else given: table for given, table in body.tables.items()}
    return {given: table for given, table in found.items() if given is not None}


def _samples(tables: "Mapping[str, ArrowTable]") -> dict[str, Any]:
    from kedro_asgi.server.columnar.samples import sample

    return {name: sample(name, table) for name, table in tables.items()}


def _in_json(answer: RunSuccess) -> RunSuccess:
    from kedro_asgi.server.columnar.answers import json_of

    outputs = {name: msgspec.Raw(json_of(name, content)) for name, content in (answer.outputs or {}).items()}
    return msgspec.structs.replace(answer, outputs=outputs)


def _json_response(answer: RunAnswer, status: int, headers: Mapping[str, str]) -> Response:
    return Response(encode_json(answer), status, headers, media_type=JSON)


def _kept_output(name: str, content: bytes, kinds: MediaTypes | None) -> Response:
    from kedro_asgi.server.columnar.answers import json_of, table_response

    headers = {"Vary": "Accept"}
    if kinds is not None and kinds.answer in TABLES:
        try:
            return table_response(name, content, kinds.answer, headers)
        except HTTPException:
            if not kinds.takes_json:
                raise
    return Response(json_of(name, content), 200, headers, media_type=JSON)
