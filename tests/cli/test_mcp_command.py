"""``kedro-asgi mcp``: an agent on standard input and output, with the real command as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from agents import MODES, Calling
from serving import clean_environment

PRINTING = """
import os, subprocess, sys
from kedro_asgi.pipeline import Pipeline, node
print("the module prints")

def talk(x):
    print("the node prints")
    os.write(1, b"the node writes to the descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('a child prints')"], check=True)
    return sys.stdin.read() + str(x)

def register_pipelines():
    return {"talk": Pipeline([node(talk, "params:a", "said", name="talk")])}
"""
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def line(project: Path) -> list[str]:
    return [sys.executable, "-m", "kedro_asgi", "mcp", str(project)]


@asynccontextmanager
async def agent_of_command(project: Path, *, mode: str = "auto"):
    command, *arguments = line(project)
    with (project.parent / "errors.log").open("w") as errors:
        parameters = StdioServerParameters(command=command, args=arguments, env=clean_environment())
        async with Client(stdio_client(parameters, errlog=errors), mode=mode) as client:
            yield client


@pytest.mark.anyio
@pytest.mark.parametrize("mode", [MODES[0], pytest.param(MODES[1], marks=pytest.mark.slow)])
async def test_an_agent_calls_tools_follows_and_cancels_runs_and_reads_resources(work: Path, mode: str) -> None:
    async with agent_of_command(work, mode=mode) as agent:
        assert "calc" in {tool.name for tool in (await agent.list_tools()).tools}
        result = await agent.call_tool("calc", {"params": {"a": 20}})
        assert result.structured_content["outputs"] == {"d": 44}
        async with anyio.create_task_group() as tasks:
            call = Calling(agent, "wait", {"params": {"seconds": 80}})
            tasks.start_soon(call.run)
            address = f"kedro://runs/{await call.run_id()}"
            call.cancel()
            await call.ended.wait()
        with anyio.fail_after(120):
            while json.loads((await agent.read_resource(address)).contents[0].text)["status"] != "cancelled":
                await anyio.sleep(0.01)


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def started() -> Iterator[Start]:
    """Return a function that starts the command for a project; keywords are environment variables."""
    processes: list[subprocess.Popen[str]] = []
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)

    def start(project: Path, **environ: str) -> "subprocess.Popen[str]":
        environment = {**clean_environment(), **environ}
        processes.append(subprocess.Popen(line(project), **pipes, text=True, env=environment, start_new_session=True))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()
        process.wait()


def ask(process: "subprocess.Popen[str]", **message: object) -> None:
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    process.stdin.flush()


def test_nothing_but_messages_is_on_standard_output(make_project, started: Start) -> None:
    printing = started(make_project(PRINTING))
    ask(printing, id=1, method="initialize", params=INITIALIZE)
    assert json.loads(printing.stdout.readline())["result"]["serverInfo"]["name"] == "kedro-asgi"
    ask(printing, method="notifications/initialized")
    printing.stdin.write("no message\n")
    ask(printing, id=2, method="tools/call", params={"name": "talk", "arguments": {}})
    answers = {}
    while 2 not in answers:
        answer = json.loads(printing.stdout.readline())
        answers[answer.get("id")] = answer
    # The node found its standard input empty.
    assert answers[2]["result"]["structuredContent"]["outputs"] == {"said": "1"}
    rest, errors = printing.communicate(timeout=60)
    assert (rest, printing.returncode) == ("", 0)
    for text in ("the module prints", "the node prints", "the node writes to the descriptor", "a child prints"):
        assert text in errors
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("by_signal", [True, False])
def test_a_signal_and_the_end_of_the_input_end_the_command_and_its_calls(
    work: Path, started: Start, *, by_signal: bool
) -> None:
    process = started(work, KEDRO_SERVER_GRACE_SECONDS="0.2")
    ask(process, id=1, method="initialize", params=INITIALIZE)
    assert process.stdout.readline()
    call = {"name": "wait", "arguments": {"params": {"seconds": 80}}, "_meta": {"progressToken": 1}}
    ask(process, id=2, method="tools/call", params=call)
    assert json.loads(process.stdout.readline())["method"] == "notifications/progress"
    if by_signal:
        process.send_signal(signal.SIGTERM)
        answer = json.loads(process.stdout.readline())
        assert "The server was shut down before the run ended" in answer["result"]["content"][0]["text"]
    else:
        process.stdin.close()
    assert process.wait(60) == 0
    assert "ended as cancelled" in process.stderr.read()


@pytest.mark.parametrize("arguments", [["mcp"], pytest.param(["serve", "--mcp"], marks=pytest.mark.slow)])
def test_without_the_package_the_command_says_what_to_install(
    tiny: Path, command, tmp_path: Path, arguments: list[str]
) -> None:
    # A finder in front of all others finds no module of this name.
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'mcp' else find(name, package)\n"
    )
    done = command(*arguments, tiny, environ={"PYTHONPATH": str(blocked)})
    assert done.returncode == 1
    assert "The Model Context Protocol needs an extra: pip install 'kedro-asgi[mcp]'" in done.stderr
    assert "Traceback" not in done.stderr
