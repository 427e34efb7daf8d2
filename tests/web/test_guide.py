"""The documentation's site, served by the server."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

import pytest
from fastapi import FastAPI

from officium.web.guide import guide_router, is_built
from tests.support.web import ask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("not for you")
    folder = tmp_path / "guide"
    (folder / "guides").mkdir(parents=True)
    (folder / "index.html").write_text("<script>start()</script><script src='a.js'></script>")
    (folder / "guides" / "look.css").write_text("a{}")
    (folder / "link.html").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def app(folder: Path) -> FastAPI:
    app = FastAPI()
    app.include_router(guide_router(folder))
    return app


async def test_page_may_run_what_stands_in_it_and_nothing_else(app: FastAPI):
    reply = await ask(app, "GET", "/guide/index.html", key=None)

    digest = b64encode(hashlib.sha256(b"start()").digest()).decode()
    scripts = re.search(r"script-src ([^;]*);", reply.headers["content-security-policy"])
    assert reply.status == 200
    assert scripts is not None
    assert scripts[1] == f"'self' 'sha256-{digest}'"


async def test_address_leads_to_the_first_page_and_files_have_their_types(app: FastAPI):
    first = await ask(app, "GET", "/guide", key=None)
    sheet = await ask(app, "GET", "/guide/guides/look.css", key=None)

    assert (first.status, first.headers["location"]) == (303, "/guide/index.html")
    assert (sheet.status, sheet.headers["content-type"].partition(";")[0]) == (200, "text/css")


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "%2e%2e/secret.txt", "guides/../../secret.txt", "/etc/passwd", "link.html", "", "%00"],
)
async def test_nothing_outside_the_site_is_served(app: FastAPI, path: str):
    reply = await ask(app, "GET", f"/guide/{path}", key=None)

    assert reply.status == 404
    assert b"not for you" not in reply.body


async def test_site_that_was_not_built_is_not_there(tmp_path: Path):
    app = FastAPI()
    app.include_router(guide_router(tmp_path / "nothing"))

    assert (await ask(app, "GET", "/guide", key=None)).status == 404
    assert (await ask(app, "GET", "/guide/index.html", key=None)).status == 404
    assert not is_built(tmp_path / "nothing")
