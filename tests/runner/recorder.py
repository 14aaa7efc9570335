"""A hook that records the calls of runners."""

from typing import Any

from kedro_asgi.hooks import hook_impl


class Recorder:
    """Notes which hooks are called, and with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def note(self, *call: Any) -> None:
        self.calls.append(call)

    @hook_impl
    def before_dataset_loaded(self, dataset_name):
        self.note("load", dataset_name)

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data):
        self.note("loaded", dataset_name)

    @hook_impl
    def before_node_run(self, node):
        self.note("run", node.name)

    @hook_impl
    def after_node_run(self, node, outputs):
        self.note("ran", node.name)

    @hook_impl
    def on_node_error(self, node, error, inputs):
        self.note("error", node.name, type(error).__name__, dict(inputs))

    @hook_impl
    def before_dataset_saved(self, dataset_name, data):
        self.note("save", dataset_name, data)

    @hook_impl
    def after_dataset_saved(self, dataset_name, data):
        self.note("saved", dataset_name)

    def names(self) -> list[tuple[Any, ...]]:
        """The calls without data."""
        return [call[:2] for call in self.calls]
