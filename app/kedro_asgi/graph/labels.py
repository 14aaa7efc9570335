"""The labels of elements, and how wide they are when they are drawn."""

from unicodedata import category, combining, east_asian_width

from kedro_asgi.reserved_names import PARAMS_PREFIX

FONT_SIZE = 12
_MAX_WIDTH = 220.0
# Of a sans-serif font such as Arial, in shares of its size; letters that are not here are of middle width.
_SHARES = {
    **dict.fromkeys("ijl.,:;|!'` ", 0.28),
    **dict.fromkeys('frtI()[]{}/\\-"', 0.36),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ&", 0.71),
    **dict.fromkeys("mwMW@%", 0.88),
}
_MIDDLE_SHARE = 0.57


def text_width(text: str, *, size: float = FONT_SIZE) -> float:
    """Return about how many pixels wide ``text`` is."""
    return sum(map(_share, text)) * size


def shorten(text: str) -> str:
    """Return ``text`` without the middle if it is too wide for a box: names often differ at their ends."""
    if text_width(text) <= _MAX_WIDTH:
        return text
    head, tail, width = 0, len(text), text_width("…")
    while head < tail:
        is_head = head <= (len(text) - tail) * 2
        width += text_width(text[head if is_head else tail - 1])
        if width > _MAX_WIDTH:
            break
        head, tail = (head + 1, tail) if is_head else (head, tail - 1)
    return f"{text[:head]}…{text[tail:]}"


def short_name(name: str, namespace: str | None = None) -> str:
    """Return a name without its namespace, and without the prefix of parameters."""
    name = name.removeprefix(PARAMS_PREFIX)
    return name.removeprefix(f"{namespace}.") if namespace else name


def _share(character: str) -> float:
    if combining(character) or category(character) in ("Mn", "Cf"):
        return 0.0
    if east_asian_width(character) in "WF":
        return 1.0
    return _SHARES.get(character, _MIDDLE_SHARE if ord(character) < 0x2000 else 0.9)
