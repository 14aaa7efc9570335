"""Validates datasets on one engine and writes the outcomes: a script.

``validators_machine.py kedro target.json``
"""

import importlib
import io
import json
import logging
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

FUNCTIONS = ("positive", "twice", "scaled", "false", "key_error", "asserting", "empty", "lines", "partial", "anonymous")
CLASSES = ("Wrapping", "NoOptions", "Needing", "NoValidate", "Broken", "OfClass", "Static", "Outer.Inner")
OTHERS = ("instance", "called", "both", "number", "text", "nope")
TARGETS = [f"validator_targets.{name}" for name in (*FUNCTIONS, *CLASSES, *OTHERS)]
PATHS = ["", "positive", "no_such_module.f", "validator_targets.positive.", "validator_targets.sub.f"]


def said(**more: Any) -> dict[str, Any]:
    return {"class": "validator_targets.Wrapping", **more}


DECLARATIONS: list[Any] = [
    5,
    [],
    ["validator_targets.twice"],
    None,
    True,
    {},
    {"class": 5},
    {"class": None},
    {"class": ""},
    said(foo=1),
    said(on="load"),
    said(on=["load"]),
    said(on=("load",)),
    said(on=["save", "load"]),
    said(on=["load", "load"]),
    said(on=[]),
    said(on=["x"]),
    said(on=None),
    said(on="both"),
    {"class": "validator_targets.Wrapping", True: ["save"]},
    {"class": "validator_targets.Wrapping", True: "save"},
    {"class": "validator_targets.Wrapping", True: "save", "on": "load"},
    said(severity="warn"),
    said(severity="x"),
    said(severity=None),
    said(severity="ERROR"),
    said(enabled=False),
    said(enabled="no"),
    said(enabled=0),
    said(enabled=None),
    said(skip_load_after_save=True),
    said(skip_load_after_save="yes"),
    said(skip_load_after_save=None),
    said(options={"a": 1}),
    said(options=None),
    said(options=[1]),
    said(options={1: 2}),
    {"class": "validator_targets.scaled", "options": {"k": 5}},
    {"class": "validator_targets.NoOptions", "options": {"k": 5}},
    {"class": "validator_targets.Needing", "options": {"a": 5}},
    {"class": "validator_targets.instance", "options": {"a": 5}},
    {"class": "validator_targets.called", "options": {"a": 5}},
    {"class": "validator_targets.schema", "options": {"zz": 5}},
]
FAILING: list[Any] = [
    "validator_targets.positive",
    {"class": "validator_targets.positive", "severity": "warn"},
    {"class": "validator_targets.positive", "severity": "warn", "on": "load"},
    {"class": "validator_targets.positive", "severity": "warn", "skip_load_after_save": True},
    {"class": "validator_targets.positive", "on": "load"},
    {"class": "validator_targets.positive", "on": "save"},
    {"class": "validator_targets.positive", "enabled": False},
    {"class": "validator_targets.nope", "severity": "warn"},
]
SWITCHES = ["1", "true", "TRUE", " on ", "yes", "0", "false", "off", "OFF", "no", "", "2"]
FRAMES = {
    "good": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    "bad": pd.DataFrame({"a": [1, -2, -3], "b": ["x", None, "z"]}),
    "missing": pd.DataFrame({"a": [1]}),
    "texts": pd.DataFrame({"a": ["1", "2"]}),
    "words": pd.DataFrame({"a": ["1", "x"]}),
}
SCHEMAS: list[Any] = [
    "validator_targets.schema",
    "validator_targets.Model",
    "validator_targets.coercing",
    {"class": "validator_targets.schema", "options": {"lazy": False}},
    {"class": "validator_targets.schema", "options": {"head": 1}},
]


# --- a project that imports from Kedro ---

