"""Which media type a request has, and which one its answer is to have."""

import pytest

from kedro_asgi.media_types import ARROW, CSV, EVENT_STREAM, FORM, JSON, MULTIPART, NDJSON, PARQUET
from kedro_asgi.server.content_negotiation import MediaTypes, media_types


def types_of(*, accept: str | None = None, content_type: str | None = None) -> MediaTypes | None:
    headers = [(b"host", b"x")]
    headers += [(b"accept", accept.encode())] if accept is not None else []
    headers += [(b"content-type", content_type.encode())] if content_type is not None else []
    return media_types({"type": "http", "headers": headers})


@pytest.mark.parametrize("content_type", [None, "application/json", "application/json; charset=utf-8", "text/plain"])
@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/json",
        "application/json, text/plain, */*",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/*",
        "application/problem+json",
        "",
        ";;,,q=1",
        f"{ARROW};q=0",
        f"{ARROW};q=0.3, application/json",
    ],
)
def test_json_is_the_type_of_all_that_names_no_other(accept: str | None, content_type: str | None) -> None:
    assert types_of(accept=accept, content_type=content_type) is None


@pytest.mark.parametrize(
    ("accept", "answer", "takes_json"),
    [
        (ARROW, ARROW, False),
        (PARQUET.upper(), PARQUET, False),
        (f"{ARROW}, application/json;q=0.5", ARROW, True),
        (f"application/json;q=0.5 , {PARQUET} ; q=0.7", PARQUET, True),
        (f"*/*, {CSV}", CSV, True),
        (f"{ARROW}, {PARQUET}", ARROW, False),
        (f"{PARQUET}, {ARROW}", PARQUET, False),
        (f"{ARROW};q=0.1, {PARQUET};q=0.2", PARQUET, False),
        (f"{ARROW};q=many", ARROW, False),
        (EVENT_STREAM, EVENT_STREAM, False),
        (NDJSON, NDJSON, False),
        (MULTIPART, MULTIPART, False),
    ],
)
def test_the_answer_has_the_named_type_of_the_highest_quality(accept: str, answer: str, takes_json: bool) -> None:
    found = types_of(accept=accept)
    assert found is not None
    assert (found.body, found.answer, found.takes_json) == (JSON, answer, takes_json)


def test_several_accept_headers_are_one() -> None:
    headers = [(b"accept", b"application/json;q=0.5"), (b"accept", ARROW.encode())]
    found = media_types({"type": "http", "headers": headers})
    assert found is not None
    assert found.answer == ARROW


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (ARROW, ARROW),
        (f"{PARQUET.upper()}; x=y", PARQUET),
        ("multipart/mixed; boundary=x", MULTIPART),
        ("multipart/form-data; boundary=x", FORM),
        ("multipart/related; boundary=x", "multipart/related"),
        ("application/vnd.apache.arrow.file", "application/vnd.apache.arrow.file"),
    ],
)
def test_a_body_of_tables_is_known_by_its_content_type(content_type: str, body: str) -> None:
    found = types_of(content_type=content_type)
    assert found is not None
    assert (found.body, found.answer, found.content_type) == (body, JSON, content_type)
