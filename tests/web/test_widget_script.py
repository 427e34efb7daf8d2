"""The script that pages of other origins load: what it weighs, and how long browsers may keep it."""

import gzip
import json
import re
from collections.abc import Callable

import pytest

from officium.web.widget_script import FOLDER, SOURCES, build_script
from tests.support.web import FakeGateway, an_app, ask

LARGEST_GZIPPED_BYTES = 20_000
LANGUAGES = ("ar", "de", "es", "fr")


def _english() -> dict[str, str]:
    found = re.search(r"const ENGLISH = \{\n(.*?)\n\};", (FOLDER / "texts.js").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return {key: json.loads(said) for key, said in re.findall(r'^  (\w+): (".*"),$', found[1], re.MULTILINE)}


async def test_script_is_small_and_may_be_loaded_by_any_page():
    reply = await ask(
        an_app(FakeGateway()), "GET", "/widget.js", headers={"accept-encoding": "gzip"}, key=None
    )

    assert reply.status == 200
    assert len(reply.body) <= LARGEST_GZIPPED_BYTES
    assert gzip.decompress(reply.body).decode() == build_script()
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cache-control"].startswith("public, max-age=3600")
    assert reply.headers["vary"] == "accept-encoding"
    assert "set-cookie" not in reply.headers


async def test_browser_that_has_the_script_is_not_sent_it_again():
    app = an_app(FakeGateway())
    first = await ask(app, "GET", "/widget.js", key=None)

    again = await ask(app, "GET", "/widget.js", headers={"if-none-match": first.headers["etag"]}, key=None)
    other = await ask(app, "GET", "/widget.js", headers={"if-none-match": 'W/"other"'}, key=None)
    head = await ask(app, "HEAD", "/widget.js", key=None)

    assert (again.status, again.body) == (304, b"")
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert (other.status, other.body) == (200, first.body)
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", first.headers["etag"])
    assert head.headers["content-length"] == str(len(first.body))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_language_says_all_that_english_says(language: str):
    reply = await ask(an_app(FakeGateway()), "GET", f"/widget/texts/{language}.json", key=None)
    blanks: Callable[[str], list[str]] = re.compile(r"\{\w+\}").findall

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.json.keys() == _english().keys()
    assert {key: blanks(said) for key, said in reply.json.items()} == {
        key: blanks(said) for key, said in _english().items()
    }


async def test_language_that_is_not_there_is_not_found():
    reply = await ask(an_app(FakeGateway()), "GET", "/widget/texts/xx.json", key=None)

    assert reply.status == 404


def test_nothing_in_the_script_makes_markup_or_code_out_of_text():
    script = build_script()

    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
        "srcdoc",
        "document.cookie",
        'setAttribute("style"',
    ):
        assert word not in script


def test_every_part_of_the_script_is_taken_and_can_be_stripped():
    parts = {path.stem for path in FOLDER.glob("*.js")}

    assert parts == set(SOURCES)
    for name in SOURCES:
        lines = (FOLDER / f"{name}.js").read_text("utf-8").splitlines()
        if name != "markdown":  # where they are what is looked for
            assert [line for line in lines if line.count("`") % 2] == [], "a string over several lines"
        assert len(lines) <= 420
