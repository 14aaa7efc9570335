"""What does it save to load a model once, for all runs?

The predict pipeline of the spaceflights project, six offers a run as a frame, with each of its models: loaded by
every run, preloaded, and beside both the same functions in a plain script, whose model stays loaded.
"""

import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "projects"))

from spaceflights_copy import copy_spaceflights

from kedro_asgi.session import KedroServiceSession

MODELS = ("baseline.regressor", "candidate.regressor")
_REPEATS = 300


def main() -> None:
    """Run the benchmark and print a table, then a JSON line for each case."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        project = copy_spaceflights(Path(folder) / "spaceflights", package="bench_spaceflights")
        KedroServiceSession.create(project_path=project).run()
        cases = [_case(project, model) for model in MODELS]
    print(f"{'model':<22}{'plain ms':>10}{'preloaded ms':>14}{'loaded ms':>11}{'saved':>7}")
    for case in cases:
        saved = 1 - case["preloaded_ms"] / case["loaded_ms"]
        print(
            f"{case['model']:<22}{case['plain_ms']:>10.2f}{case['preloaded_ms']:>14.2f}"
            f"{case['loaded_ms']:>11.2f}{saved:>7.0%}"
        )
    for case in cases:
        print(json.dumps(case))


def _case(project: Path, model: str) -> dict[str, Any]:
    pipeline = project / "src" / "bench_spaceflights" / "pipelines" / "predict" / "pipeline.py"
    source = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(source.replace("baseline.regressor", model), encoding="utf-8")
    for name in [name for name in sys.modules if name.startswith("bench_spaceflights")]:
        del sys.modules[name]
    loading = KedroServiceSession.create(project_path=project, serving_mode=True, preload=())
    sharing = KedroServiceSession.create(project_path=project, serving_mode=True, preload=[model])
    context = sharing.load_context()
    offers = context.catalog.load("offers")
    plain, preloaded, loaded = _medians_ms(
        _script(sharing.engine.artifacts[model].value, offers, context.params["features"]),
        lambda: sharing.run(pipeline_names=["predict"], inputs={"offers": offers}),
        lambda: loading.run(pipeline_names=["predict"], inputs={"offers": offers}),
    )
    pipeline.write_text(source, encoding="utf-8")
    return {"model": model, "plain_ms": plain, "preloaded_ms": preloaded, "loaded_ms": loaded}


def _script(model: Any, offers: Any, features: list[str]) -> Callable[[], object]:
    from bench_spaceflights.pipelines.predict.nodes import predict, prepare

    return lambda: predict(model, prepare(offers, features), offers)


def _medians_ms(*functions: Callable[[], object]) -> list[float]:
    """Take turns, so that all see the same machine."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(_REPEATS):
        for function, found in zip(functions, times, strict=True):
            started = time.perf_counter()
            function()
            found.append(time.perf_counter() - started)
    return [round(statistics.median(found) * 1000, 3) for found in times]


if __name__ == "__main__":
    main()
