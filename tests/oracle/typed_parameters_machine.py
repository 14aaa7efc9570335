"""Turns parameters into models on one engine and writes the outcomes: a script.

``typed_parameters_machine.py kedro target.json < wishes.json``: works through its own table of functions, through the
wishes, which are random cases of ``{"wishes": [[path, kind], ...], "raw": {...}}``, and through a project.
"""

import functools
import importlib
import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union

from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass


@dataclass
class Data:
    lr: float
    n: int = 3


@dataclass
class Holding:
    inner: Any
    x: int = 1


@dataclass
class Checking:
    lr: float
    factor: InitVar[int] = 1
    later: int = field(init=False, default=2)

    def __post_init__(self, factor: int) -> None:
        if self.lr > 1:
            raise ValueError("lr too big")


class Model(BaseModel):
    lr: float
    n: int = 3


class Nesting(BaseModel):
    inner: Model
    d: dict[str, Any] = {"z": {"y": 1}}


class Aliased(BaseModel):
    model_config = ConfigDict(extra="allow")
    lr: float = Field(alias="learningRate")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lr: float


@pydantic_dataclass
class Checked:
    lr: float


class Tuple(NamedTuple):
    lr: float


class Typed(TypedDict):
    lr: float


Renamed = NewType("Renamed", Model)

HINTS: dict[str, Any] = {
    "Data": Data,
    "Holding": Holding,
    "Checking": Checking,
    "Model": Model,
    "Nesting": Nesting,
    "Aliased": Aliased,
    "Strict": Strict,
    "Checked": Checked,
    "Tuple": Tuple,
    "Typed": Typed,
    "Renamed": Renamed,
    "Optional[Data]": Optional[Data],  # noqa: UP045
    "Model | None": Model | None,
    "Union": Union[Data, Model],  # noqa: UP007
    "Data | dict": Data | dict,
    "Model | int | None": Model | int | None,
    "Annotated": Annotated[Model, 1],
    "Optional[Annotated]": Optional[Annotated[Model, 1]],  # noqa: UP045
    "list": list[Model],
    "type": type[Model],
    "Any": Any,
    "int": int,
    "int | str": int | str,
    "Literal": Literal["a"],
    "'Model'": "Model",
    "'Model | None'": "Model | None",
    "'Nope'": "Nope",
    "None": None,
    "BaseModel": BaseModel,
}
RAW: tuple[Any, ...] = (
    {"lr": 0.5},
    {"lr": "abc"},
    {"lr": "5", "n": 2},
    {"lr": 5},
    {"nope": 1},
    {"lr": 1, "zz": 2},
    {"inner": {"lr": 1}},
    {"learningRate": 1, "more": 2},
    {},
    [1],
    5,
    "x",
    None,
)


def asking(hint: Any) -> Callable[..., Any]:
    def function(m: Any) -> Any:
        return m

    function.__annotations__ = {"m": hint}
    return function


