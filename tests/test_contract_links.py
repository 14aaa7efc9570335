"""Every rule that is cited has its place in the contract, and links between documents lead somewhere."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT / "docs" / "contract"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
_TAG = re.compile(r"\b(?:PRJ|CFG|PAR|CAT|PIP|RUN|HOOK|SES|SRV|BRG|Q)-\d+\b")
_ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FILE = re.compile(r"`([\w.]+(?:/[\w.]+)+|[\w/]+\.(?:py|md|toml))`")
_DEFINED = re.compile(r"(?:\b(?:def|class|function|fixture|import) +(\w+)|^ *(\w+)(?: *[:=]|,$))", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```|`+[^`]*`+", re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The places in ``document`` that a link can name: explicit ones, and headings as GitHub names them."""
    text = document.read_text(encoding="utf-8")
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text))
    return {*_ANCHOR.findall(text), *headings}


def citing() -> Iterator[Path]:
    yield from DOCUMENTS
    for folder in ("app", "tests", "benchmarks"):
        yield from (ROOT / folder).rglob("*.py")


def test_files_that_guides_name_exist() -> None:
    ours = [file for folder in ("app", "tests", "docs") for file in (ROOT / folder).rglob("*")]
    paths = {f"/{path.relative_to(ROOT)}" for file in ours for path in (file, file.with_suffix(""))}
    named = {
        f"{document}: {name}"
        for document in ("CONTRIBUTING.md", "docs/architecture.md")
        for name in _FILE.findall((ROOT / document).read_text(encoding="utf-8"))
        if not (ROOT / name).exists() and not any(path.endswith(f"/{name}") for path in paths)
    }
    assert named == set()


def test_names_that_recipes_give_exist() -> None:
    code = [file for folder in ("app", "tests") for kind in ("py", "js") for file in (ROOT / folder).rglob(f"*.{kind}")]
    texts = [file.read_text(encoding="utf-8") for file in code if "vendor" not in file.parts]
    known = {name for text in texts for names in _DEFINED.findall(text) for name in names}
    recipes = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Recipes")[2]
    assert set(re.findall(r"`(\w+)(?:\(\))?`", recipes)) - known == {"RUNNER_MODULE_ALLOWLIST", "curl", "html"}


def test_every_cited_rule_is_in_the_contract() -> None:
    known = {anchor for page in CONTRACT.glob("*.md") for anchor in anchors(page)}
    unknown = {
        f"{file.relative_to(ROOT)}: {tag}"
        for file in citing()
        for tag in _TAG.findall(file.read_text(encoding="utf-8"))
        if tag.lower() not in known
    }
    assert unknown == set()


def test_a_rule_has_one_place() -> None:
    found = Counter(tag for page in CONTRACT.glob("*.md") for tag in _ANCHOR.findall(page.read_text(encoding="utf-8")))
    assert [tag for tag, count in found.items() if count > 1] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", document.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{link}: no such file"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: no such place"
