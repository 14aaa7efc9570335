"""Bodies of several parts."""

import pytest

from kedro_asgi.errors import MultipartError
from kedro_asgi.multipart import Part, read_parts, write_parts


def facts(parts: list[Part]) -> list[tuple[str | None, str, bytes]]:
    return [(part.name, part.content_type, bytes(part.content)) for part in parts]


def test_parts_are_read_as_they_were_written() -> None:
    parts = [
        Part(content_type="application/json", content=b"{}"),
        Part(name='odd "name"\r\n;é/💥', content_type="x/y", content=b"abc\r\n--\r\n\r\n"),
        Part(name="empty", content_type="x/z", content=b""),
    ]
    content_type, pieces = write_parts(parts)
    assert facts(read_parts(b"".join(pieces), content_type)) == facts(parts)


def test_each_content_begins_where_numbers_may_begin() -> None:
    parts = [Part(name="n" * size, content_type="x/y", content=bytes(size)) for size in range(1, 40)]
    _, pieces = write_parts(parts)
    position = 0
    for piece in pieces:
        assert piece.startswith((b"--", b"\r\n--")) or position % 64 == 0
        position += len(piece)


def test_the_forms_of_browsers_and_of_curl_are_read() -> None:
    body = (
        b'a preamble\r\n--x \t\r\nContent-Disposition: form-data; name="a%22b"; filename="f"\r\n\r\none\r\n'
        b'--x\r\ncontent-type: A/B; c=d\r\ncontent-disposition: form-data; name="a\\"b"\r\n\r\ntwo\r\n'
        b"--x\r\nContent-Disposition: attachment; name=plain\r\n\r\n\r\n--x\r\n\r\nno head\r\n--x--\r\nan epilogue"
    )
    assert facts(read_parts(body, 'multipart/mixed; boundary="x"')) == [
        ('a"b', "", b"one"),
        ('a"b', "a/b", b"two"),
        ("plain", "", b""),
        (None, "", b"no head"),
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"--x\r\n\r\n\r\n--x--", "multipart/mixed", "no 'boundary'"),
        (b"", "m/m; boundary=" + "x" * 71, "longer than 70"),
        (b"", "m/m; boundary=x", "not in it"),
        (b"{}", "m/m; boundary=x", "not in it"),
        (b"--x\r\n\r\ncut", "m/m; boundary=x", "cut off"),
        (b"--x\r\n\r\ncut\r\n--x", "m/m; boundary=x", "malformed"),
        (b"--xy\r\n\r\n\r\n--x--", "m/m; boundary=x", "malformed"),
        (b"--x\r\nA: b\r\n--x--", "m/m; boundary=x", "no end of its headers"),
        (b"--x\r\nA: " + b"b" * 9000 + b"\r\n\r\n\r\n--x--", "m/m; boundary=x", "no end of its headers"),
        (b"--x\r\nA: \xff\r\n\r\n\r\n--x--", "m/m; boundary=x", "UTF-8"),
        (b"--x\r\n\r\n\r\n" * 257 + b"--x--", "m/m; boundary=x", "more than 256 parts"),
    ],
)
def test_a_malformed_body_is_refused(body: bytes, content_type: str, reason: str) -> None:
    with pytest.raises(MultipartError, match=reason):
        read_parts(body, content_type)
