"""Whole random projects, run by both engines: the same results, files and kinds of errors, run after run."""

import json
import re
from typing import Any

import pytest
from both_engines.cases import Project
from both_engines.drawing import draw
from both_engines.outcomes import Outcome, jobs_of, work
from random_projects import projects

# Parts of messages that the contract quotes. The words that a group matches must be the same, in any order.
FRAGMENTS = [
    r"Pipeline input\(s\) \{(.*)\} not found in the DataCatalogWithCatalogCommandsMixin",
    r"^(\S+): Data for MemoryDataset has not been saved yet",
    r"^(\S+): Saving 'None' to a 'Dataset' is not allowed",
    r"^(\S+): Failed while (loading data from|saving data to) dataset",
    r"^(\S+): Save path '(.*)' for .* must not exist if versioning is enabled",
    r"'load_versions' keys \[(.*)\] are not found in the catalog",
    r"Pipeline contains no nodes after applying all provided filters",
    r"Pipeline does not contain nodes named \[(.*?)\]",
    r"Pipeline does not contain datasets named \[(.*)\]",
    r"Pipeline does not contain nodes with the following namespaces: \[(.*)\]",
    r"Failed to find the pipeline named '(.*)'",
    r"(no luck with \d+)",
    r"^(\S+): Did not find any versions for",
    r"(Async data loading and saving does not work with nodes wrapping generator functions)",
]


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_random_projects_run_as_they_do_in_kedro() -> None:
    compare(25)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_projects_run_as_they_do_in_kedro() -> None:
    compare(2000)


def compare(count: int) -> None:
    """Draw ``count`` projects, have both engines run them, and compare."""
    drawn = draw(projects(), count)
    jobs = [job for project in drawn for job in jobs_of(project, project.cases)]
    ours = work(jobs, "kedro_asgi", timeout_seconds=3000)
    theirs = work(jobs, "kedro", timeout_seconds=3000)
    problems = [
        (project, problem)
        for project, [our], [their] in zip(drawn, ours, theirs, strict=True)
        if (problem := difference(project, our, their))
    ]
    assert not problems, f"{len(problems)} of {count} differ; the smallest:\n{shown(*min(problems, key=size))}"
    assert sum("value" in run for [their] in theirs for run in their["value"]) > count, "too few of the runs succeed"


def difference(project: Project, our: Outcome, their: Outcome) -> Any:
    """Return what differs.

    Where several nodes run at a time, chance decides which failure comes first, and the engines treat the nodes that
    run at that moment differently (Q-30).
    """
    if our["error"] or their["error"]:
        return our["message"], their["message"]
    pairs = list(zip(our["value"], their["value"], strict=True))
    if is_at_a_time(project) and all("error" in run for run in pairs[-1]):
        return [pair for pair in pairs[:-1] if run_difference(*pair)] or None
    runs = [pair for pair in pairs if run_difference(*pair)]
    return runs or ((our["files"], their["files"]) if our["files"] != their["files"] else None)


def is_at_a_time(project: Project) -> bool:
    """Whether the last run of a project runs several nodes or loads at a time."""
    return "runners = [None, None, None]" not in project.cases[0].call.body


def run_difference(mine: dict[str, Any], kedros: dict[str, Any]) -> bool:
    if "value" in kedros or "value" in mine:
        return mine != kedros
    quoted = [fragment for fragment in FRAGMENTS if found(fragment, kedros["message"])]
    return mine["error"] != kedros["error"] or any(
        found(fragment, mine["message"]) != found(fragment, kedros["message"]) for fragment in quoted
    )


def found(fragment: str, message: str) -> list[list[str]] | None:
    """Return the matches of a fragment's groups, as sorted words; ``None`` if the message does not have it."""
    match = re.search(fragment, message)
    return [sorted(re.split(r"[\[\]',\s]+", group or "")) for group in match.groups()] if match else None


def size(problem: tuple[Project, Any]) -> int:
    return len(json.dumps(problem[0].files))


def shown(project: Project, problem: Any) -> str:
    made = [path for path in project.files if path.endswith((".json", "catalog.yml", "parameters.yml"))]
    parts = [f"{path}: {project.files[path]}" for path in made]
    return "\n".join([*parts, project.cases[0].call.body, f"ours, kedro: {problem}"])