PROJECT = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "{package}"\nproject_name = "P"\nkedro_init_version = "1.7.0"\n',
    "conf/base/globals.yml": "check: positive\n",
    "conf/base/catalog.yml": """
checked:
  type: MemoryDataset
  validator:
    class: {package}.checks.${globals:check}
    on: [save, load]

file:
  type: json.JSONDataset
  filepath: data/file.json
  validator:
    class: {package}.checks.Within
    on: load
    severity: warn
    options: {high: 10}

"{name}_twice":
  type: MemoryDataset
  validator: {package}.checks.twice
""",
    "conf/base/parameters.yml": "a: 1\n",
    "conf/local/.gitkeep": "",
    "data/.gitkeep": "",
    "src/{package}/__init__.py": "",
    "src/{package}/checks.py": """
class Within:
    def __init__(self, high):
        self.high = high

    def validate(self, data):
        if data > self.high:
            raise ValueError(f"{data} is over {self.high}")

def positive(data):
    if data < 0:
        raise ValueError("negative")

def twice(data):
    return 2 * data
""",
    "src/{package}/settings.py": """
from {engine_hooks} import hook_impl

class Hooks:
    seen = []

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data):
        self.seen.append(["loaded", dataset_name, data])

    @hook_impl
    def before_dataset_saved(self, dataset_name, data):
        self.seen.append(["before saving", dataset_name, data])

    @hook_impl
    def after_dataset_saved(self, dataset_name, data):
        self.seen.append(["saved", dataset_name, data])

    @hook_impl
    def on_node_error(self, error):
        self.seen.append(["node failed", type(error).__name__])

    @hook_impl
    def on_pipeline_error(self, error):
        self.seen.append(["pipeline failed", type(error).__name__, str(error)])

HOOKS = (Hooks(),)
""",
    "src/{package}/pipeline_registry.py": """
from {engine}.pipeline import node, pipeline

def same(x):
    return x

def count(x):
    yield from [1, x]

def register_pipelines():
    def chain(name, function=same):
        return pipeline([
            node(function, "params:a", name, name="make"),
            node(same, name, "out", name="use"),
        ])
    return {
        "__default__": chain("checked"),
        "chunks": chain("checked", count),
        "file": chain("file"),
        "twice": chain("a_twice"),
    }
""",
}
RUNS = [
    {},
    {"runtime_params": {"a": -1}},
    {"pipeline_names": ["chunks"]},
    {"pipeline_names": ["chunks"], "runtime_params": {"a": -1}},
    {"pipeline_names": ["file"], "runtime_params": {"a": 11}},
    {"pipeline_names": ["twice"]},
]


