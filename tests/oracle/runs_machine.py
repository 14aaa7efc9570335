"""Runs random pipelines on the runners of one engine: a script.

Reads cases as JSON. Writes, for each, the results, what hooks and datasets saw, in order, and the log's hints.
"""

import importlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

NOTED = ("from-nodes", "No nodes ran", "have not run", "Skipping", "out of")


class Lines(logging.Handler):
    """Keeps the log lines about a run's progress."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if any(note in message for note in NOTED):
            self.lines.append(message)


class Machine:
    """One engine."""

    def __init__(self, engine: str) -> None:
        self.pipeline = importlib.import_module(f"{engine}.pipeline")
        self.io = importlib.import_module(f"{engine}.io")
        self.runner = importlib.import_module(f"{engine}.runner")
        hooks = importlib.import_module(f"{engine}.framework.hooks" if engine == "kedro" else f"{engine}.hooks")
        self.hook_impl = hooks.hook_impl
        if engine == "kedro":
            self.hook_manager = importlib.import_module("kedro.framework.hooks.manager")._create_hook_manager
        else:
            self.hook_manager = hooks.create_hook_manager
        logging.getLogger().handlers[:] = []
        self.log = Lines()
        logging.getLogger(engine).addHandler(self.log)
        logging.getLogger(engine).setLevel(logging.INFO)

    def outcome(self, case: dict[str, Any]) -> dict[str, Any]:
        events: list[list[Any]] = []
        self.log.lines = []
        catalog = self.io.DataCatalog(
            {name: self.dataset(name, kind, events) for name, kind in case["datasets"].items()}
        )
        manager = self.hook_manager()
        manager.register(self.recorder(events))
        outcome: dict[str, Any] = {"events": events}
        try:
            made = self.pipeline.pipeline([self.node(**node) for node in case["nodes"]])
            runner = getattr(self.runner, case["runner"])(**case["arguments"])
            result = runner.run(made, catalog, manager, only_missing_outputs=case["only_missing"])
            outcome["result"] = {name: value(dataset) for name, dataset in sorted(result.items())}
        except Exception as error:
            outcome["error"] = [getattr(error, "kedro_type", None) or type(error).__name__, str(error).split("\n")[0]]
        outcome["log"] = self.log.lines
        return outcome

    def node(self, name: str, inputs: list[str], outputs: list[str], kind: str, confirms: list[str]) -> Any:
        shape = (lambda x: x) if len(outputs) == 1 else (lambda x: [x] * len(outputs))

        def plain(*xs: Any) -> Any:
            return shape([name, *xs]) if outputs else None

        def fails(*xs: Any) -> Any:
            raise LookupError(name)

        def nothing(*xs: Any) -> Any:
            return shape(None)

        def chunks(*xs: Any) -> Any:
            for number in range(3):
                yield shape([name, number])

        def breaks(*xs: Any) -> Any:
            yield shape([name, 0])
            raise LookupError(name)

        functions = {"plain": plain, "fails": fails, "nothing": nothing, "chunks": chunks, "breaks": breaks}
        names = outputs[0] if len(outputs) == 1 else outputs
        return self.pipeline.node(functions[kind], inputs, names or None, name=name, confirms=confirms)

    def dataset(self, name: str, kind: str, events: list[list[Any]]) -> Any:
        class Memory(self.io.MemoryDataset):
            def _release(self) -> None:
                events.append(["released", name])
                super()._release()

        class Kept(self.io.AbstractDataset):
            """Outlives the run."""

            def __init__(self) -> None:
                self.kept = [["before"]] if kind == "there" else []

            def load(self) -> Any:
                return self.kept[-1]

            def save(self, data: Any) -> None:
                self.kept.append(data)

            def confirm(self) -> None:
                events.append(["confirmed", name])

            def _exists(self) -> bool:
                return bool(self.kept)

            def _describe(self) -> dict[str, Any]:
                return {}

            def _release(self) -> None:
                events.append(["released", name])

        if kind == "memory":
            return Memory()
        return Memory(["given"]) if kind == "given" else Kept()

    def recorder(self, events: list[list[Any]]) -> Any:
        hook_impl = self.hook_impl

        class Recorder:
            @hook_impl
            def before_node_run(self, node: Any, is_async: bool) -> None:
                events.append(["run", node.name, is_async])

            @hook_impl
            def after_node_run(self, node: Any) -> None:
                events.append(["ran", node.name])

            @hook_impl
            def on_node_error(self, node: Any, error: Exception) -> None:
                events.append(["error", node.name, type(error).__name__])

            @hook_impl
            def before_dataset_loaded(self, dataset_name: str) -> None:
                events.append(["load", dataset_name])

            @hook_impl
            def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
                events.append(["loaded", dataset_name, repr(data)])

            @hook_impl
            def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
                events.append(["save", dataset_name, repr(data)])

            @hook_impl
            def after_dataset_saved(self, dataset_name: str) -> None:
                events.append(["saved", dataset_name])

        return Recorder()


def value(dataset: Any) -> str:
    try:
        return repr(dataset.load())
    except Exception as error:
        return type(error).__name__


def main(engine: str, source: str, target: str) -> None:
    machine = Machine(engine)
    cases = json.loads(Path(source).read_text())
    Path(target).write_text(json.dumps([machine.outcome(case) for case in cases]))


if __name__ == "__main__":
    main(*sys.argv[1:])
