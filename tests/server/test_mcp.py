"""The tools and resources that an agent gets from an application in this process."""

import json
import logging
from pathlib import Path

import httpx
import pytest
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.routing import Mount

from agents import MODES, agent_of, text_of
from kedro_asgi.dispatch import Policy
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.tokens import make_token, token_line
from kedro_asgi.server.mcp.pipeline_resources import PipelineResources
from kedro_asgi.server.mcp.tool_names import tool_name
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession
from typed_project import PARAMETERS, TYPED

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    # Under trio, the SDK's client leaves generators of answers to the collector of garbage.
    return "asyncio"


EFFECTS = """
from kedro_asgi.pipeline import Pipeline, node

def one(x) -> int:
    '''Return what it gets.

    And nothing else.
    '''
    return x

def wrong(x) -> dict[str, int]:
    return [x]

def big(x):
    return "x" * 300_000

def two(x):
    return "x" * 200_000, "y" * 200_000, "z"

def table(x):
    import pandas
    return pandas.DataFrame({"n": [x, 2]})

def register_pipelines():
    return {
        "memory": Pipeline([node(one, "params:a", "kept", name="first")]),
        "file": Pipeline([node(one, "params:a", "written", name="first")]),
        "versions": Pipeline([node(one, "params:a", "versioned", name="first")]),
        "wrong": Pipeline([node(wrong, "params:a", "value", name="first")]),
        "table": Pipeline([node(table, "params:a", "value", name="first")]),
        "big": Pipeline([node(big, "params:a", "value", name="first")]),
        "two": Pipeline([node(two, "params:a", ["one", "other", "last"], name="first")]),
    }
"""
CATALOG = """
written: {type: json.JSONDataset, filepath: data/written.json}
versioned: {type: json.JSONDataset, filepath: data/versioned.json, versioned: true}
"""


def served(project: Path, **options: object) -> Starlette:
    return create_http_server(project, mcp=True, store="memory:", **options)


@pytest.mark.parametrize("mode", MODES)
async def test_each_pipeline_is_a_tool_with_the_schema_of_its_endpoint(make_project, mode: str) -> None:
    app = served(make_project(TYPED, parameters=PARAMETERS))
    async with agent_of(app, mode=mode) as agent:
        tools = {tool.title: tool for tool in (await agent.list_tools()).tools}
    assert tools.keys() == {"__default__", "score it!", "constant", "run", "é"}
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")
    async with http:
        for name, tool in tools.items():
            assert tool.name == tool_name(name)
            assert tool.input_schema == (await http.get(f"/pipelines/{name}/schema")).json()


async def test_none_in_place_of_a_pipeline_is_no_tool(make_project) -> None:
    registry = TYPED.replace("    return {\n", '    return {\n        "none": None,\n', 1)
    assert '"none": None' in registry
    async with agent_of(served(make_project(registry, parameters=PARAMETERS))) as agent:
        titles = {tool.title for tool in (await agent.list_tools()).tools}
    assert "run" in titles
    assert "none" not in titles


def test_the_names_of_tools_have_only_characters_that_all_hosts_take() -> None:
    names = ["predict", "data-science", "data.science", "data science", "é", "x" * 65, "", "__default__"]
    tools = list(map(tool_name, names))
    assert tools[:2] == names[:2]
    assert tools[-1] == "__default__"
    assert len(set(tools)) == len(names)
    assert all(tool.replace("_", "").replace("-", "").isalnum() and tool.isascii() for tool in tools)
    assert max(map(len, tools)) <= 64


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_runs_the_pipeline_and_returns_its_outputs(make_project, mode: str) -> None:
    async with agent_of(served(make_project(TYPED, parameters=PARAMETERS)), mode=mode) as agent:
        result = await agent.call_tool("run", {"params": {"a": 20}})
        assert not result.is_error
        assert result.structured_content["outputs"] == {"d": 44}
        assert result.structured_content["status"] == "success"
        assert json.loads(text_of(result)) == result.structured_content
        part = await agent.call_tool("run", {"node_names": ["add"], "outputs": ["s"]})
        assert part.structured_content["outputs"] == {"s": 3}


async def test_the_result_of_a_typed_tool_fits_its_schema(make_project) -> None:
    inputs = {"rows": [{"n": 2}], "my order": {"id": 1}, "offer": {"price": 1.5}}
    async with agent_of(served(make_project(TYPED, parameters=PARAMETERS))) as agent:
        await agent.list_tools()  # from now on, the client checks results
        result = await agent.call_tool(
            tool_name("score it!"), {"inputs": {f"shop.eu.{k}": v for k, v in inputs.items()}}
        )
        assert list(result.structured_content["outputs"].values()) == [{"total": 6.0}]


