"""Series of runs of one project. A runtime parameter gives each run its own folder of data."""

import re
import shutil
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import msgspec

from both_engines.cases import Ask, Case, Project, Run
from both_engines.dialect import written
from both_engines.encoding import Encoder, tree

_PARALLEL = "ParallelRunner"
_QUOTED = re.compile(r"filepath: ([\"'])data/")
_BARE = re.compile(r"filepath: data/((?:\$\{[^}\n]*\}|[^,}\n])*)")
_TURN = re.compile(r"turn-[a-z]+-\d+")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a series: its request, and the number that names its folder."""

    number: int
    body: Mapping[str, Any]
    runner: str | None
    is_http: bool

    def params(self, kind: str) -> dict[str, Any]:
        """Return the runtime parameters of this turn in a series called ``kind``."""
        return {**self.body.get("params", {}), "turn": self.name(kind)}

    def name(self, kind: str) -> str:
        """Return the name of this turn's folder of data."""
        return f"turn-{kind}-{self.number:03}"


def turns_of(project: Project, count: int) -> list[Turn]:
    """Return ``count`` runs: those of the project's cases in turn, with varied values, every fourth over HTTP."""
    runs = [run for case in project.cases if (run := _run(case)) is not None]
    varied = {name: cycle(values) for name, values in project.varied.items()}
    turns = []
    for number, (body, runner, is_http) in enumerate(islice(cycle(runs), count if runs else 0)):
        params = {**{name: next(values) for name, values in varied.items()}, **(body.get("params") or {})}
        made = {**body, "params": params}
        turns.append(Turn(number=number, body=made, runner=runner, is_http=is_http or (number % 4 == 3 and not runner)))
    return turns


def variants_of(project: Project) -> list[Project]:
    """Return a new project for each run that needs other files."""
    return [
        msgspec.structs.replace(
            project,
            name=f"{project.name}_{number}",
            files={**project.files, **case.files},
            cases=(msgspec.structs.replace(case, files={}),),
        )
        for number, case in enumerate(project.cases)
        if case.files and isinstance(case.call, Run)
    ]


def write_for_turns(project: Project, folder: Path, kinds: tuple[str, ...], count: int) -> Path:
    """Write a project whose datasets lie in ``data/<turn>``, with a copy of ``data`` for each turn."""
    for path, text in written(project.files, package=project.package, engine="kedro_asgi").items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_by_turn(text) if re.match(r"conf/.*catalog", path) else text, encoding="utf-8")
    seeds = folder / "data"
    if seeds.is_dir():
        seeds.rename(folder / "seeds")
        for kind in kinds:
            for number in range(count):
                shutil.copytree(folder / "seeds", seeds / f"turn-{kind}-{number:03}")
    return folder


class Results:
    """Encodes how runs end, so that a run of one series equals the same run of another series."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._encoder = Encoder(folder)

    def ended(self, turn: Turn, kind: str, end: Mapping[str, Any]) -> Any:
        """Return the result ``end`` of a run and the files that it wrote."""
        data = self._folder / "data" / turn.name(kind)
        files = [self.shown([path, content.decode(errors="backslashreplace")]) for path, content in tree(data).items()]
        return self.shown({**end, "files": sorted(files)})

    def shown(self, value: Any) -> Any:
        """Return ``value`` as text without the names of its series."""
        text = msgspec.json.encode(self._encoder.value(value), order="sorted").decode()
        return _TURN.sub("turn", text)


def _run(case: Case) -> tuple[dict[str, Any], str | None, bool] | None:
    """Return a case as a request to run; ``None`` where other requests at the same time would disturb it."""
    if case.files or case.environ:
        return None
    match case.call:
        case Run(runner=runner) as call if not (call.create.keys() - {"runtime_params", "serving_mode"}):
            if runner and _PARALLEL in runner:
                return None
            arguments = {key: value for key, value in call.arguments.items() if key not in ("run_id", "runtime_params")}
            params = call.arguments.get("runtime_params") or call.create.get("runtime_params") or {}
            return {**arguments, "params": params}, runner, False
        case Ask(path="/run", json=dict() as body):
            is_parallel = _PARALLEL in str(body.get("runner"))
            return None if is_parallel or not _is_valid(body) else (body, None, True)
    return None


def _is_valid(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("params") or {}, dict)


def _by_turn(text: str) -> str:
    text = _QUOTED.sub(r"filepath: \1data/${runtime_params:turn}/", text)
    return _BARE.sub(r'filepath: "data/${runtime_params:turn}/\1"', text)
