"""The grammar of interpolated strings (CFG-38): parses a text into an expression."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeVar

from kedro_asgi.config.interpolation.evaluator import Node
from kedro_asgi.config.interpolation.expressions import (
    ComputedReference,
    DictExpression,
    Join,
    ListExpression,
    Literal,
    ResolverCall,
    join_text,
)
from kedro_asgi.config.interpolation.interpolated import Expression
from kedro_asgi.errors import GrammarParseError

_T = TypeVar("_T")
_OPEN = re.compile(r"(?P<slashes>\\*)(?P<mark>\$\{)")
_OPEN_OR_QUOTE = {
    "'": re.compile(r"(?P<slashes>\\*)(?P<mark>\$\{|')"),
    '"': re.compile(r'(?P<slashes>\\*)(?P<mark>\$\{|")'),
}
_DOTS = re.compile(r"\.*")
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
_CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}


def parse_text(text: str) -> Expression:
    """Return the expression of a string with interpolations; raises `GrammarParseError`.

    A string that is one interpolation and nothing else evaluates to the value itself, any other string to a text.
    """
    parser = _Parser(text)
    return _join(parser.parse_parts(_OPEN, until=None))


def parse_element(text: str) -> Expression:
    """Return the expression of ``text`` as an argument of a resolver; raises `GrammarParseError`."""
    parser = _Parser(text)
    parser.skip_blanks()
    element = parser.parse_element()
    parser.skip_blanks()
    if parser.position < len(text):
        parser.fail()
    return element


class _Parser:
    """Reads a string once, left to right; ``parse_…`` methods consume the part that they are named after."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def parse_parts(self, stop: re.Pattern[str], until: str | None) -> list[Expression]:
        """Parse free text with interpolations, up to the quote ``until`` or the end.

        A backslash has a meaning only before ``${`` or before that quote: two stand for one, and an odd one escapes
        what follows.
        """
        parts: list[Expression] = []
        while found := stop.search(self.text, self.position):
            slashes, mark = len(found["slashes"]), found["mark"]
            before = self.text[self.position : found.start()] + "\\" * (slashes // 2)
            self.position = found.end()
            if slashes % 2:
                parts.append(Literal(before + mark))
                continue
            parts.append(Literal(before))
            if mark == until:
                return parts
            parts.append(self.parse_interpolation())
        if until is not None:
            self.fail()
        return [*parts, Literal(self.text[self.position :])]

    def parse_interpolation(self) -> Expression:
        """Parse what follows ``${``, up to and with the closing brace."""
        self.skip_blanks()
        ups = len(self.expect(_DOTS))
        keys, brackets = self.parse_keys()
        self.skip_blanks()
        if self.accept("}"):
            return ComputedReference(keys, ups, brackets).with_children(keys)
        if ups or any(brackets) or not self.accept(":") or not all(map(_may_name, keys)):
            self.fail()
        name = [part for key in keys for part in (Literal("."), key)][1:]
        return ResolverCall([_join(name), *self.parse_elements("}")])

    def parse_keys(self) -> tuple[list[Expression], list[bool]]:
        keys, brackets = [], []
        brackets.append(self.accept("["))
        keys.append(self.parse_key(bracketed=brackets[-1]))
        while (is_bracket := self.accept("[")) or self.accept("."):
            brackets.append(is_bracket)
            keys.append(self.parse_key(bracketed=is_bracket))
        return keys, brackets

    def parse_key(self, *, bracketed: bool) -> Expression:
        key = self.parse_interpolation() if self.accept("${") else Literal(self.expect(_KEY))
        if bracketed and not self.accept("]"):
            self.fail()
        return key

    def parse_elements(self, close: str) -> list[Expression]:
        """Parse elements between commas up to ``close``; nothing between two commas is an empty text (CFG-48)."""
        return self.parse_list(close, lambda: Literal("") if self.peek() in {",", close} else self.parse_element())

    def parse_list(self, close: str, parse_item: Callable[[], _T]) -> list[_T]:
        items: list[_T] = []
        self.skip_blanks()
        while items or not self.accept(close):
            self.skip_blanks()
            items.append(parse_item())
            self.skip_blanks()
            if self.accept(close):
                break
            if not self.accept(","):
                self.fail()
        return items

    def parse_element(self) -> Expression:
        for quote, stop in _OPEN_OR_QUOTE.items():
            if self.accept(quote):
                return join_text(self.parse_parts(stop, until=quote))
        if self.accept("["):
            return ListExpression(self.parse_elements("]"))
        return self.parse_mapping() if self.accept("{") else self.parse_primitive()

    def parse_mapping(self) -> Expression:
        pairs = self.parse_list("}", self.parse_pair)
        return DictExpression([item for _, item in pairs], [key for key, _ in pairs])

    def parse_pair(self) -> tuple[Node, Expression]:
        key = self.parse_words(_KEY_WORD, None)
        if not key or not self.accept(":"):
            self.fail()
        self.skip_blanks()
        return key[0].value if isinstance(key[0], Literal) else None, self.parse_element()

    def parse_primitive(self) -> Expression:
        """Parse words without quotes: one word that looks like a number, a boolean or null is one."""
        parts = self.parse_words(_WORD, self.parse_interpolation)
        if not parts:
            self.fail()
        return parts[0] if len(parts) == 1 else Join(parts)

    def parse_words(self, word: re.Pattern[str], interpolation: Callable[[], Expression] | None) -> list[Expression]:
        parts: list[Expression] = []
        start, text, blank = self.position, "", 0
        while True:
            if found := _ESCAPED.match(self.text, self.position):
                text, blank = text + found[1], 0
            elif found := word.match(self.text, self.position):
                text, blank = text + found[0], _trailing_blanks(found[0])
            elif interpolation and self.accept("${"):
                parts += [Literal(text), interpolation()]
                text, blank = "", 0
                continue
            elif self.peek() == "\\":
                text, blank, self.position = text + "\\", 0, self.position + 1
                continue
            else:
                break
            self.position = found.end()
        text = text[: len(text) - blank]
        if not parts:
            is_plain = self.text[start : self.position].rstrip(" \t") == text
            return [Literal(_convert(text) if is_plain else text)] if text else []
        return [part for part in [*parts, Literal(text)] if not _is_empty(part)]

    def skip_blanks(self) -> None:
        self.expect(_BLANKS)

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def accept(self, token: str) -> bool:
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def expect(self, pattern: re.Pattern[str]) -> str:
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
    """Count the blanks at the end that are trimmed; blanks after a colon belong to the word."""
    bare = word.rstrip(" \t")
    return 0 if bare.endswith(":") else len(word) - len(bare)


def _may_name(key: Expression) -> bool:
    return not isinstance(key, Literal) or _NAME.fullmatch(str(key.value)) is not None


def _is_empty(part: Expression) -> bool:
    return isinstance(part, Literal) and part.value == ""


def _join(parts: Sequence[Expression]) -> Expression:
    parts = [part for part in parts if not _is_empty(part)]
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], Literal) else join_text(parts)


def _convert(word: str) -> Node:
    if _INTEGER.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word):
        return float(word)
    return _CONSTANTS.get(word.lower(), word)