async def test_wrong_arguments_are_told_with_their_places_and_run_nothing(make_project) -> None:
    async with agent_of(served(make_project(TYPED, parameters=PARAMETERS))) as agent:
        result = await agent.call_tool("run", {"params": {"c": 1}, "timeout_seconds": "long"})
        assert result.is_error
        assert "- params.c: Extra inputs are not permitted" in text_of(result)
        assert "- timeout_seconds: " in text_of(result)
        typed = await agent.call_tool(tool_name("score it!"), {"params": {"model": {"depth": "deep"}}})
        assert "- params.model.depth: Input should be a whole number" in text_of(typed)
        assert "- inputs: Field required" in text_of(typed)
        slice_ = await agent.call_tool("run", {"node_names": ["nope"]})
        assert "nope" in text_of(slice_)
        assert (await agent.read_resource("kedro://runs")).contents[0].text == "[]"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_numbers_that_json_does_not_have_are_refused(make_project, value: float) -> None:
    app = served(make_project(TYPED, parameters=PARAMETERS))
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool_name("score it!"), "arguments": {"inputs": {"shop.eu.rows": [{"n": value}]}}},
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        answer = await http.post("/mcp", content=json.dumps(message), headers=headers)
    assert answer.status_code == 200
    assert "JSON has no NaN" in answer.text


