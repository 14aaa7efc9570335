"""Compares outcomes: they are the same, or differ as documented."""

import re
from typing import Any

import msgspec

from both_engines.cases import Case
from both_engines.outcomes import Outcome

_SLIPS = ("SyntaxError", "IndentationError", "NameError", "ParserError", "the machine failed")

# Our hints, and what they leave: the full stop may be Kedro's or the hint's.
_GIVE = r" Give a value in 'inputs' of the run;.*?'pandas'\."
_DID_YOU_MEAN = r" Did you mean '[^?]*\?"
_HINTS = (
    (re.compile(rf"(saved yet\.){_GIVE}"), r"\1"),
    (re.compile(rf"\.{_GIVE}"), ""),
    (re.compile(rf"(nodes named \[[^\]]*\]\.){_DID_YOU_MEAN}"), r"\1"),
    (re.compile(rf"\.{_DID_YOU_MEAN}"), ""),
)


def problems(case: Case, ours: Outcome, theirs: Outcome, *, package: str) -> list[str]:
    """Return a text for each difference that the case does not document."""
    case = _named(case, package)
    ours = without_hints(ours)
    found = _slips(case, theirs)
    found += [_line(aspect, _seen(case, aspect, ours), _wanted(case, aspect, theirs)) for aspect in _aspects(case)]
    found += _messages(case, ours, theirs)
    found += _staleness(case, theirs)
    return [line for line in found if line]


def without_hints(outcome: Any) -> Any:
    """Remove what our messages say behind Kedro's: names that resemble an unknown one, and where inputs come from."""
    if isinstance(outcome, dict):
        return {key: without_hints(value) for key, value in outcome.items()}
    if isinstance(outcome, list | tuple):
        return [without_hints(value) for value in outcome]
    if not isinstance(outcome, str):
        return outcome
    for hint, kept in _HINTS:
        outcome = hint.sub(kept, outcome)
    return outcome


def _named(case: Case, package: str) -> Case:
    text = msgspec.json.encode(case).decode().replace("{package}", package)
    return msgspec.json.decode(text, type=Case)


def _slips(case: Case, theirs: Outcome) -> list[str]:
    """Report a case with a mistake of its own, which fails in the same way on both engines."""
    is_slip = theirs["error"] in _SLIPS and not case.says and case.deviation is None
    return [f"is this meant? {theirs['error']}: {theirs['message']}"] if is_slip else []


def _aspects(case: Case) -> tuple[str, ...]:
    return (*case.compare, *(["logs"] if case.logs else []))


def _line(aspect: str, seen: Any, wanted: Any) -> str:
    return "" if seen == wanted else f"{aspect}:\n  ours  {seen}\n  kedro {wanted}"


def _wanted(case: Case, aspect: str, theirs: Outcome) -> Any:
    if case.deviation is not None and aspect in case.deviation.ours:
        return case.deviation.ours[aspect]
    return _seen(case, aspect, theirs)


def _seen(case: Case, aspect: str, outcome: Outcome) -> Any:
    if aspect == "logs":
        return [
            [level, match.group()]
            for level, text in outcome["logs"]
            for pattern in case.logs
            if (match := re.search(pattern, text))
        ]
    return outcome[aspect]


def _messages(case: Case, ours: Outcome, theirs: Outcome) -> list[str]:
    if "error" not in case.compare:
        return []
    text, kedros = ours["message"] or "", theirs["message"] or ""
    if case.deviation is not None and {"message", "error", "value"} & case.deviation.ours.keys():
        wanted = case.deviation.ours.get("message", "")
        return [] if wanted in text else [f"message:\n  ours  {text}\n  lacks {wanted}"]
    if not case.says:
        return [_line("message", text, kedros)]
    pairs = (("ours", text), ("kedro", kedros))
    return [
        f"message of {who}: {message!r} lacks {part!r}"
        for part in case.says
        for who, message in pairs
        if part not in message
    ]


def _staleness(case: Case, theirs: Outcome) -> list[str]:
    """Report a documented deviation that no longer exists."""
    if case.deviation is None:
        return []
    expected = {**case.deviation.ours}
    text = expected.pop("message", None)
    is_same = all(_seen(case, aspect, theirs) == value for aspect, value in expected.items())
    if is_same and (text is None or text in (theirs["message"] or "")):
        return [f"{case.deviation.why} is no deviation: Kedro does the same"]
    return []
