"""The forms in which the chunks of a run and its answer are streamed."""

from collections.abc import Callable

import msgspec

from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import EVENT_STREAM, NDJSON
from kedro_asgi.schemas import Heartbeat, StreamedEvent
from kedro_asgi.server.streams import COMMENT


class StreamForm(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The bytes of an event, and those that break a silence."""

    frame: Callable[[StreamedEvent], bytes]
    heartbeat: bytes


def _line(event: StreamedEvent) -> bytes:
    return encode_json(event) + b"\n"


def _server_sent_event(event: StreamedEvent) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (_name(event), encode_json(event))


def _name(event: StreamedEvent) -> bytes:
    return str(event.__struct_config__.tag).encode()


FORMS = {
    EVENT_STREAM: StreamForm(frame=_server_sent_event, heartbeat=COMMENT),
    NDJSON: StreamForm(frame=_line, heartbeat=_line(Heartbeat())),
}
