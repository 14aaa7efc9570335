"""Files of a package that browsers load: read once, and answered with what caches and browsers need."""

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.media_types import JSON

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# ``mimetypes`` reads the tables of the operating system, which differ.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": JSON,
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}

_NO_HEADERS: Mapping[str, str] = {}


class StaticFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; ``etag`` is a digest of its content, and ``compressed`` the content for clients that take gzip."""

    content: bytes
    media_type: str
    etag: str
    compressed: bytes | None = None

    @classmethod
    def of(cls, content: bytes, media_type: str, *, is_compressed: bool = False) -> "StaticFile":
        """Return the file with this content; compressing takes about 10 ms for a megabyte."""
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        compressed = gzip.compress(content, compresslevel=4, mtime=0) if is_compressed else None
        return cls(content=content, media_type=media_type, etag=etag, compressed=compressed)


class StaticFolder:
    """The files in the folder ``static`` of a package, read when a browser first asks for one.

    To read and digest them takes 10 ms and 2 MB, and few workers serve pages.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._files: Mapping[str, StaticFile] | None = None

    async def find(self, path: str) -> StaticFile | None:
        """Return the file at a path with slashes, if browsers load it."""
        if self._files is None:
            # Two threads may both read them; they find the same.
            self._files = await anyio.to_thread.run_sync(self._read)
        return self._files.get(path)

    def _read(self) -> Mapping[str, StaticFile]:
        # Few servers serve pages, and it takes 2 ms to import.
        from importlib.resources import files

        return dict(_files(files(self._package) / "static", PurePosixPath()))


def static_response(request: Request, file: StaticFile, *, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """Return the file, or 304 if the client has the same content; caches ask each time, since versions share paths."""
    content, etag, encoding = file.content, file.etag, _NO_HEADERS
    if file.compressed is not None:
        encoding = {"Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, etag = file.compressed, f'{file.etag[:-1]}-gzip"'
            encoding = {**encoding, "Content-Encoding": "gzip"}
    sent = {**headers, **encoding, **_digest_headers(etag)}
    if has_content(request, etag):
        return Response(status_code=304, headers=sent)
    return Response(content, media_type=file.media_type, headers=sent)


def whole_response(file: StaticFile) -> Response:
    """Return the file for a client that has none of it, and takes it as it is."""
    return Response(file.content, media_type=file.media_type, headers=_digest_headers(file.etag))


def has_content(request: Request, etag: str) -> bool:
    """Tell whether the client has the content with this digest."""
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return bool(known & {etag, "*"})


def _digest_headers(etag: str) -> Mapping[str, str]:
    return {"ETag": etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def _files(folder: "Traversable", path: PurePosixPath) -> list[tuple[str, StaticFile]]:
    found = []
    for entry in folder.iterdir():
        name = path / entry.name
        if entry.is_dir():
            found += _files(entry, name)
        elif name.suffix in _MEDIA_TYPES:
            found.append((str(name), StaticFile.of(entry.read_bytes(), _MEDIA_TYPES[name.suffix])))
    return found
