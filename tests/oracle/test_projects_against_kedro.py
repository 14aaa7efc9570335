"""Whole projects on both engines: results, files, errors, hooks, logs and wire answers are the same.

Our engine runs each project twice: with our imports, and unchanged with Kedro's (the bridge).
"""

import pytest
from both_engines.cases import Case, Project, Script
from both_engines.comparison import problems
from both_engines.outcomes import Worked
from oracle_projects import PARTS

# Three quarters of the time; `make test` has other tests of these rooms.
LONG_PARTS = ("cfg", "hook", "par", "prj", "run", "ses")

ALL = [
    pytest.param(
        project,
        case,
        id=f"{part}-{project.name}-{case.rule}-{case.name}",
        marks=[pytest.mark.slow] if part in LONG_PARTS else [],
    )
    for part, projects in PARTS.items()
    for project in projects
    for case in project.cases
]


def is_of_a_project(case: Case) -> bool:
    """Whether a case only runs a project, and its script imports no engine."""
    return not (isinstance(case.call, Script) and "kedro" in case.call.body)


@pytest.fixture(scope="module")
def worked(request: pytest.FixtureRequest) -> Worked:
    """The cases of all collected tests of this file; one process for each engine runs them."""
    items = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    return Worked([(item.callspec.params["project"], item.callspec.params["case"]) for item in items])


def check(worked: Worked, engine: str, project: Project, case: Case) -> None:
    ours, theirs = worked.outcome(engine, project, case), worked.outcome("kedro", project, case)
    if found := problems(case, ours, theirs, package=project.package):
        pytest.fail("\n".join(found), pytrace=False)


def test_cases_are_told_apart_by_their_names() -> None:
    names = [(project.name, case.name) for project, case in (param.values for param in ALL)]
    assert [name for name in set(names) if names.count(name) > 1] == []


@pytest.mark.timeout(500)
@pytest.mark.parametrize(("project", "case"), ALL)
def test_the_same_on_both_engines(worked: Worked, project: Project, case: Case) -> None:
    check(worked, "kedro_asgi", project, case)


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.parametrize(("project", "case"), [param for param in ALL if is_of_a_project(param.values[1])])
def test_the_same_with_a_project_that_imports_kedro(worked: Worked, project: Project, case: Case) -> None:
    check(worked, "bridged", project, case)
