from typing import Any

import pytest
import yaml

from kedro_asgi.config.yaml_loader import RawString, parse
from kedro_asgi.errors import (
    ComposerError,
    ConfigShapeError,
    ConstructorError,
    KeyValidationError,
    ParserError,
)


def value(text: str) -> Any:
    return parse(f"k: {text}", "file.yml")["k"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01 10:00:00", "2020-01-01 10:00:00"),
        ("1e3", 1000.0),
        ("1_0e5", 1_000_000.0),
        ("1.5e-3", 0.0015),
        (".5e3", ".5e3"),
        ("012", 10),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("12:30:45", 45045),
        ("yes", True),
        ("off", False),
        ("y", "y"),
        ("NaN", "NaN"),
        (".inf", float("inf")),
        ("~", None),
        ("???", "???"),
        ("!!binary aGk=", b"hi"),
        ("!!omap [x: 1, y: {z: 2}]", [("x", 1), ("y", {"z": 2})]),
        ("!!pairs [x: 1, x: 2]", [("x", 1), ("x", 2)]),
        ("!!omap []", []),
    ],
)
def test_scalars_have_the_types_of_configuration_files(text: str, expected: object) -> None:
    found = value(text)
    assert (type(found), found) == (type(expected), expected)


def test_an_empty_document_is_an_empty_mapping_and_a_word_a_key_without_value() -> None:
    assert parse("", "f.yml") == parse("# nothing", "f.yml") == parse("null", "f.yml") == {}
    assert parse("hello", "f.yml") == {"hello": None}


def test_json_is_read_by_the_same_parser() -> None:
    assert parse('{"a": [1, null, true], "b": {"c": "d"}}', "f.json") == {"a": [1, None, True], "b": {"c": "d"}}


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse("\ufeffa: 1", "f.yml") == {"a": 1}


def test_anchors_and_merge_keys_work_and_may_be_overridden() -> None:
    tree = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", "f.yml")
    assert tree["b"] == {"x": 1, "y": 3}


def test_strings_with_an_interpolation_know_their_file_and_line() -> None:
    tree = parse("a: 1\nb:\n  - ${a}\n", "f.yml")
    assert tree["b"] == [RawString("${a}", "f.yml", 3)]


def test_keys_are_never_interpolated() -> None:
    assert parse("'${x}': {'${y}': 1}", "f.yml") == {"${x}": {"${y}": 1}}
    assert parse("'${x}'", "f.yml") == {"${x}": None}


def test_a_syntax_error_names_file_and_line_counted_from_one() -> None:
    with pytest.raises(ParserError, match=r"Invalid YAML or JSON file conf/f\.yml, unable to read line 2, position 4"):
        parse("a: 1\n  b: : c", "conf/f.yml")


@pytest.mark.parametrize("text", ["a: [1", "a: {b: ???}", "a: b: c", 'a: "x', "a: @x", "\ta: 1", "a: \x01"])
def test_malformed_text_is_a_parser_error(text: str) -> None:
    with pytest.raises(ParserError) as caught:
        parse(text, "f.yml")
    assert isinstance(caught.value, yaml.parser.ParserError)
    assert str(caught.value).startswith("Invalid YAML or JSON file f.yml")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a: 1\na: 2", yaml.constructor.ConstructorError),
        ("a: !foo 1", yaml.constructor.ConstructorError),
        ("a: 1\n---\nb: 2", yaml.composer.ComposerError),
        ("a: 1\nb: @", yaml.MarkedYAMLError),
    ],
)
def test_the_classes_of_pyyaml_catch_the_errors_and_find_the_line(text: str, kind: type[yaml.MarkedYAMLError]) -> None:
    with pytest.raises(kind) as caught:
        parse(text, "f.yml")
    assert caught.value.problem_mark is not None
    assert caught.value.problem_mark.line == getattr(caught.value, "line", None) - 1


def test_a_character_that_yaml_does_not_allow_is_a_reader_error() -> None:
    with pytest.raises(yaml.reader.ReaderError, match="Invalid YAML or JSON file f.yml"):
        parse("a: \x01", "f.yml")


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3", "x: [{k: 1, k: 2}]", "1: a\n1: b"])
def test_a_key_that_is_written_twice_is_refused(text: str) -> None:
    with pytest.raises(ConstructorError, match="found duplicate key"):
        parse(text, "f.yml")


def test_a_duplicate_names_the_line_of_the_second() -> None:
    with pytest.raises(ConstructorError, match=r"f\.yml, unable to read line 3") as caught:
        parse("a: 1\nb: 2\na: 3", "f.yml")
    assert (caught.value.file, caught.value.line) == ("f.yml", 3)


def test_one_and_the_text_one_are_different_keys() -> None:
    assert parse("1: a\n'1': b", "f.yml") == {1: "a", "1": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "a: !foo 1",
        "a: !!python/name:os.system x",
        "a: !!set {x}",
        "a: !!omap {x: 1}",
        "a: !!omap [1]",
        "a: !!omap [{x: 1, y: 2}]",
        "[1]: 2",
        "a: {<<: 5}",
    ],
)
def test_unsupported_tags_and_keys_are_refused(text: str) -> None:
    with pytest.raises(ConstructorError):
        parse(text, "f.yml")


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: &x {b: *x}"])
def test_a_value_that_holds_itself_is_refused(text: str) -> None:
    with pytest.raises((ConstructorError, ComposerError)):
        parse(text, "f.yml")


@pytest.mark.parametrize("text", ["--- {}\n--- {}", "a: *nope"])
def test_several_documents_and_unknown_aliases_are_refused(text: str) -> None:
    with pytest.raises(ComposerError, match=r"f\.yml"):
        parse(text, "f.yml")


def test_null_cannot_be_a_key() -> None:
    with pytest.raises(KeyValidationError, match=r"Incompatible key type 'NoneType'.*f\.yml, line 2"):
        parse("a:\n  null: 1", "f.yml")


@pytest.mark.parametrize("text", ["- 1", "5", "true"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ConfigShapeError, match=r"f\.yml must hold a mapping") as caught:
        parse(text, "f.yml")
    assert isinstance(caught.value, AttributeError)
