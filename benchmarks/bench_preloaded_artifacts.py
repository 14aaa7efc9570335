"""What does it save to load a model once, for all runs?

The predict pipeline of the spaceflights project, six offers a run as a frame, with each of its models: loaded by
every run, preloaded, and beside both the same functions in a plain script, whose model stays loaded.
"""

import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness import Case, Numbers, Row, find, read_options, take_turns, write
from spaceflights import PACKAGE, PREDICT, write_trained_project

from kedro_asgi.session import KedroServiceSession

MODELS = ("baseline.regressor", "candidate.regressor")
_SIDES = ("script", "preloaded", "loaded by every run")


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rounds = options.pick(quick=30, full=300)
    with tempfile.TemporaryDirectory() as name:
        project = write_trained_project(Path(name) / "spaceflights")
        write("preloaded_artifacts", "a model that is loaded once", [_row(project, model, rounds) for model in MODELS])


def _row(project: Path, model: str, rounds: int) -> Row:
    pipeline = project / "src" / PACKAGE / "pipelines" / "predict" / "pipeline.py"
    source = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(source.replace("baseline.regressor", model), encoding="utf-8")
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    cases = [
        Case(side=side, measure=partial(_timed, work))
        for side, work in zip(_SIDES, _works(project, model), strict=True)
    ]
    measured = take_turns(cases, rounds=rounds)
    pipeline.write_text(source, encoding="utf-8")
    medians = {f"{side.partition(' ')[0]}_ms": find(measured, side).median("ms") for side in _SIDES}
    saved = 1 - find(measured, "preloaded").ratio("ms", find(measured, "loaded by every run"))
    return {"model": model, **medians, "saved": saved}


def _works(project: Path, model: str) -> list[Callable[[], object]]:
    loading = KedroServiceSession.create(project_path=project, serving_mode=True, preload=())
    sharing = KedroServiceSession.create(project_path=project, serving_mode=True, preload=[model])
    context = sharing.load_context()
    sent = {"offers": context.catalog.load("offers")}
    works = (
        _script(sharing.engine.artifacts[model].value, sent["offers"], context.params["features"]),
        lambda: sharing.run(**PREDICT, inputs=sent),
        lambda: loading.run(**PREDICT, inputs=sent),
    )
    for work in works:
        work()
    return list(works)


def _timed(work: Callable[[], object]) -> Numbers:
    started = time.perf_counter()
    work()
    return {"ms": (time.perf_counter() - started) * 1000}


def _script(model: Any, offers: Any, features: list[str]) -> Callable[[], object]:
    from bench_spaceflights.pipelines.predict.nodes import predict, prepare

    return lambda: predict(model, prepare(offers, features), offers)


if __name__ == "__main__":
    main()
