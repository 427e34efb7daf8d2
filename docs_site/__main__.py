"""Puts the site together in `build/docs`, lets zensical build it into `site`, and checks every link of it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from docs_site.api_reference import api_reference
from officium.main import build_app, build_parts
from officium.settings import Settings
from officium.web.guide import FOLDER

ROOT = Path(__file__).parents[1]
DOCS, STAGE, SITE = ROOT / "docs", ROOT / "build" / "docs", ROOT / "site"
_LINK = re.compile(r"\]\((\.\./[^)\s]+)\)")
_TARGET = re.compile(r'<[a-z][^<>]*?\s(?:href|src)="([^"]*)"')
_ID = re.compile(r'\bid="([^"]*)"')


def stage() -> None:
    """Copy the pages, write the reference of the API, and point what lies outside `docs` to a copy of it."""
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.copytree(DOCS, STAGE)
    with TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder))
        app = build_app(settings, build_parts(settings))
        (STAGE / "reference" / "api.md").write_text(api_reference(app._framework.openapi()), "utf-8")
    for page in STAGE.rglob("*.md"):
        text = page.read_text("utf-8")
        page.write_text(_LINK.sub(partial(_inside, page), text), "utf-8")


def _inside(page: Path, link: re.Match[str]) -> str:
    """A link of a page; a file of the repository outside `docs` gets a copy of its text under `source`."""
    target = link[1]
    address = target.partition("#")[0]
    file = (DOCS / page.relative_to(STAGE)).parent.joinpath(address).resolve()
    if file.is_relative_to(DOCS) or not file.is_file():
        return f"]({target})"
    copy = STAGE / "source" / f"{file.relative_to(ROOT)}.txt"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, copy)
    way = "/".join([".."] * (len(page.relative_to(STAGE).parts) - 1)) or "."
    return f"]({way}/{copy.relative_to(STAGE).as_posix()})"


def broken_links(site: Path) -> Iterator[str]:
    """Each link of a built page that leads nowhere in the site, or out of it to load something."""
    pages = {page: page.read_text("utf-8") for page in site.rglob("*.html") if page.name != "404.html"}
    ids = {page: set(_ID.findall(text)) for page, text in pages.items()}
    for page, text in pages.items():
        for target in _TARGET.findall(text):
            if "://" in target or target.startswith(("mailto:", "data:", "#__")):
                continue
            address, _, anchor = unquote(target).partition("#")
            file = (page.parent / address.partition("?")[0]).resolve() if address else page
            file = file / "index.html" if file.is_dir() else file
            is_there = file in ids and (not anchor or anchor in ids[file])
            if not is_there and not (file not in ids and file.is_file()):
                yield f"{page.relative_to(site)}: {target}"
        for loaded in re.findall(r'<(?:script|link|img|iframe)[^>]*\b(?:href|src)="(https?://[^"]+)"', text):
            yield f"{page.relative_to(site)} loads {loaded}"


def main() -> None:
    """Build, check, and say where it is."""
    stage()
    shutil.rmtree(SITE, ignore_errors=True)
    program = Path(sys.executable).parent / "zensical"
    done = subprocess.run([program, "build", "--clean"], cwd=ROOT, check=False)  # noqa: S603  ours
    if done.returncode or not (SITE / "index.html").is_file():
        raise SystemExit("The site could not be built.")
    if broken := sorted(set(broken_links(SITE))):
        raise SystemExit("\n".join(["These links lead nowhere:", *broken]))
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(SITE, FOLDER)
    print(f"A server from this folder shows it at /guide. The site is in {SITE}. Open {SITE / 'index.html'}.")


if __name__ == "__main__":
    main()
