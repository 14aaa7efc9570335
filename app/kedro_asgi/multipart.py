"""Bodies of several parts (RFC 2046): tables beside JSON, for requests and for answers.

Libraries for forms copy each part, or know ``multipart/form-data`` alone; here a part is a view into the body, and its
content begins where numbers may begin in memory.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote

import msgspec

from kedro_asgi.errors import MultipartError

Buffer = bytes | bytearray | memoryview

MAX_PARTS = 256
_MAX_HEAD_BYTES = 8192
_MAX_BOUNDARY = 70
# Numbers in memory begin at multiples of this.
_ALIGNMENT_BYTES = 64
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_NAME = re.compile(r';\s*name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)
_ENCODED_NAME = re.compile(r";\s*name\*\s*=\s*utf-8'[^']*'([^\s;]+)", re.IGNORECASE)
# As browsers write quotes and ends of lines in the names of forms.
_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}


class Part(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A part of a body; ``name`` is that of its ``Content-Disposition``, ``content_type`` is in lower case."""

    name: str | None = None
    content_type: str = ""
    content: Buffer


def read_parts(content: bytes | bytearray, content_type: str) -> list[Part]:
    """Return the parts of a body, as views into it; raises `MultipartError`."""
    boundary = _boundary(content_type)
    view = memoryview(content)
    return [_part(view[start:end]) for start, end in _places(content, b"--" + boundary)]


def write_parts(parts: Sequence[Part]) -> tuple[str, list[Buffer]]:
    """Return the content type and the pieces of a body; each content begins at a multiple of 64 bytes."""
    boundary = f"kedro-asgi-{secrets.token_hex(16)}"
    pieces: list[Buffer] = []
    position = 0
    for number, part in enumerate(parts):
        head = _head(part, boundary, position, is_first=number == 0)
        pieces += [head, part.content]
        position += len(head) + memoryview(part.content).nbytes
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return f"multipart/mixed; boundary={boundary}", pieces


def _boundary(content_type: str) -> bytes:
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise MultipartError("its 'Content-Type' has no 'boundary'")
    boundary = found[1] or found[2]
    if len(boundary) > _MAX_BOUNDARY:
        raise MultipartError(f"its boundary is longer than {_MAX_BOUNDARY} characters")
    return boundary.encode("latin-1")


def _places(content: bytes | bytearray, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and ends, heads included."""
    found = 0 if content.startswith(delimiter) else content.find(b"\r\n" + delimiter)
    if found < 0:
        raise MultipartError("its boundary is not in it")
    start = _after_delimiter(content, found, delimiter)
    count = 0
    while start is not None:
        count += 1
        if count > MAX_PARTS:
            raise MultipartError(f"it has more than {MAX_PARTS} parts")
        # A part without a head begins with the end of its delimiter's line.
        end = _next_delimiter(content, start, delimiter)
        yield start, end
        start = _after_delimiter(content, end, delimiter)


def _next_delimiter(content: bytes | bytearray, start: int, delimiter: bytes) -> int:
    end = content.find(b"\r\n" + delimiter, start - 2)
    if end < 0:
        raise MultipartError("it is cut off: its last boundary is missing")
    return max(end, start)


def _after_delimiter(content: bytes | bytearray, place: int, delimiter: bytes) -> int | None:
    """Return where the part behind a delimiter begins; ``None`` behind the last delimiter."""
    place = content.find(delimiter, place) + len(delimiter)
    if content[place : place + 2] == b"--":
        return None
    line = content.find(b"\r\n", place, place + _MAX_HEAD_BYTES)
    if line < 0 or content[place:line].strip(b" \t"):
        raise MultipartError("a boundary in it is malformed")
    return line + 2


def _part(view: memoryview) -> Part:
    head_bytes = bytes(view[:_MAX_HEAD_BYTES])
    if head_bytes.startswith(b"\r\n"):
        return Part(content=view[2:])
    head, separator, _ = head_bytes.partition(b"\r\n\r\n")
    if not separator:
        raise MultipartError(f"a part in it has no end of its headers within {_MAX_HEAD_BYTES} bytes")
    headers = dict(_headers(head))
    return Part(
        name=_name(headers.get("content-disposition", "")),
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        content=view[len(head) + 4 :],
    )


def _headers(head: bytes) -> Iterator[tuple[str, str]]:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        raise MultipartError("the headers of a part are not valid UTF-8") from error
    for line in text.split("\r\n"):
        name, _, value = line.partition(":")
        yield name.strip().lower(), value.strip()


def _name(disposition: str) -> str | None:
    if encoded := _ENCODED_NAME.search(disposition):
        return unquote(encoded[1])
    found = _NAME.search(disposition)
    if found is None:
        return None
    if found[1] is None:
        return found[2]
    name = re.sub(r"\\(.)", r"\1", found[1])
    for escape, character in _ESCAPES.items():
        name = name.replace(escape, character)
    return name


def _head(part: Part, boundary: str, position: int, *, is_first: bool) -> bytes:
    named = "" if part.name is None else f"; name*=UTF-8''{quote(part.name, safe='')}"
    start = "" if is_first else "\r\n"
    lines = f"{start}--{boundary}\r\nContent-Disposition: attachment{named}\r\nContent-Type: {part.content_type}"
    size = position + len(lines) + 4
    # Spaces at the end of a header have no meaning.
    return f"{lines}{' ' * (-size % _ALIGNMENT_BYTES)}\r\n\r\n".encode("ascii")
