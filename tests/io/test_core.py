"""Names that dataset classes of projects import; Kedro is the oracle."""

import datetime
import importlib
import pickle
from pathlib import Path, PurePosixPath, PureWindowsPath

import kedro.io.core
import pytest

import kedro_asgi.io
from kedro_asgi.io import (
    VERSION_FORMAT,
    CatalogConfigResolver,
    CatalogProtocol,
    DataCatalog,
    DatasetAlreadyExistsError,
    DatasetError,
    SharedMemoryDataCatalog,
    Version,
    generate_timestamp,
    get_filepath_str,
    get_protocol_and_path,
    is_parameter,
    parse_dataset_definition,
)
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.session import KedroSession

JSON = "kedro_asgi.io.files.json.JSONDataset"
ADDRESSES = [
    "s3://bucket/f.txt",
    "s3://user:pw@BUCKET/f",
    "s3a://b/c",
    "s3n://b/c",
    "gs://b/f",
    "gcs://b/f",
    "adl://b/f",
    "abfs://c@a/p",
    "abfss://c@a.dfs.core.windows.net/p",
    "oci://b@ns/f",
    "hdfs://name:8020/f",
    "hdfs:///a/b",
    "hdfs://u:p@h:1/a",
    "file:///tmp/f",
    "/tmp/f",
    "rel/a.csv",
    "~/x",
    "C:\\P\\f",
    "c:/P/f",
    "file:///C:\\P\\f",
    "file://localhost/a/b",
    "https://e.com/f",
    "http://u:p@h/x",
    "https://e.com/s?q=b&c=f#r",
    "HTTP://e.com/A",
    "s3://some/e?q=q#f",
    "ftp://h/p",
    "dbfs:/a/b",
    "dbfs:///a",
    "az://c/p",
    "s3://b",
    "wasb://c@a/p",
    "memory://x",
    "gdrive://id/x",
    "oss://b/f",
    "r2://b/x",
    "s3:/x",
    "file:a",
    "//server/share/x",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_protocols_and_paths_are_those_of_kedro(address: str) -> None:
    assert get_protocol_and_path(address) == kedro.io.core.get_protocol_and_path(address)


def test_a_web_address_has_no_versions() -> None:
    version = Version("a", "b")
    assert get_protocol_and_path("s3://b/f", version) == ("s3", "b/f")
    with pytest.raises(DatasetError, match="Versioning is not supported for HTTP protocols"):
        get_protocol_and_path("https://e.com/f", version)


@pytest.mark.parametrize(
    ("path", "protocol"),
    [(PurePosixPath("e.com/x"), "https"), (Path("/a/b"), "file"), (PureWindowsPath("a\\b"), "s3")],
)
def test_texts_of_paths_are_those_of_kedro(path, protocol: str) -> None:
    assert get_filepath_str(path, protocol) == kedro.io.core.get_filepath_str(path, protocol)


def test_versions_have_the_format() -> None:
    assert VERSION_FORMAT == kedro.io.core.VERSION_FORMAT
    assert datetime.datetime.strptime(generate_timestamp(), VERSION_FORMAT)


def test_small_names() -> None:
    assert [name for name in ("parameters", "params:a", "a", "params") if is_parameter(name)] == [
        "parameters",
        "params:a",
    ]
    assert issubclass(DatasetAlreadyExistsError, DatasetError)
    assert isinstance(DataCatalog(), CatalogProtocol)
    assert not isinstance(5, CatalogProtocol)


def test_a_definition_becomes_a_class_and_its_arguments() -> None:
    config = {"type": JSON, "filepath": "a", "versioned": True, "metadata": {"x": 1}, "validator": "v"}
    kind, arguments = parse_dataset_definition(config, "l", "s")
    assert kind is JSONDataset
    assert arguments == {"filepath": "a", "metadata": {"x": 1}, "version": Version("l", "s")}
    assert parse_dataset_definition({"type": JSONDataset, "filepath": "a"}) == (JSONDataset, {"filepath": "a"})
    with pytest.raises(DatasetError, match="No module named 'nope'"):
        parse_dataset_definition({"type": "nope.X"})


CONFIG = {
    "a": {"type": "MemoryDataset", "credentials": "dev"},
    "{n}_x": {"type": "pandas.CSVDataset", "filepath": "{n}.csv", "credentials": "dev"},
    "{n}_long_x": {"type": "T", "filepath": "{n}"},
    "{any}": {"type": "All", "filepath": "{any}"},
}
NAMES = ("a", "b_x", "b_long_x", "zzz", "{n}_x")


@pytest.mark.parametrize("config", [CONFIG, {"a": CONFIG["a"]}])
@pytest.mark.parametrize("default", [{"{default}": {"type": "pandas.CSVDataset", "filepath": "{default}"}}])
def test_a_resolver_answers_as_kedros_does(config: dict, default: dict) -> None:
    from kedro.io import CatalogConfigResolver as KedroResolver

    arguments = {"config": config, "credentials": {"dev": {"k": 1}}, "default_runtime_patterns": default}
    ours, theirs = CatalogConfigResolver(**arguments), KedroResolver(**arguments)
    assert (ours.config, ours.list_patterns()) == (theirs.config, theirs.list_patterns())
    for name in NAMES:
        for method in (
            "is_pattern",
            "match_dataset_pattern",
            "match_user_catch_all_pattern",
            "match_runtime_pattern",
            "resolve_pattern",
        ):
            assert getattr(ours, method)(name) == getattr(theirs, method)(name), (method, name)


def test_a_catalog_takes_a_resolver() -> None:
    catalog = DataCatalog(config_resolver=CatalogConfigResolver({"{n}_x": {"type": JSON, "filepath": "{n}.json"}}))
    assert isinstance(catalog["q_x"], JSONDataset)
    assert catalog.config_resolver.resolve_pattern("q_x") == {"type": JSON, "filepath": "q.json"}
    assert CatalogConfigResolver().resolve_pattern("q") == {"type": "kedro_asgi.io.MemoryDataset"}


@pytest.mark.parametrize("kind", ["DataCatalog", "SharedMemoryDataCatalog"])
def test_the_catalog_of_a_project_can_be_pickled_although_its_resolvers_cannot(make_project, kind: str) -> None:
    settings = f"""
        from kedro_asgi.io import {kind}
        DATA_CATALOG_CLASS = {kind}
        CONFIG_LOADER_ARGS = {{"custom_resolvers": {{"folder": lambda: "data"}}}}
    """
    catalog = f"""
        a:
          type: {JSON}
          filepath: "${{folder:}}/a.json"
        "{{n}}_x":
          type: {JSON}
          filepath: "${{folder:}}/{{n}}.json"
    """
    project = make_project(catalog=catalog, settings=settings, files={"data/a.json": "1", "data/b.json": "2"})
    with KedroSession.create(project_path=project) as session:
        made = session.load_context().catalog
    found = pickle.loads(pickle.dumps(made))
    assert isinstance(found, SharedMemoryDataCatalog if kind.startswith("Shared") else DataCatalog)
    assert (found.load("a"), found.load("b_x"), found.load("params:a")) == (1, 2, 1)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("core", ("AbstractDataset", "AbstractVersionedDataset", "DatasetError", "VersionNotFoundError", "Version")),
        ("memory_dataset", ("MemoryDataset",)),
        ("cached_dataset", ("CachedDataset",)),
        ("shared_memory_dataset", ("SharedMemoryDataset",)),
        ("data_catalog", ("DataCatalog", "SharedMemoryDataCatalog")),
        ("catalog_config_resolver", ("CatalogConfigResolver",)),
    ],
)
def test_modules_have_the_names_that_they_have_in_kedro(module: str, names: tuple[str, ...]) -> None:
    found, kedros = importlib.import_module(f"kedro_asgi.io.{module}"), importlib.import_module(f"kedro.io.{module}")
    for name in names:
        assert getattr(found, name).__name__ == getattr(kedros, name).__name__
        assert getattr(found, name) is getattr(kedro_asgi.io, name)


@pytest.mark.parametrize("text", ["a b", "a;b", "a\tb", "a", "", "schema.table", "a\n"])
def test_names_of_tables_hold_neither_spaces_nor_semicolons(text: str) -> None:
    messages = []
    for check in (kedro_asgi.io.core.validate_on_forbidden_chars, kedro.io.core.validate_on_forbidden_chars):
        try:
            check(first="fine", second=text)
        except (DatasetError, kedro.io.core.DatasetError) as error:
            messages.append(str(error))
    assert len(set(messages)) == len(messages) / 2
