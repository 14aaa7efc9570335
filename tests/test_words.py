"""Words that a stranger would stumble over do not come back."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
APP = ROOT / "app" / "kedro_asgi"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
MANIFESTS = [*(ROOT / "deploy").rglob("*.yaml")]
# Module names that said nothing to anybody who had not seen the module.
RETIRED = {
    *("crossing", "dialect", "foreign", "likeness", "live", "places", "plant", "soon", "stamp", "taint"),
    *("custody", "journal", "life", "looks", "room", "tail", "visits"),
}
_INVERTED = re.compile(r"(?:^|[.:;!?]\s+|\n\s*\n\s*)(?:Who|Whoever|Whom)\s[^.?]*(?:[.?]|$)")
# Within a sentence, "who" has a name before it, unless a colon, a semicolon, a bracket or the edge of a cell is there.
_NAMELESS = re.compile(r"(?:[:;(|]\s+(?:who|whom)|\bwhoever)\s[^.?|]*")


def prose(module: Path) -> Iterator[str]:
    """The docstrings of ``module``, and its comments, where consecutive lines are one text."""
    source = module.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    comments: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1:
            yield " ".join(comments)
            comments = []
        comments.append(token.string.lstrip("# "))
        last = token.start[0]
    yield " ".join(comments)


def inverted(text: str) -> list[str]:
    """The sentences of ``text``, or parts of them, that begin with an actor who has no name."""
    found = [sentence for sentence in _INVERTED.findall(text) if not sentence.endswith("?")]
    return [sentence.strip(" .:;(|\n") for sentence in (*found, *_NAMELESS.findall(text))]


def test_an_actor_has_a_name() -> None:
    texts = [(module, text) for module in APP.rglob("*.py") for text in prose(module)]
    texts += [(document, document.read_text(encoding="utf-8")) for document in (*DOCUMENTS, *MANIFESTS)]
    assert {f"{file.relative_to(ROOT)}: {sentence}" for file, text in texts for sentence in inverted(text)} == set()


def test_retired_module_names_stay_away() -> None:
    modules = {module for module in APP.rglob("*.py") if module.stem in RETIRED or module.parent.name in RETIRED}
    assert modules == set()
