"""Builds SVG: valid XML, whatever the names in a project are."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from xml.etree import ElementTree

Element = ElementTree.Element
Attributes = Mapping[str, float | str]
_NONE: Attributes = MappingProxyType({})

# The characters that XML 1.0 does not allow, such as control characters and half surrogate pairs.
_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def new_picture(*, width: float, height: float, title: str, description: str, css: str, is_linked: bool) -> Element:
    """Return the root of a picture; a screen reader reads its title and its description."""
    root = Element("svg")
    root.attrib.update(
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "width": number(width),
            "height": number(height),
            # The children of an image are hidden from screen readers, so links need a document.
            "role": "graphics-document document" if is_linked else "img",
            "class": "kedro-picture",
        }
    )
    add(root, "title", text=title)
    add(root, "desc", text=description)
    add(root, "style", text=css)
    add(root, "rect", {"class": "paper", "width": "100%", "height": "100%"})
    return root


def add(parent: Element, tag: str, attributes: Attributes = _NONE, *, text: str | None = None) -> Element:
    """Add an element and return it."""
    child = ElementTree.SubElement(parent, tag)
    for name, value in attributes.items():
        child.set(name, clean(value) if isinstance(value, str) else number(value))
    if text is not None:
        child.text = clean(text)
    return child


def write(root: Element) -> str:
    """Return a picture as text."""
    return ElementTree.tostring(root, encoding="unicode")


def number(value: float) -> str:
    """Return a number with at most one decimal place."""
    return f"{value:.1f}".removesuffix(".0")


def clean(text: str) -> str:
    """Return ``text`` with a replacement character for each that XML does not allow."""
    return _INVALID.sub("\ufffd", text)
