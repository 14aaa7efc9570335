"""Frames of a client that travel as columns."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kedro_asgi.client import AsyncClient
from kedro_asgi.errors import RunFailedError, UnencodableRequestError, UnknownLibraryError
from kedro_asgi.server import create_http_server
from project_files import write_project
from serving import Process, clean_environment

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

_REGISTRY = """
import pandas as pd
import polars as pl
from kedro_asgi.pipeline import Pipeline, node

def join(left: pd.DataFrame, right: pl.DataFrame, factor: float):
    return left.assign(f=factor), right["n"], {"rows": len(right)}

def fail(left: pd.DataFrame):
    raise ValueError("no such row")

def register_pipelines():
    names = ["joined", "column", "facts"]
    joined = Pipeline([node(join, ["left", "right", "params:factor"], names, name="join")])
    return {"__default__": joined, "fail": Pipeline([node(fail, "left", "out", name="fail")])}
"""
_LEFT = pd.DataFrame({"n": [1, 2], "at": pd.to_datetime(["2026-01-02", None]).tz_localize("Europe/Berlin")})
_RIGHT = pl.DataFrame({"n": [1, None, 3], "s": ["a", "é", None]})
_INPUTS = {"left": _LEFT, "right": _RIGHT}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    files = {"src/{package}/pipeline_registry.py": _REGISTRY, "conf/base/parameters.yml": "factor: 1.5\n"}
    return create_http_server(write_project(tmp_path_factory.mktemp("frames") / "project", files), store="memory:")


async def test_frames_go_in_and_come_back_as_those_of_the_library_that_is_asked_for(app: Any) -> None:
    async with AsyncClient(app=app) as client:
        answer = await client.run(inputs=_INPUTS, params={"factor": 2.5}, frames="pandas")
        outputs = answer.outputs or {}
        pd.testing.assert_frame_equal(outputs["joined"], _LEFT.assign(f=2.5), check_dtype=False)
        assert outputs["joined"]["at"].dt.tz is not None
        assert outputs["facts"] == {"rows": 3}
        assert isinstance(outputs["column"], pd.Series)
        answer = await client.run_pipeline("__default__", inputs=_INPUTS, outputs=["joined", "column"], frames="polars")
        outputs = answer.outputs or {}
        assert outputs["joined"]["f"].to_list() == [1.5, 1.5]
        assert outputs["column"].to_list() == [1, None, 3]
        answer = await client.run(inputs=_INPUTS, outputs=["joined"], frames="pyarrow")
        assert isinstance((answer.outputs or {})["joined"], pa.Table)


async def test_inputs_that_are_no_frames_travel_beside_them(app: Any) -> None:
    async with AsyncClient(app=app) as client:
        inputs = {"left": [{"n": 1}], "right": pa.table({"n": [1, 2]})}
        answer = await client.run(inputs=inputs, outputs=["joined", "facts"], frames="polars")
        assert (answer.outputs or {})["facts"] == {"rows": 2}
        assert (answer.outputs or {})["joined"].to_dicts() == [{"n": 1, "f": 1.5}]


async def test_promised_runs_take_and_keep_columns(app: Any) -> None:
    async with AsyncClient(app=app) as client:
        run = await client.submit(inputs=_INPUTS, outputs=["joined", "facts", "column"], as_columns=True)
        run = await client.wait(run.run_id)
        assert run.status == "success"
        joined = await client.output(run.run_id, "joined", frames="pandas")
        assert str(joined["at"].dtype).endswith("Europe/Berlin]")
        assert (await client.output(run.run_id, "joined"))[0]["n"] == 1
        assert await client.output(run.run_id, "facts", frames="pandas") == {"rows": 3}
        assert (await client.output(run.run_id, "column", frames="polars")).to_list() == [1, None, 3]


async def test_errors_are_those_of_a_run_with_json(app: Any) -> None:
    async with AsyncClient(app=app) as client:
        with pytest.raises(RunFailedError, match="no such row"):
            await client.run(["fail"], inputs={"left": _LEFT}, frames="pandas")
        with pytest.raises(RunFailedError, match="gone"):
            await client.run(inputs={**_INPUTS, "gone": _LEFT}, frames="pandas")


WITHOUT_FORM = {
    "objects": (pd.DataFrame({"n": [1], "o": [object()]}), "column o with type object: Could not convert <object"),
    "complex numbers": (pd.DataFrame({"c": [1j]}), "column c with type complex128"),
    "names twice": (pa.table([[1], [2]], names=["a", "a"]), "columns share a name: 'a'"),
    "levels": (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "columns have several levels"),
    "a lazy frame": (pl.LazyFrame({"n": [1]}).select("gone"), "gone"),
}


@pytest.mark.parametrize(("frame", "reason"), WITHOUT_FORM.values(), ids=WITHOUT_FORM)
async def test_a_frame_without_a_form_in_arrow_is_named_with_its_column(app: Any, frame: Any, reason: str) -> None:
    async with AsyncClient(app=app) as client:
        with pytest.raises(UnencodableRequestError) as caught:
            await client.run(inputs={"left": frame}, frames="pandas")
    assert str(caught.value).startswith("The request cannot be encoded as Arrow: input 'left': ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("frames", ["panda", "", ["pandas"]])
async def test_a_library_that_is_unknown_is_refused(app: Any, frames: Any) -> None:
    async with AsyncClient(app=app) as client:
        told = r"'frames' must be one of 'pandas', 'polars', 'pyarrow', not "
        with pytest.raises(ValueError, match=told):
            await client.run_pipeline("__default__", inputs=_INPUTS, frames=frames)
        with pytest.raises(UnknownLibraryError, match=told):
            await client.output("none", "joined", frames=frames)


def test_without_pyarrow_the_client_names_the_extra_to_install(anyio_backend: str) -> None:
    hidden = "import sys; sys.modules['pyarrow'] = None; import kedro_asgi.client.columnar"
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, timeout=240, env=clean_environment()
    )
    assert "pip install 'kedro-asgi[arrow]'" in done.stderr


@pytest.mark.slow
async def test_frames_go_through_a_server_that_executes_runs_in_processes(start, tmp_path: Path) -> None:
    files = {"src/{package}/pipeline_registry.py": _REGISTRY, "conf/base/parameters.yml": "factor: 1.5\n"}
    project = write_project(tmp_path / "project", files)
    server: Process = start("kedro_asgi", "serve", project, "--executor", "process")
    large = pd.DataFrame({"n": range(20_000), "x": [0.5] * 20_000})
    async with AsyncClient(server.url) as client:
        answer = await client.run(inputs={**_INPUTS, "left": large}, outputs=["joined", "facts"], frames="pandas")
    pd.testing.assert_frame_equal((answer.outputs or {})["joined"], large.assign(f=1.5))