def transparent(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def opaque(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def two(d: Data, m: Model) -> None: ...


def keyword(*, m: Model) -> None: ...


def many(*m: Model) -> None: ...


def named(**m: Model) -> None: ...


def defaulted(m: Model = None) -> None: ...


def skipping(d: Data | None = None, m: Model | None = None) -> None: ...


def generating(m: Model) -> Any:
    yield m


async def awaited(m: Model) -> None: ...


def unreadable(m: Model) -> "Nope": ...  # noqa: F821


class Step:
    def __call__(self, m: Model) -> None: ...

    def method(self, m: Model) -> None: ...

    @classmethod
    def of_class(cls, m: Model) -> None: ...

    @staticmethod
    def static(m: Model) -> None: ...


FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "two": (two, ["params:d", "params:m"]),
    "two, by name": (two, {"m": "params:m", "d": "params:d"}),
    "two, the same": (two, ["params:m", "params:m"]),
    "keyword": (keyword, {"m": "params:m"}),
    "many": (many, "params:m"),
    "named": (named, {"m": "params:m"}),
    "defaulted": (defaulted, "params:m"),
    "skipping": (skipping, {"m": "params:m"}),
    "generating": (generating, "params:m"),
    "awaited": (awaited, "params:m"),
    "transparent": (transparent(asking(Model)), "params:m"),
    "opaque": (opaque(asking(Model)), "params:m"),
    "method": (Step().method, "params:m"),
    "of class": (Step.of_class, "params:m"),
    "static": (Step.static, "params:m"),
    "object": (Step(), "params:m"),
    "partial": (functools.partial(two, Data(1)), "params:m"),
    "unreadable": (unreadable, "params:m"),
    "lambda": (lambda m: m, "params:m"),
    "whole": (asking(Model), "parameters"),
    "dataset": (asking(Model), "m"),
    "hidden": (asking(Model), "params:_h"),
    "number": (asking(Model), "params:1"),
    "item of a list": (asking(Model), "params:l.0"),
}
BIG = {"m": {"lr": 1}, "d": {"lr": 2}, "_h": {"lr": 3}, 1: {"lr": 4}, "l": [{"lr": 5}]}

# --- a project that imports from Kedro ---

PROJECT = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "{package}"\nproject_name = "P"\nkedro_init_version = "1.7.0"\n',
    "conf/base/catalog.yml": "'params:val':\n  type: MemoryDataset\n",
    "conf/base/parameters.yml": """
m: {lr: 0.5, ext: 5, raw: {k: {j: 1}}, d: {lr: 0.1}}
s: {lr: 1}
deep: {o: {lr: 2}, other: [1]}
nothing:
val: 5
bad: {nope: 1}
""",
    "conf/local/.gitkeep": "",
    "src/{package}/__init__.py": "",
    "src/{package}/settings.py": """
from {engine_hooks} import hook_impl

class Hooks:
    seen = {}

    @hook_impl
    def after_catalog_created(self, catalog, parameters):
        self.seen["parameters"] = {name: repr(value) for name, value in parameters.items()}
        self.seen["names"] = sorted(name for name in catalog if name.startswith("params:"))

HOOKS = (Hooks(),)
""",
    "src/{package}/models.py": """
from __future__ import annotations

from dataclasses import dataclass
from pydantic import BaseModel, ConfigDict

@dataclass
class D:
    lr: float
    n: int = 3

class Inner(BaseModel):
    q: int = 7
    d: dict = {"z": {"y": 1}}

class M(BaseModel):
    model_config = ConfigDict(extra="allow")
    lr: float
    inner: Inner = Inner()
    raw: dict = {}
    d: D | None = None
    lst: list = []
""",
    "src/{package}/pipeline_registry.py": """
from __future__ import annotations

from {engine}.pipeline import node, pipeline
from {package}.models import D, M

def changing(m: M):
    m.lr, before = 99, repr(m)
    return before

def data(s: D):
    return repr(s)

def optional(o: D | None):
    return repr(o)

def shown(x):
    return repr(x)

def register_pipelines():
    read = ["params:m", "params:m.lr", "params:m.inner", "params:m.inner.q", "params:m.inner.d.z.y", "params:m.raw.k",
            "params:m.d", "params:m.d.n", "params:s.n", "params:deep", "params:deep.o.n", "parameters"]
    typed = pipeline([
        node(changing, "params:m", "changed", name="a_changing"),
        node(data, "params:s", "data", name="a_data"),
        node(optional, "params:deep.o", "optional", name="a_optional"),
        node(optional, "params:nothing", "nothing", name="a_nothing"),
        *(node(shown, name, f"shown_{number}", name=f"shown_{number}") for number, name in enumerate(read)),
    ])
    def alone(function, name):
        return pipeline([node(function, name, "out", name="n")])
    return {
        "typed": typed,
        "extra": alone(shown, "params:m.ext"),
        "extra_typed": alone(changing, "params:m") + pipeline([node(shown, "params:m.ext", "ext", name="e")]),
        "missing": alone(data, "params:nope"),
        "bad": alone(data, "params:bad"),
        "untyped": alone(shown, "params:bad"),
        "two": alone(data, "params:bad") + pipeline([node(changing, "params:m", "changed", name="c")]),
        "val": alone(shown, "params:val"),
    }
""",
}
RUNS: dict[str, dict[str, Any]] = {
    "typed": {"pipeline_names": ["typed"]},
    "typed, other values": {"pipeline_names": ["typed"], "runtime_params": {"m": {"lr": "0.25"}, "nothing": {"lr": 1}}},
    "typed, wrong values": {
        "pipeline_names": ["typed"],
        "runtime_params": {"m": {"lr": "abc"}, "s": None, "nothing": 5, "deep": {"o": 7}},
    },
    "an extra field, untyped": {"pipeline_names": ["extra"]},
    "an extra field, typed": {"pipeline_names": ["extra_typed"]},
    "missing": {"pipeline_names": ["missing"]},
    "bad": {"pipeline_names": ["bad"]},
    "bad, untyped": {"pipeline_names": ["untyped"]},
    "two": {"pipeline_names": ["two"], "runtime_params": {"m": {"lr": None}}},
    "in place of an entry": {"pipeline_names": ["val"]},
}


