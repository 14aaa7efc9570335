from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.io.references import ProjectPaths

PATHS = ProjectPaths(Path("/project"))


@pytest.mark.parametrize("key", ["filepath", "path", "filename"])
def test_relative_paths_start_at_the_project(key: str) -> None:
    assert PATHS.make_absolute({key: "data/a.csv"}) == {key: "/project/data/a.csv"}


@pytest.mark.parametrize("path", ["/a/b", "s3://bucket/a", "file:///a", "https://host/a", "C:/a/b"])
def test_absolute_paths_and_urls_stay(path: str) -> None:
    assert PATHS.make_absolute({"filepath": path}) == {"filepath": path}


def test_windows_paths_get_slashes() -> None:
    assert PATHS.make_absolute({"filepath": "C:\\a\\b"}) == {"filepath": "C:/a/b"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"a": {"b": {"path": "x"}}}, {"a": {"b": {"path": "/project/x"}}}),
        ({"metadata": {"filepath": "x"}}, {"metadata": {"filepath": "/project/x"}}),
        ({"a": [{"path": "x"}]}, {"a": [{"path": "x"}]}),
        ({"data": "rel/path", "filepath": 7, "path": None}, {"data": "rel/path", "filepath": 7, "path": None}),
        ("filepath", "filepath"),
    ],
)
def test_mappings_are_searched_at_any_depth_but_lists_are_not(config: Any, expected: Any) -> None:
    assert PATHS.make_absolute(config) == expected
