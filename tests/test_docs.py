"""The documentation is true: what the code has stands in it, and what it shows works."""

import asyncio
import importlib
import os
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import officium
from officium import cli
from officium.core.llm.providers import PROVIDERS
from officium.kit.errors import OfficiumError
from officium.main import build_app, build_parts
from officium.settings import Settings, provider_variables, setting_variables
from officium.web.errors import _OPENAI_CODES, status_of
from tests.support.server import running_server
from tests.support.web import description

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
    return [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in lines]


def _error_classes() -> set[type[OfficiumError]]:
    for module in pkgutil.walk_packages(officium.__path__, "officium."):
        if not module.name.endswith(".__main__"):
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


def _default(field: str) -> str:
    default = Settings.model_fields[field].default
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`./{default}`" if isinstance(default, Path) else f"`{default}`"


def test_menu_of_the_site_has_every_guide_and_reference() -> None:
    project = tomllib.loads(_read("zensical.toml"))["project"]
    pages = {path.relative_to(DOCS).as_posix() for path in PAGES if path.is_relative_to(DOCS)}
    wanted = {page for page in pages if not page.startswith("decisions/")} | {"reference/api.md"}

    in_menu = list(_menu_pages(project["nav"]))

    assert sorted(wanted - set(in_menu)) == [], "Name these pages in `nav` of zensical.toml."
    assert sorted(in_menu) == sorted(wanted)


def _menu_pages(menu: object) -> Iterator[str]:
    match menu:
        case str():
            yield menu
        case list() | dict():
            for part in menu.values() if isinstance(menu, dict) else menu:
                yield from _menu_pages(part)


def test_every_setting_is_documented_with_its_default() -> None:
    expected = {variable: _default(field) for field, variable in setting_variables().items()}

    rows = [row for row in _rows(_read("docs/reference/settings.md")) if len(row) == 3]
    documented = {row[0].strip("`"): row[1] for row in rows if row[0] != "variable"}

    assert documented == expected


def test_every_provider_is_documented() -> None:
    expected = {
        row.label: [*provider_variables(row).values(), row.default_model or ""]
        for row in PROVIDERS.values()
        if provider_variables(row)
    }

    rows = [row for row in _rows(_read("docs/reference/settings.md")) if len(row) == 6]
    documented = {row[0]: [cell.strip("`") for cell in row[1:]] for row in rows if row[0] != "provider"}

    assert documented == expected


def test_template_of_the_environment_has_every_setting() -> None:
    ours = set(setting_variables().values())
    theirs = {variable for row in PROVIDERS.values() for variable in provider_variables(row).values()}

    assert set(re.findall(r"^(\w+)=", _read(".env.example"), re.MULTILINE)) == ours | theirs


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))
    if not hasattr(command, "commands"):
        yield " ".join(path), command


def test_every_command_and_option_is_documented() -> None:
    shared = {"--data", "--json", "--tenant"}
    expected = {
        name: {option for part in command.params for option in part.opts if option.startswith("--")} - shared
        for name, command in _commands(get_command(cli.app))
    }

    page = _read("docs/reference/cli.md")
    documented = {
        re.sub(r" [A-Z].*", "", row[0].strip("`").removeprefix("officium ")): {
            option.split(" ")[0] for option in re.findall(r"`(--[a-z-]+)`", row[2])
        }
        - shared
        for row in _rows(page)
        if row[0] != "command"
    }

    assert documented == expected
    assert shared <= set(re.findall(r"`(--[a-z]+)[ `]", page))


def test_every_route_is_documented() -> None:
    existing = {
        (method.upper(), path) for path, operations in description()["paths"].items() for method in operations
    }

    rows = [
        row for row in _rows(_read("docs/reference/http.md")) if row[0] in {"GET", "POST", "PUT", "DELETE"}
    ]

    assert {(row[0], row[1].strip("`")) for row in rows} == existing


def test_every_metric_is_documented(tmp_path: Path) -> None:
    registry = build_parts(Settings(_env_file=None, data_dir=tmp_path)).registry
    build_app(Settings(_env_file=None, data_dir=tmp_path))

    ours = {family.name for family in registry.collect() if family.name.startswith(("officium_", "gen_ai_"))}
    documented = {
        row[0].strip("`").removesuffix("_total")
        for row in _rows(_read("docs/guides/operate.md"))
        if row[0].startswith(("`officium_", "`gen_ai_"))
    }

    assert ours <= documented


def test_readme_shows_the_example_as_it_is() -> None:
    example = _read("docs/examples/library.py")

    assert f"<!-- docs/examples/library.py -->\n```python\n{example}```\n" in _read("README.md")


async def _run(program: list[str], environment: Mapping[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *program,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return said.decode()


async def test_library_example_runs_without_a_key() -> None:
    said = await _run([sys.executable, str(DOCS / "examples" / "library.py")], {})

    assert "[scripted]" in said


def _programs() -> Iterator[Any]:
    """The Python examples that talk to a server, from every page that has some."""
    for page in (ROOT / "README.md", DOCS / "guides" / "use-with-sdks.md"):
        blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        for number, block in enumerate(blocks, 1):
            if "OFFICIUM_KEY" in block:
                yield pytest.param(block, id=f"{page.stem}-{number}")


@pytest.mark.parametrize("program", list(_programs()))
async def test_examples_of_sdks_run(program: str, tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        environment = {"OFFICIUM_URL": server.url, "OFFICIUM_KEY": server.api_key}

        said = await _run([sys.executable, "-c", program], environment)

    assert said.strip()


@pytest.mark.parametrize("page", ["README.md", "docs/guides/use-with-sdks.md"])
async def test_examples_of_curl_run(page: str, tmp_path: Path) -> None:
    command = re.search(r"^curl (?:.*\\\n)*.*$", _read(page), re.MULTILINE)
    assert command is not None

    async with running_server(tmp_path) as server:
        environment = {"OFFICIUM_URL": server.url, "OFFICIUM_KEY": server.api_key}
        said = await _run(["sh", "-c", f"{command.group()} --silent --fail"], environment)

    assert '"chat.completion"' in said