async def test_outputs_that_are_kept_as_columns_are_given_as_json(make_project) -> None:
    app = served(make_project(EFFECTS, catalog=CATALOG))
    async with agent_of(app) as agent:
        result = await agent.call_tool("table", {"output_format": "arrow"})
        assert result.structured_content["outputs"] == {"value": [{"n": 1}, {"n": 2}]}
        address = f"kedro://runs/{result.structured_content['run_id']}/outputs/value"
        assert (await agent.read_resource(address)).contents[0].text == '[{"n":1},{"n":2}]'
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        path = address.replace("kedro:/", "")
        kept = await http.get(path, headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert kept.content[:4] == b"\xff\xff\xff\xff"


@pytest.mark.parametrize("mode", MODES)
async def test_text_that_is_not_valid_unicode_is_a_resource_only(make_project, mode: str) -> None:
    registry = EFFECTS.replace('"x" * 300_000', "'half \\ud800'").replace(
        "return [x]", "raise ValueError('half \\ud800')"
    )
    async with agent_of(served(make_project(registry, catalog=CATALOG)), mode=mode) as agent:
        result = await agent.call_tool("big")
        assert "not valid Unicode" in result.structured_content["output_problems"]["value"]
        (content,) = (await agent.read_resource(result.content[1].uri)).contents
        assert json.loads(content.text) == "half \ud800"
        failed = await agent.call_tool("wrong")
        assert "half \\ud800" in text_of(failed)


async def test_an_unknown_tool_is_an_error_of_the_protocol(tiny: Path) -> None:
    async with agent_of(served(tiny)) as agent:
        with pytest.raises(MCPError, match=r"There is no tool 'clac'. Did you mean 'calc'\?"):
            await agent.call_tool("clac")


@pytest.mark.parametrize("mode", MODES)
async def test_a_run_that_fails_is_an_error_of_the_tool_with_the_id_of_the_run(work: Path, mode: str) -> None:
    async with agent_of(served(work), mode=mode) as agent:
        await agent.list_tools()
        result = await agent.call_tool("boom")
        assert result.is_error
        run_id = result.structured_content["run_id"]
        assert f"Run {run_id} ended with status 'failure' in node 'boom': ValueError: boom at" in text_of(result)
        assert "secret" not in result.model_dump_json()
        record = json.loads((await agent.read_resource(f"kedro://runs/{run_id}")).contents[0].text)
        assert record["status"] == "failure"


async def test_hints_tell_what_a_pipeline_saves(make_project) -> None:
    async with agent_of(served(make_project(EFFECTS, catalog=CATALOG))) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
    hints = {name: tool.annotations for name, tool in tools.items()}
    assert hints["memory"].read_only_hint is True
    assert (hints["file"].read_only_hint, hints["file"].destructive_hint) == (False, True)
    assert (hints["versions"].read_only_hint, hints["versions"].destructive_hint) == (False, False)
    text = tools["file"].description
    assert "Saves: written.\nReplaces the former content of: written." in text
    assert "- first: Return what it gets.\n" in f"{text}\n"


async def test_outputs_that_do_not_fit_the_schema_or_are_large_are_resources_only(make_project) -> None:
    async with agent_of(served(make_project(EFFECTS, catalog=CATALOG))) as agent:
        await agent.list_tools()
        for name, reason, value in (
            ("wrong", "does not fit the type hint", [1]),
            ("big", "300002 bytes", "x" * 300_000),
        ):
            result = await agent.call_tool(name)
            assert result.structured_content["outputs"] == {}
            assert reason in result.structured_content["output_problems"]["value"]
            (link,) = result.content[1:]
            assert json.loads((await agent.read_resource(link.uri)).contents[0].text) == value


async def test_outputs_that_are_large_together_are_resources_where_the_room_ends(make_project) -> None:
    async with agent_of(served(make_project(EFFECTS, catalog=CATALOG))) as agent:
        result = await agent.call_tool("two", {"outputs": ["one", "other", "last"]})
        outputs, problems = (result.structured_content[key] for key in ("outputs", "output_problems"))
        assert (len(outputs), outputs["last"]) == (2, "z")
        ((name, problem),) = problems.items()
        assert "200002 bytes, which is too much for a result beside the outputs before it" in problem
        (link,) = result.content[1:]
        content = (await agent.read_resource(link.uri)).contents[0].text
    assert (name not in outputs, len(json.loads(content))) == (True, 200_000)


@pytest.mark.parametrize("mode", MODES)
async def test_pipelines_and_runs_are_resources(work: Path, mode: str) -> None:
    app = served(work)
    async with app.router.lifespan_context(app), agent_of(app, mode=mode) as agent:
        result = await agent.call_tool("lines", {"params": {"count": 2}})
        run = f"kedro://runs/{result.structured_content['run_id']}"
        listed = {resource.uri for resource in (await agent.list_resources()).resources}
        assert {"kedro://pipelines", "kedro://runs", "kedro://pipelines/held", run} <= listed
        texts = {}
        for template in (await agent.list_resource_templates()).resource_templates:
            address = template.uri_template.replace("kedro://runs/{run_id}", run)
            address = address.replace("outputs/{name}", "outputs/counted").replace("{name}", "lines")
            (content,) = (await agent.read_resource(address)).contents
            assert content.mime_type == template.mime_type
            texts[template.name] = content.text
    assert "WARNING project [lines]: line 1" in texts["runs/{run_id}/log"]
    assert '"event":"RunEnded"' in texts["runs/{run_id}/events"]
    assert texts["runs/{run_id}/outputs/{name}"] == "2"
    assert texts["runs/{run_id}/graph.mmd"].startswith("flowchart TD")
    assert ":::success" in texts["runs/{run_id}/graph.mmd"]
    assert texts["pipelines/{name}/graph.svg"].startswith("<svg")
    assert json.loads(texts["pipelines/{name}"])["nodes"][0]["name"] == "lines"
    assert "count" in json.loads(texts["pipelines/{name}/schema"])["properties"]["params"]["properties"]


async def test_pipelines_are_listed_once_until_a_reload(tiny: Path) -> None:
    async with AsyncSession.create(tiny) as session:
        resources = PipelineResources(session, TypedPipelines(session))
        listed = await resources.listed()
        assert await resources.listed() is listed
        await session.reload()
        again = await resources.listed()
        assert (again is listed, again) == (False, listed)


@pytest.mark.parametrize(
    "address",
    [
        "kedro://",
        "kedro://nope",
        "http://pipelines",
        "kedro://pipelines/nope",
        "kedro://runs/nope",
        "kedro://runs/%00/log",
        "kedro://pipelines/calc/nope",
        "kedro://[",
        "kedro://pipelines/%ud800",
        "kedro://runs/x/outputs/a/b",
    ],
)
async def test_a_resource_that_does_not_exist_is_an_error(tiny: Path, address: str) -> None:
    async with agent_of(served(tiny)) as agent:
        with pytest.raises(MCPError, match=r"There is no (resource|pipeline|run)|No run|not exist"):
            await agent.read_resource(address)


async def test_a_project_that_cannot_be_read_is_told(make_project) -> None:
    async with agent_of(served(make_project("raise RuntimeError('broken on purpose')\n"))) as agent:
        with pytest.raises(MCPError, match="broken on purpose"):
            await agent.list_tools()
        assert "broken on purpose" in text_of(await agent.call_tool("calc"))


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_mounted_application_answers_without_its_lifespan(tiny: Path) -> None:
    app = Starlette(routes=[Mount("/kedro", served(tiny))])
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        answer = await http.post("/kedro/mcp", json=message, headers=headers)
        assert '"name":"calc"' in answer.text
        assert (await http.get("/kedro/mcp")).status_code == 405


async def test_without_the_setting_there_is_no_route(tiny: Path) -> None:
    app = create_http_server(tiny, store="memory:")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        assert (await http.post("/mcp", json={})).status_code == 404


@pytest.mark.parametrize(("options", "limit"), [({}, 256 * 1024), ({"max_body_bytes": 1000}, 1000)])
async def test_a_body_that_is_too_large_is_refused(tiny: Path, options: dict[str, int], limit: int) -> None:
    app = served(tiny, **options)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        answer = await http.post("/mcp", content=b"x" * (limit + 1))
    assert (answer.status_code, answer.json()["id"]) == (413, None)
    async with agent_of(app) as agent:
        with pytest.raises(MCPError, match=f"larger than {limit} bytes"):
            await agent.call_tool("calc", {"params": {"a": "x" * limit}})


# --- access ---

READER, RUNNER, LEFT = make_token(), make_token(), make_token()
TOKENS = "\n".join(
    [
        token_line("reader", READER, ["read"]),
        token_line("runner", RUNNER, ["run"]),
        token_line("left", LEFT, ["read", "run"], ["calc"]),
    ]
)


async def test_a_caller_without_a_token_is_refused(tiny: Path) -> None:
    app = served(tiny, tokens=TOKENS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        for headers in ({}, {"Authorization": f"Bearer {make_token()}"}):
            answer = await http.post("/mcp", json={}, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")


async def test_a_caller_without_run_sees_no_tools_and_calls_none(tiny: Path, caplog) -> None:
    app = served(tiny, tokens=TOKENS)
    async with agent_of(app, token=READER) as agent:
        assert (await agent.list_tools()).tools == []
        assert len((await agent.list_resources()).resources) == 4
        with pytest.raises(MCPError, match="'reader' does not have the scope 'run'"):
            await agent.call_tool("calc")
    assert "POST /mcp: refused with 403" in caplog.text


async def test_a_caller_without_read_calls_tools_and_reads_nothing(tiny: Path, caplog) -> None:
    caplog.set_level(logging.INFO)
    app = served(tiny, tokens=TOKENS)
    async with agent_of(app, token=RUNNER) as agent:
        assert (await agent.call_tool("calc")).structured_content["outputs"] == {"d": 6}
        assert (await agent.list_resources()).resources == []
        assert (await agent.list_resource_templates()).resource_templates == []
        with pytest.raises(MCPError, match="'runner' does not have the scope 'read'"):
            await agent.read_resource("kedro://pipelines")
    lines = [line.getMessage() for line in caplog.records if line.name == "kedro_asgi.audit"]
    assert lines[0].endswith("POST /mcp/tools/calc: 200")
    assert lines[1].endswith("refused with 403 ('runner' does not have the scope 'read'.)")
    assert len(lines) == 2


async def test_the_log_of_access_has_the_status_of_a_refused_call(work: Path, caplog) -> None:
    caplog.set_level(logging.INFO)
    app = served(work, tokens=TOKENS, policy=Policy(max_concurrent_runs=1, max_queued_runs=0, grace_seconds=0))
    headers = {"Authorization": f"Bearer {RUNNER}"}
    transport = httpx.ASGITransport(app=app)
    async with agent_of(app, token=RUNNER) as agent, httpx.AsyncClient(transport=transport, headers=headers) as http:
        body = {"pipeline_names": ["wait"], "params": {"seconds": 600}}
        assert (await http.post("http://server/runs", json=body)).status_code == 202
        assert "accepts no more for now" in text_of(await agent.call_tool("calc"))
        assert "do not fit the tool" in text_of(await agent.call_tool("calc", {"params": 1}))
    lines = [line.getMessage() for line in caplog.records if line.name == "kedro_asgi.audit"]
    assert [line.rpartition(" ")[2] for line in lines if "/mcp/tools/calc" in line] == ["429", "422"]


async def test_a_caller_that_is_limited_to_pipelines_finds_no_others(tiny: Path) -> None:
    app = served(tiny, tokens=TOKENS)
    async with agent_of(app, token=RUNNER) as agent:
        other = (await agent.call_tool("__default__")).structured_content["run_id"]
    async with agent_of(app, token=LEFT) as agent:
        assert [tool.name for tool in (await agent.list_tools()).tools] == ["calc"]
        own = (await agent.call_tool("calc")).structured_content["run_id"]
        uris = {resource.uri for resource in (await agent.list_resources()).resources}
        assert uris == {"kedro://pipelines", "kedro://runs", "kedro://pipelines/calc", f"kedro://runs/{own}"}
        with pytest.raises(MCPError, match="There is no tool '__default__'"):
            await agent.call_tool("__default__")
        for address in (f"kedro://runs/{other}", f"kedro://runs/{other}/log", "kedro://pipelines/__default__"):
            with pytest.raises(MCPError, match="There is no resource"):
                await agent.read_resource(address)


async def test_pages_of_other_sites_and_other_hosts_are_refused(tiny: Path) -> None:
    app = served(tiny, allowed_hosts=["server"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        assert (await http.post("/mcp", json={}, headers={"Origin": "https://evil.example"})).status_code == 403
        assert (await http.post("/mcp", json={}, headers={"Host": "evil.example"})).status_code == 400
