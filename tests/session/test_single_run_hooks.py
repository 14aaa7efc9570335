"""Hooks that keep the state of one run, as those of kedro-mlflow do: each run has its own, and a thread of its own."""

from pathlib import Path

import anyio
import pytest

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio

# Starts a tracked run in a stack of the thread, remembers it in an attribute, and never ends it.
SETTINGS = """
import threading
from kedro_asgi.hooks import hook_impl

stack = threading.local()

class Tracking:
    single_run = {single_run}
    current = None

    @hook_impl
    def before_pipeline_run(self, run_params):
        stack.runs = [*getattr(stack, "runs", []), run_params["run_id"]]
        self.current = run_params["run_id"]

    @hook_impl
    def before_node_run(self, inputs):
        return {{name: [*stack.runs, self.current] for name in inputs if name == "tracked"}}

HOOKS = (Tracking(),)
"""
REGISTRY = """
import threading
from kedro_asgi.pipeline import Pipeline, node

both = threading.Barrier(2)

def meet(a):
    both.wait(30)
    return a

def register_pipelines():
    tracked = node(lambda a, tracked: tracked, ["a", "tracked"], "found", name="track")
    return {"__default__": Pipeline([node(meet, "params:a", "a", name="meet"), tracked])}
"""


def project(make_project, *, single_run: bool = True) -> Path:
    return make_project(REGISTRY, settings=SETTINGS.format(single_run=single_run))


async def test_runs_of_a_dispatcher_share_neither_the_hook_nor_its_thread(make_project) -> None:
    async with AsyncSession.create(project_path=project(make_project)) as session, Dispatcher(session) as runs:
        for _ in range(3):
            two = [await runs.submit(inputs={"tracked": 0}, outputs=["found"]) for _ in range(2)]
            for run in two:
                assert (await runs.wait(run.run_id)).status == "success"
                assert await runs.output(run.run_id, "found") == f'["{run.run_id}","{run.run_id}"]'.encode()


async def test_runs_of_a_session_share_neither_the_hook_nor_its_thread(make_project) -> None:
    async with AsyncSession.create(project_path=project(make_project)) as session:
        await session.prepare()
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                for _ in range(2):
                    tasks.start_soon(_run_and_check, session)


async def _run_and_check(session: AsyncSession) -> None:
    result = await session.run(inputs={"tracked": 0}, outputs=["found"])
    assert result.outputs["found"] == [result.run_id, result.run_id]


async def test_runs_share_other_hooks(make_project) -> None:
    async with AsyncSession.create(project_path=project(make_project, single_run=False)) as session:
        service = await session.prepare()
        assert not service.engine.needs_own_threads
