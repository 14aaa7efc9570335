"""When a Dask worker fits the sender of its work."""

import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kedro_asgi.cluster_member import ClusterMember, MemberFacts
from kedro_asgi.errors import MemberMismatchError, ProjectError
from kedro_asgi.session import KedroServiceSession
from kedro_asgi.session.async_session import Outcome
from project_files import write_project

REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node
def register_pipelines():
    return {"__default__": Pipeline([node(lambda x: x, "params:a", "b", name="same")])}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(
        tmp_path / "project",
        {"conf/base/parameters.yml": "a: 1\n", "src/{package}/pipeline_registry.py": REGISTRY},
    )


def session(project: Path) -> KedroServiceSession:
    return KedroServiceSession.create(project_path=project)


def facts(opened: KedroServiceSession) -> MemberFacts:
    return MemberFacts.of(opened.engine.planner)


def test_a_worker_with_the_same_files_fits(project: Path) -> None:
    ClusterMember("here", Outcome(result=session(project))).check(facts(session(project)))


def test_files_of_the_local_environment_may_differ(project: Path) -> None:
    before = facts(session(project))
    (project / "conf/local/parameters.yml").write_text("a: 2\n")
    assert facts(session(project)) == before


def test_a_worker_with_other_sources_does_not_fit(project: Path) -> None:
    member = ClusterMember("tcp://10.0.0.1:9", Outcome(result=session(project)))
    next(project.glob("src/*/pipeline_registry.py")).write_text(REGISTRY + "# changed\n")
    with pytest.raises(
        MemberMismatchError, match=r"tcp://10\.0\.0\.1:9 .*: it has other source files of the package\."
    ):
        member.check(facts(session(project)))


def test_other_versions_are_named(project: Path) -> None:
    member = ClusterMember("here", Outcome(result=session(project)))
    newer = msgspec.structs.replace(member.facts, kedro_asgi="99.0", python="4.0")
    with pytest.raises(
        MemberMismatchError, match=r"it has kedro-asgi \S+ instead of 99\.0; it has Python 3\.\d+ instead"
    ):
        member.check(newer)


def test_a_worker_reads_configuration_again_that_the_sender_has_reloaded(project: Path) -> None:
    member = ClusterMember("here", Outcome(result=session(project)))
    (project / "conf/base/parameters.yml").write_text("a: 5\n")
    member.check(facts(session(project)))
    spec = member.session.run()
    assert spec["b"].load() == 5


def test_a_worker_reloads_once_for_each_reload_of_a_sender(project: Path) -> None:
    member = ClusterMember("here", Outcome(result=session(project)))
    first = member.session.engine.planner
    member.reload_for("server", "")
    assert member.session.engine.planner is first
    member.reload_for("server", "1")
    second = member.session.engine.planner
    member.reload_for("server", "1")
    assert first is not second is member.session.engine.planner


def test_a_project_that_cannot_be_opened_is_the_error_of_each_use() -> None:
    member = ClusterMember("here", Outcome(error=ProjectError("broken")))
    uses = (lambda: member.session, lambda: member.facts)
    for use in uses:
        with pytest.raises(ProjectError, match="broken"):
            use()


def test_the_error_of_opening_the_project_does_not_grow_with_each_use() -> None:
    member = ClusterMember("here", Outcome(error=ProjectError("broken")))
    for use in (lambda: member.session, lambda: member.facts):
        assert len({_frames_of_error(use) for _ in range(3)}) == 1


def _frames_of_error(use: Callable[[], object]) -> int:
    with pytest.raises(ProjectError) as raised:
        use()
    return len(list(traceback.walk_tb(raised.value.__traceback__)))