class Machine:
    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.pipeline = importlib.import_module(f"{engine}.pipeline")
        self.validation = importlib.import_module(f"{engine}.validation")

    def hints(self) -> dict[str, Any]:
        return {
            f"{name}: {raw!r}": self._outcome([(asking(hint), "params:m")], {"m": raw})
            for name, hint in HINTS.items()
            for raw in RAW
        }

    def functions(self) -> dict[str, Any]:
        return {name: self._outcome([asked], BIG) for name, asked in FUNCTIONS.items()}

    def wishes(self, cases: list[dict[str, Any]]) -> list[Any]:
        return [
            self._outcome([(asking(HINTS[kind]), f"params:{path}") for path, kind in case["wishes"]], case["raw"])
            for case in cases
        ]

    def runs(self) -> dict[str, Any]:
        package = "made_typed_parameters"
        with tempfile.TemporaryDirectory() as folder:
            self._write(Path(folder), package)
            if self.engine == "kedro":
                importlib.import_module("kedro.framework.startup").bootstrap_project(Path(folder))
            session_module = "kedro.framework.session" if self.engine == "kedro" else "kedro_asgi.session"
            session = importlib.import_module(session_module).KedroServiceSession.create(project_path=folder)
            seen = importlib.import_module(f"{package}.settings").Hooks.seen
            return {name: self._run(session, arguments, seen) for name, arguments in RUNS.items()}

    def _run(self, session: Any, arguments: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
        seen.clear()
        try:
            result = session.run(**arguments)
        except Exception as error:
            return self._error(error)
        values = {name: getattr(value, "load", lambda value=value: value)() for name, value in result.items()}
        return {"values": values, "seen": dict(seen)}

    def _write(self, folder: Path, package: str) -> None:
        hooks = "kedro.framework.hooks" if self.engine == "kedro" else "kedro_asgi.hooks"
        for path, text in PROJECT.items():
            target = folder / path.replace("{package}", package)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = text.replace("{package}", package).replace("{engine_hooks}", hooks)
            target.write_text(text.replace("{engine}", self.engine))

    def _outcome(self, asked: list[tuple[Any, Any]], raw: Mapping[Any, Any]) -> dict[str, Any]:
        nodes = [
            self.pipeline.node(function, inputs, f"out_{number:02}", name=f"node_{number:02}")
            for number, (function, inputs) in enumerate(asked)
        ]
        pipelines = {"p": self.pipeline.pipeline(nodes)}
        try:
            types = self.validation.TypeExtractor(pipelines).extract_types_from_pipelines()
            found = self.validation.ParameterValidator(pipelines).validate_raw_params(raw)
        except Exception as error:
            return self._error(error)
        return {"types": {path: str(hint) for path, hint in types.items()}, "value": repr(found)}

    def _error(self, error: Exception) -> dict[str, Any]:
        named = getattr(type(error), "kedro_type", None) or type(error).__qualname__
        return {"error": named, "message": str(error)}


def main(engine: str, target: str) -> None:
    os.environ["DO_NOT_TRACK"] = "1"
    warnings.simplefilter("ignore")
    machine = Machine(engine)
    logging.disable(logging.CRITICAL)
    found = {
        "hints": machine.hints(),
        "functions": machine.functions(),
        "wishes": machine.wishes(json.load(sys.stdin)),
        "runs": machine.runs(),
    }
    Path(target).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
