"""Has machines run projects, and keeps the outcomes for the test session."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from both_engines.cases import Ask, Case, Job, Project

Outcome = dict[str, Any]
_FOLDER = Path(__file__).parents[1]


class Worked:
    """The outcomes of cases on each engine. The first question about an engine runs all cases on it."""

    def __init__(self, cases: Iterable[tuple[Project, Case]]) -> None:
        by_name: dict[str, list[Case]] = {}
        self._projects = {project.name: project for project, _ in cases}
        for project, case in cases:
            if case not in by_name.setdefault(project.name, []):
                by_name[project.name].append(case)
        self._cases = by_name

    def outcome(self, engine: str, project: Project, case: Case) -> Outcome:
        """Return the outcome of ``case`` on ``engine``."""
        return self._outcomes(engine)[project.name, named(case.name, project)]

    @functools.cache  # noqa: B019 - the object lives as long as the test session
    def _outcomes(self, engine: str) -> dict[tuple[str, str], Outcome]:
        jobs = [(name, job) for name, cases in self._cases.items() for job in jobs_of(self._projects[name], cases)]
        answers = work([job for _, job in jobs], engine)
        return {
            (name, case.name): outcome
            for (name, job), outcomes in zip(jobs, answers, strict=True)
            for case, outcome in zip(job.cases, outcomes, strict=True)
        }


def jobs_of(project: Project, cases: Iterable[Case]) -> list[Job]:
    """Return the jobs of a project: one for each case, but a single one for all requests to a server."""
    groups: dict[Any, list[Case]] = {}
    for case in cases:
        is_shared = isinstance(case.call, Ask)
        key = (*sorted(case.files.items(), key=str), *sorted(case.environ.items())) if is_shared else case.name
        groups.setdefault(key, []).append(case)
    return [_named(project, cases) for cases in groups.values()]


def _named(project: Project, cases: Sequence[Case]) -> Job:
    """Return a job with the package's name in all its parts."""
    files = {**project.files, **cases[0].files}
    job = Job(package=project.package, files=files, environ=cases[0].environ, cases=tuple(cases))
    return msgspec.json.decode(named(msgspec.json.encode(job).decode(), project), type=Job)


def named(text: str, project: Project) -> str:
    """Return ``text`` with the package's name in it."""
    return text.replace("{package}", project.package)


def work(jobs: Sequence[Job], engine: str, *, timeout_seconds: float = 500) -> list[list[Outcome]]:
    """Start a machine that runs ``jobs``, and return the outcomes of each."""
    with tempfile.TemporaryDirectory(prefix=f"{engine}-") as folder:
        target = Path(folder).resolve()
        (target / "jobs.json").write_bytes(msgspec.json.encode(list(jobs)))
        done = subprocess.run(
            [sys.executable, "-m", "both_engines.machine", engine, str(target / "jobs.json"), str(target)],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
        )
        answers = [target / f"{number}.json" for number in range(len(jobs))]
        if missing := [job.cases[0].name for job, file in zip(jobs, answers, strict=True) if not file.is_file()]:
            raise AssertionError(f"{engine} did not finish {missing}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return [json.loads(file.read_text()) for file in answers]


def environment() -> dict[str, str]:
    """Return the environment of a machine: no telemetry, one thread for each library, no settings of Kedro."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KEDRO")}
    path = os.pathsep.join([str(_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        **inherited,
        "PYTHONPATH": path,
        "DO_NOT_TRACK": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