class Machine:
    def __init__(self, engine: str, folder: Path) -> None:
        self.engine = engine
        self.io = importlib.import_module(f"{engine}.io")
        self.validation = importlib.import_module(f"{engine}.validation")
        self.folder = folder
        self._log = io.StringIO()
        handler = logging.StreamHandler(self._log)
        handler.addFilter(lambda record: record.levelno == logging.WARNING)
        logging.getLogger().addHandler(handler)

    def works(self, declaration: Any, data: Any) -> Any:
        """Save and load with a validator, and return the outcome of each step."""
        made = self._tried(lambda: self.catalog({"x": memory(declaration)}))
        if isinstance(made, dict):
            return made
        steps = {
            "declared": self._tried(lambda: made.validators),
            "save": self._tried(lambda: made.save("x", data)),
            "saved": self._tried(lambda: made["x"].load()),
            "load": self._tried(lambda: made.load("x")),
            "again": self._tried(lambda: made.load("x")),
        }
        made["x"].save(data)
        return {**steps, "raw": self._tried(lambda: made.load("x")), "logged": self._logged()}

    def switched(self) -> dict[str, Any]:
        found = {}
        for value in SWITCHES:
            os.environ["KEDRO_DATASET_VALIDATION"] = value
            for enabled in (True, False):
                made = self.catalog({"x": memory("validator_targets.positive")}, validation_enabled=enabled)
                found[f"{value!r} over {enabled}"] = [
                    made.validation_enabled,
                    self._tried(lambda made=made: made.save("x", -1)),
                ]
        del os.environ["KEDRO_DATASET_VALIDATION"]
        return found

    def names(self) -> dict[str, Any]:
        """Return the outcomes of validators of patterns, replaced datasets, parameters and transcoded names."""
        made = self.catalog(
            {
                "{n}_{f}": memory("validator_targets.{f}"),
                "{n}_wrong": memory({"class": "{n}", "bad": 1}),
                "plain": {"type": "MemoryDataset"},
                "x": memory("validator_targets.positive"),
                "x@a": memory("validator_targets.positive"),
                "{z}": memory(said(options={"n": "{z}"})),
            }
        )
        steps: dict[str, Any] = {"at first": self._tried(lambda: made.validators)}
        for name, value in [("a_positive", -1), ("a_twice", 2), ("a_wrong", 1), ("plain", 2), ("x@a", -1), ("q", 2)]:
            steps[f"save {name}"] = self._tried(lambda name=name, value=value: made.save(name, value))
            steps[f"load {name}"] = self._tried(lambda name=name: made.load(name))
        steps["later"] = self._tried(lambda: made.validators)
        made["x"] = 5
        steps["replaced"] = self._tried(lambda: made.save("x", -1))
        steps["in the end"] = self._tried(lambda: made.validators)
        steps["None"] = self._tried(lambda: self.catalog({"x": memory("validator_targets.NoOptions")}).save("x", None))
        steps["None, checked"] = self._tried(
            lambda: self.catalog({"x": memory("validator_targets.positive")}).save("x", None)
        )
        seen = ["mine"]
        self.catalog({"x": memory("validator_targets.appending")}).save("x", seen)
        return {**steps, "the caller's data": seen, "logged": self._logged()}

    def files(self) -> dict[str, Any]:
        """Return the outcomes for validated files, versions, and a catalog that is turned into configuration."""
        entry = {"type": "pickle.PickleDataset", "filepath": str(self.folder / "x.pkl")}
        skipping = {"class": "validator_targets.twice", "skip_load_after_save": True}
        made = self.catalog({"x": {**entry, "validator": skipping}, "{n}_y": {**entry, "validator": skipping}})
        written = self._tried(lambda: made.to_config()[0]["x"]["validator"])
        made.save("x", 1)
        steps = {"written": written, "saved": made.load("x"), "again": made.load("x")}
        made.release("x")
        steps["released"] = made.load("x")
        made.get("a_y")
        steps["written later"] = [made.to_config()[0][name]["validator"] for name in ("x", "a_y")]
        steps["another catalog"] = self.catalog({"x": {**entry, "validator": skipping}}).load("x")
        only_load = self.catalog({"x": {**entry, "validator": {**skipping, "on": ["load"]}}})
        only_load.save("x", 5)
        steps["on load"] = only_load.load("x")
        versioned = {**entry, "filepath": str(self.folder / "v.pkl"), "versioned": True, "validator": skipping}
        made = self.catalog({"v": versioned}, save_version="2026-11-21T00.00.00.000Z")
        made.save("v", 1)
        steps["latest"] = made.load("v")
        steps["pinned"] = made.load("v", version="2026-11-21T00.00.00.000Z")
        made = self.catalog({"v": versioned}, save_version="2026-11-22T00.00.00.000Z")
        made.save("v", 10)
        steps["another version"] = made.load("v", version="2026-11-21T00.00.00.000Z")
        return steps

    def results(self) -> dict[str, Any]:
        entries = {
            "x": memory("validator_targets.positive"),
            "w": memory({"class": "validator_targets.positive", "severity": "warn"}),
            "plain": {"type": "MemoryDataset"},
            "bad": memory("validator_targets.nope"),
            "off": memory({"class": "validator_targets.positive", "enabled": False}),
            "saved": memory({"class": "validator_targets.positive", "on": ["save"]}),
            "twice": memory("validator_targets.twice"),
            "empty": memory("validator_targets.positive"),
            "{n}_p": memory("validator_targets.positive"),
        }
        made = self.catalog(entries)
        for name in ("x", "w", "plain", "bad", "off", "saved", "twice", "a_p"):
            made[name].save(-1)
        validate = self.validation.validate_dataset
        steps: dict[str, Any] = {}
        for name in ("x", "w", "plain", "bad", "off", "saved", "twice", "empty", "a_p", "b_p", "zz"):
            steps[name] = self._tried(lambda name=name: validate(made, name).to_dict())
            steps[f"{name}, given"] = self._tried(lambda name=name: validate(made, name, 5).to_dict())
            steps[f"{name}, given to save"] = self._tried(
                lambda name=name: validate(made, name, 5, on="save").to_dict()
            )
        steps["data"] = [validate(made, "twice").data, validate(made, "x").data]
        steps["nothing to save"] = self._tried(lambda: validate(made, "x", on="save"))
        steps["on"] = self._tried(lambda: validate(made, "x", 5, on="zz"))
        steps["catalog"] = {name: result.status for name, result in self.validation.validate_catalog(made).items()}
        steps["names"] = list(self.validation.validate_catalog(made, ["plain", "x"]))
        steps["no names"] = self.validation.validate_catalog(made, [])
        steps["frames"] = {
            name: validate(self.catalog({"x": memory("validator_targets.schema")}), "x", frame).to_dict()
            for name, frame in FRAMES.items()
        }
        return steps

    def frames(self) -> dict[str, Any]:
        return {
            f"{schema} {name}": self._tried(lambda schema=schema, frame=frame: self._through(schema, frame))
            for schema in SCHEMAS
            for name, frame in FRAMES.items()
        }

    def runs(self) -> dict[str, Any]:
        package, root = "made_validators_project", self.folder / "project"
        hooks = "kedro.framework.hooks" if self.engine == "kedro" else "kedro_asgi.hooks"
        for path, text in PROJECT.items():
            target = root / path.replace("{package}", package)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = text.replace("{package}", package).replace("{engine_hooks}", hooks)
            target.write_text(text.replace("{engine}", self.engine))
        if self.engine == "kedro":
            importlib.import_module("kedro.framework.startup").bootstrap_project(root)
        session_module = "kedro.framework.session" if self.engine == "kedro" else "kedro_asgi.session"
        session = importlib.import_module(session_module).KedroServiceSession.create(project_path=root)
        seen = importlib.import_module(f"{package}.settings").Hooks.seen
        return {str(run): self._run(session, run, seen) for run in RUNS}

    def _run(self, session: Any, run: dict[str, Any], seen: list[Any]) -> list[Any]:
        seen.clear()
        result = self._tried(lambda: sorted(session.run(**run)))
        return [result, *seen]

    def _through(self, schema: Any, frame: pd.DataFrame) -> Any:
        made = self.catalog({"x": memory(schema)})
        made.save("x", frame)
        loaded = made.load("x")
        return [loaded.to_dict("list"), str(loaded.dtypes.to_dict())]

    def catalog(self, entries: dict[str, Any], **options: Any) -> Any:
        return self.io.DataCatalog.from_config(entries, **options)

    def _tried(self, step: Any) -> Any:
        try:
            return step()
        except Exception as error:
            named = getattr(type(error), "kedro_type", None) or type(error).__qualname__
            cause = type(error.__cause__).__name__ if error.__cause__ else None
            return {"error": named, "message": str(error), "cause": cause}

    def _logged(self) -> list[str]:
        found = self._log.getvalue()
        self._log.seek(0)
        self._log.truncate()
        return re.findall(r"Validation failed for dataset '.*?' on \w+", found)


def memory(validator: Any) -> dict[str, Any]:
    return {"type": "MemoryDataset", "validator": validator}


def main(engine: str, target: str) -> None:
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ.pop("KEDRO_DATASET_VALIDATION", None)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(engine, Path(folder))
        found = {
            "targets": {path: machine.works(path, 3) for path in (*TARGETS, *PATHS)},
            "declarations": {f"{number} {said}": machine.works(said, 3) for number, said in enumerate(DECLARATIONS)},
            "failing": {str(said): machine.works(said, -1) for said in FAILING},
            "bad": machine.works("validator_targets.Wrapping", "bad"),
            "switched": machine.switched(),
            "names": machine.names(),
            "files": machine.files(),
            "results": machine.results(),
            "frames": machine.frames(),
            "runs": machine.runs(),
        }
    Path(target).write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
