"""The language of interpolated strings (CFG-38..41, CFG-48): text in, an expression out."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from kedro_asgi.config.interpolation.expressions import (
    Call,
    ComputedReference,
    Join,
    ListOf,
    Literal,
    MappingOf,
    text_of,
)
from kedro_asgi.config.interpolation.interpolated_string import Expression
from kedro_asgi.errors import GrammarParseError

_OPEN = re.compile(r"(?P<slashes>\\*)(?P<mark>\$\{)")
_OPEN_OR_QUOTE = {
    "'": re.compile(r"(?P<slashes>\\*)(?P<mark>\$\{|')"),
    '"': re.compile(r'(?P<slashes>\\*)(?P<mark>\$\{|")'),
}
_BLANKS = re.compile(r"[ \t]*")
_KEY = re.compile(r"(?:[^\\{}()\[\]:. \t'\"]|\\[\\.\[\]:=])+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORD = re.compile(r"(?:(?!\$\{)[A-Za-z0-9_/\-+.$%*@?|: \t])+")
_KEY_WORD = re.compile(r"(?:(?!\$\{)[A-Za-z0-9_/\-+.$%*@?| \t])+")
_ESCAPED = re.compile(r"\\([\\()\[\]{}:=, \t])")
_DIGITS = r"[0-9](?:_?[0-9])*"
_NUMBER = r"(?:0|[1-9](?:_?[0-9])*)"
_INTEGER = re.compile(rf"[+-]?{_NUMBER}")
_FLOAT = re.compile(
    rf"[+-]?(?:(?:{_NUMBER}\.(?:{_DIGITS})?|\.{_DIGITS})(?:e[+-]?{_DIGITS})?|{_NUMBER}e[+-]?{_DIGITS}|inf|nan)",
    re.IGNORECASE,
)
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse_text(text: str) -> Expression:
    """Return what a string with interpolations stands for; raises `GrammarParseError`.

    A string that is one interpolation and nothing else stands for the value itself, any other one for a text.
    """
    parser = _Parser(text)
    return _joined(parser.pieces(_OPEN, until=None))


def parse_element(text: str) -> Expression:
    """Return what ``text`` stands for as an argument of a resolver; raises `GrammarParseError`."""
    parser = _Parser(text)
    parser.skip_blanks()
    element = parser.element()
    parser.skip_blanks()
    if parser.position < len(text):
        parser.fail()
    return element


class _Parser:
    """Reads a string once, left to right; each method takes what it is named after."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def pieces(self, stop: re.Pattern[str], until: str | None) -> list[Expression]:
        """Free text with interpolations, up to the quote ``until`` or the end.

        A backslash means something only in front of ``${`` or of that quote: pairs stand for one, an odd one
        takes the meaning away from what follows.
        """
        pieces: list[Expression] = []
        while found := stop.search(self.text, self.position):
            slashes, mark = len(found["slashes"]), found["mark"]
            before = self.text[self.position : found.start()] + "\\" * (slashes // 2)
            self.position = found.end()
            if slashes % 2:
                pieces.append(Literal(before + mark))
                continue
            pieces.append(Literal(before))
            if mark == until:
                return pieces
            pieces.append(self.interpolation())
        if until is not None:
            self.fail()
        return [*pieces, Literal(self.text[self.position :])]

    def interpolation(self) -> Expression:
        """What follows ``${``, and the closing brace."""
        self.skip_blanks()
        ups = self.dots()
        keys, brackets = self.keys()
        self.skip_blanks()
        if self.takes("}"):
            return ComputedReference(ups, keys, brackets).rebuilt(keys)
        if ups or any(brackets) or not self.takes(":") or not all(map(_may_name, keys)):
            self.fail()
        return Call(_joined(_dotted(keys)), self.sequence("}"))

    def dots(self) -> int:
        start = self.position
        while self.takes("."):
            pass
        return self.position - start

    def keys(self) -> tuple[list[Expression], list[bool]]:
        keys, brackets = [], []
        brackets.append(self.takes("["))
        keys.append(self.key(bracketed=brackets[-1]))
        while (is_bracket := self.takes("[")) or self.takes("."):
            brackets.append(is_bracket)
            keys.append(self.key(bracketed=is_bracket))
        return keys, brackets

    def key(self, *, bracketed: bool) -> Expression:
        key = self.interpolation() if self.takes("${") else Literal(self.match(_KEY))
        if bracketed and not self.takes("]"):
            self.fail()
        return key

    def sequence(self, close: str) -> list[Expression]:
        """Elements between commas up to ``close``; between two commas may be nothing, an empty text (CFG-48)."""
        self.skip_blanks()
        items: list[Expression] = []
        if self.takes(close):
            return items
        while True:
            self.skip_blanks()
            items.append(Literal("") if self.peek() in {",", close} else self.element())
            self.skip_blanks()
            if self.takes(close):
                return items
            if not self.takes(","):
                self.fail()

    def element(self) -> Expression:
        for quote, stop in _OPEN_OR_QUOTE.items():
            if self.takes(quote):
                return text_of(self.pieces(stop, until=quote))
        if self.takes("["):
            return ListOf(self.sequence("]"))
        return self.mapping() if self.takes("{") else self.primitive()

    def mapping(self) -> Expression:
        keys: list[Any] = []
        items: list[Expression] = []
        self.skip_blanks()
        while keys or not self.takes("}"):
            keys.append(self.mapping_key())
            items.append(self.element())
            self.skip_blanks()
            if self.takes("}"):
                break
            if not self.takes(","):
                self.fail()
            self.skip_blanks()
        return MappingOf(keys, items)

    def mapping_key(self) -> Any:
        key = self.words(_KEY_WORD, None)
        if not key or not self.takes(":"):
            self.fail()
        self.skip_blanks()
        return key[0].value if isinstance(key[0], Literal) else None

    def primitive(self) -> Expression:
        """Words without quotes: a number, a boolean or null if they are one word that looks like it."""
        pieces = self.words(_WORD, self.interpolation)
        if not pieces:
            self.fail()
        return pieces[0] if len(pieces) == 1 else Join(pieces)

    def words(self, word: re.Pattern[str], interpolation: Callable[[], Expression] | None) -> list[Expression]:
        pieces: list[Expression] = []
        start, text, blank = self.position, "", 0
        while True:
            if found := _ESCAPED.match(self.text, self.position):
                text, blank = text + found[1], 0
            elif found := word.match(self.text, self.position):
                text, blank = text + found[0], _trailing_blanks(found[0])
            elif interpolation and self.takes("${"):
                pieces += [Literal(text), interpolation()]
                text, blank = "", 0
                continue
            elif self.peek() == "\\":
                text, blank, self.position = text + "\\", 0, self.position + 1
                continue
            else:
                break
            self.position = found.end()
        text = text[: len(text) - blank]
        if not pieces:
            is_plain = self.text[start : self.position].rstrip(" \t") == text
            return [Literal(_typed(text) if is_plain else text)] if text else []
        return [piece for piece in [*pieces, Literal(text)] if not _is_empty(piece)]

    def skip_blanks(self) -> None:
        self.match(_BLANKS)

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def takes(self, token: str) -> bool:
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.position)
        if not found:
            self.fail()
        self.position = found.end()
        return found[0]

    def fail(self) -> NoReturn:
        rest = self.text[self.position :]
        at = f"at {rest!r}" if rest else "at its end"
        raise GrammarParseError(f"Cannot parse the interpolation in {self.text!r}: unexpected input {at}")


def _trailing_blanks(word: str) -> int:
    """How many blanks at the end are only there to be trimmed; those behind a colon belong to it."""
    bare = word.rstrip(" \t")
    return 0 if bare.endswith(":") else len(word) - len(bare)


def _may_name(key: Expression) -> bool:
    return not isinstance(key, Literal) or _NAME.fullmatch(key.value) is not None


def _dotted(keys: Sequence[Expression]) -> list[Expression]:
    return [piece for key in keys for piece in (Literal("."), key)][1:]


def _is_empty(piece: Expression) -> bool:
    return isinstance(piece, Literal) and piece.value == ""


def _joined(pieces: Sequence[Expression]) -> Expression:
    pieces = [piece for piece in pieces if not _is_empty(piece)]
    return pieces[0] if len(pieces) == 1 and not isinstance(pieces[0], Literal) else text_of(pieces)


def _typed(word: str) -> Any:
    if _INTEGER.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word):
        return float(word)
    return _CONSTANTS.get(word.lower(), word)
