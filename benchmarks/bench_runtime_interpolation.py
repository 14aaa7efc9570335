"""What does a run pay for catalog entries whose paths depend on runtime parameters?

Catalogs of 10, 100 and 1,000 entries; each path goes through three references down to two runtime parameters, as in
``${_raw}/d1.csv``. Measured: evaluating every entry, as a run of the whole catalog does, and a whole run of a chain of
nodes that saves and loads every entry with a dataset that does nothing.
"""

import tempfile
from pathlib import Path

from harness import Row, median_us, read_options, write

from kedro_asgi.config import Config
from kedro_asgi.runs import RuntimeParams
from kedro_asgi.session import KedroServiceSession
from projects import write_project

SIZES = (10, 100, 1000)
RUNTIME = {"version": "v2", "bucket": "live"}

_GLOBALS = "csv: {sep: ','}\n"
_CATALOG = """
_version: ${runtime_params:version, v1}
_bucket: s3://${runtime_params:bucket, dev}/${globals:csv.sep}
_raw: ${_bucket}/${_version}/raw
"""
_ENTRY = """
d{n}:
  type: {package}.nothing.NothingDataset
  filepath: ${{_raw}}/d{n}.csv
  load_args: {{sep: "${{globals:csv.sep}}", label: "${{_version}} of d{n}"}}
"""
_DATASET = """
from kedro_asgi.io import AbstractDataset


class NothingDataset(AbstractDataset):
    def __init__(self, filepath, load_args):
        self._filepath = filepath

    def _load(self):
        return 1

    def _save(self, data):
        pass

    def _describe(self):
        return {}
"""
_REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node


def step(x):
    return x


def register_pipelines():
    names = ["params:a", *(f"d{{n}}" for n in range({most}))]
    nodes = [node(step, one, two, name=two) for one, two in zip(names, names[1:])]
    return {{f"first_{{size}}": Pipeline(nodes[:size]) for size in {sizes}}}
"""


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    repeats = options.pick(quick=1_000, full=5_000)
    with tempfile.TemporaryDirectory() as folder:
        project = _write(Path(folder))
        config = Config(project / "conf", base_env="base", default_run_env="local")
        session = KedroServiceSession.create(project_path=project, serving_mode=True)
        rows = [_row(config, session, size, repeats=max(repeats // size, 10)) for size in SIZES]
    write("runtime_interpolation", "catalog entries whose paths depend on runtime parameters", rows)


def _row(config: Config, session: KedroServiceSession, size: int, *, repeats: int) -> Row:
    entries = [config.entries("catalog")[f"d{n}"] for n in range(size)]
    runtime = RuntimeParams(values=RUNTIME)
    evaluate_us = median_us(lambda: [entry.resolve(runtime) for entry in entries], repeats=repeats)
    names = [f"first_{size}"]
    run_us = median_us(lambda: session.run(pipeline_names=names, runtime_params=RUNTIME), repeats=repeats)
    return {"entries": size, "evaluate_us": evaluate_us, "us_an_entry": evaluate_us / size, "run_us": run_us}


def _write(folder: Path) -> Path:
    project = write_project(folder, engine="kedro_asgi")
    package = next((project / "src").iterdir())
    package.joinpath("nothing.py").write_text(_DATASET, encoding="utf-8")
    registry = _REGISTRY.format(most=max(SIZES), sizes=SIZES)
    package.joinpath("pipeline_registry.py").write_text(registry, encoding="utf-8")
    catalog = _CATALOG + "".join(_ENTRY.format(n=n, package=package.name) for n in range(max(SIZES)))
    project.joinpath("conf/base/catalog.yml").write_text(catalog, encoding="utf-8")
    project.joinpath("conf/base/globals.yml").write_text(_GLOBALS, encoding="utf-8")
    return project


if __name__ == "__main__":
    main()
