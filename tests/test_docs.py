"""The documentation is true: what the code has stands in it, and what it shows works."""

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import officium
from officium.kit.errors import OfficiumError
from officium.web.errors import _OPENAI_CODES, status_of

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted((*ROOT.glob("*.md"), *DOCS.rglob("*.md")))
TIMELESS = {"CHANGELOG.md", "add-an-app.md", *(page.name for page in (DOCS / "decisions").iterdir())}
"""Pages that may name files of the past or of an example."""


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _rows(text: str) -> list[list[str]]:
    """The cells of all tables in a page, without their heads' rulers."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def _error_classes() -> set[type[OfficiumError]]:
    for module in pkgutil.walk_packages(officium.__path__, "officium."):
        importlib.import_module(module.name)

    def below(kind: type[OfficiumError]) -> Iterator[type[OfficiumError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return {kind for kind in below(OfficiumError) if kind.__module__.startswith("officium.")}


def test_every_error_code_is_documented_with_its_status() -> None:
    documented = {
        (row[0].strip("`"), row[1]) for row in _rows(_read("docs/reference/errors.md")) if row[1].isdigit()
    }

    existing = {(kind.code, str(status_of(kind.__new__(kind)))) for kind in _error_classes()}

    assert existing == documented


def test_codes_of_the_openai_doors_are_documented() -> None:
    rows = [row for row in _rows(_read("docs/reference/errors.md")) if len(row) == 2 and row[0] != "ours"]

    documented = {code.strip("`"): row[1].strip("`") for row in rows for code in row[0].split(", ")}

    assert documented == _OPENAI_CODES


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _broken_links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        address, _, anchor = target.partition("#")
        if "://" in address:
            continue
        file = (page.parent / address).resolve() if address else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(_broken_links(page)) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in TIMELESS], ids=_id)
def test_files_that_are_named_exist(page: Path) -> None:
    folders = "src|tests|docs|bench|deploy|core|web|kit|testing"
    named = set(re.findall(rf"`((?:{folders})/[\w/.-]+|[\w-]+\.(?:md|toml|yaml))`", page.read_text("utf-8")))

    places = (ROOT, ROOT / "src" / "officium", page.parent, DOCS)

    assert {name for name in named if not any((place / name).exists() for place in places)} == set()


def test_newest_version_is_in_the_changelog() -> None:
    version = tomllib.loads(_read("pyproject.toml"))["project"]["version"]

    assert version == officium.__version__
    assert f"\n## {version}" in _read("CHANGELOG.md")
