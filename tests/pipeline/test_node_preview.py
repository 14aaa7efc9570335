"""Previews of nodes, for tools that show pipelines (PIP-54)."""

import dataclasses

import pytest

from kedro_asgi.errors import NodeDefinitionError, PreviewTypeError
from kedro_asgi.pipeline import Node, Pipeline, node, pipeline
from kedro_asgi.pipeline.preview_contract import (
    BasePreview,
    CustomPreview,
    ImagePreview,
    MermaidPreview,
    TextPreview,
    assert_json_value,
)
from kedro_asgi.utils import KedroExperimentalWarning

pytestmark = pytest.mark.filterwarnings("ignore::kedro_asgi.utils.KedroExperimentalWarning")


@pytest.mark.parametrize(
    ("preview", "as_dict"),
    [
        (TextPreview("x", meta={"a": 1}), {"meta": {"a": 1}, "content": "x", "kind": "text"}),
        (MermaidPreview("graph"), {"meta": None, "content": "graph", "kind": "mermaid"}),
        (ImagePreview("data:x"), {"meta": None, "content": "data:x", "kind": "image"}),
        (CustomPreview("k", {"a": 1}), {"meta": None, "renderer_key": "k", "content": {"a": 1}, "kind": "custom"}),
    ],
)
def test_a_node_returns_the_preview_of_its_function(preview: TextPreview, as_dict: dict) -> None:
    made = node(len, "a", "b", name="n", preview_fn=lambda: preview)
    assert made.preview() == preview
    assert made.preview().to_dict() == as_dict
    (placed,) = pipeline(Pipeline([made]), namespace="ns", tags="t").nodes
    assert placed.preview() == preview


def test_a_preview_warns_once_that_it_is_experimental(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Node, "__preview_fn_warned__", False)
    with pytest.warns(KedroExperimentalWarning, match="'preview_fn' is experimental"):
        node(len, "a", "b", preview_fn=lambda: TextPreview("x"))


def test_plugins_copy_a_node_by_the_name_that_kedro_has() -> None:
    copied = node(len, "a", "b", name="n", tags="t")._copy(name="m")
    assert (copied.name, copied.tags) == ("m", {"t"})


def test_a_node_without_a_preview_returns_none() -> None:
    assert node(len, "a", "b").preview() is None


@pytest.mark.parametrize("result", [3, None, BasePreview()])
def test_anything_else_is_refused(result: object) -> None:
    with pytest.raises(PreviewTypeError, match=f"but got '{type(result).__name__}' instead"):
        node(len, "a", "b", preview_fn=lambda: result).preview()


def test_a_preview_that_is_no_function_is_refused() -> None:
    with pytest.raises(NodeDefinitionError, match="preview_fn must be a function, not 'int'"):
        node(len, "a", "b", preview_fn=3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TextPreview(3), "TextPreview.content must be str, got int"),
        (lambda: ImagePreview(None), "ImagePreview.content must be str, got NoneType"),
        (lambda: TextPreview("x", meta={"a": object()}).to_dict(), "value is not JSON-serializable"),
        (lambda: CustomPreview("", {}), "CustomPreview.renderer_key must be a non-empty str"),
        (lambda: CustomPreview("k", [1]), "CustomPreview.content must be dict, got list"),
        (lambda: CustomPreview("k", {1: 1}), "object keys must be str, got int"),
        (lambda: CustomPreview("k", {"a": object()}), "value is not JSON-serializable"),
        (lambda: assert_json_value({1, 2}), "value is not JSON-serializable, got set"),
    ],
)
def test_wrong_contents_are_refused(make, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def test_previews_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TextPreview("x").content = "y"
