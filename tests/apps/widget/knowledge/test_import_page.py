"""Pages: where their questions are found, and that no page reaches inside or takes too much."""

from collections.abc import Mapping

import pytest

from officium.apps.widget.knowledge.errors import ImportRefused, PageUnreachable
from officium.apps.widget.knowledge.import_page import LARGEST_PAGE_BYTES, Page, PageReader, questions_of
from officium.core.llm.errors import AddressRefused, LLMProtocolError
from officium.core.llm.guard import AddressGuard
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts

URL = "https://shop.example/faq"


class Answer:
    """An HTTP answer."""

    def __init__(self, body: str | bytes = b"", kind: str = "text/html", status: int = 200, **headers: str):
        self.status = status
        self.headers: Mapping[str, str] = {"content-type": kind, **headers}
        self._body = body.encode() if isinstance(body, str) else body

    async def read(self, limit_bytes: int) -> bytes:
        if len(self._body) > limit_bytes:
            raise LLMProtocolError("too large")
        return self._body

    def close(self) -> None:
        """Nothing is open."""


class Web:
    """A transport on which each address has its answer."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[HttpRequest] = []

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        self.asked.append(request)
        return self.answers[request.url]  # type: ignore[return-value]

    async def close(self) -> None:
        """Nothing is open."""


def on(web: Web) -> PageReader:
    return PageReader(web, AddressGuard())


def found(html: str) -> list[tuple[str, str]]:
    return [(row["question"][0], row["answer"]) for row in questions_of(Page(URL, "text/html", html))]


@pytest.mark.parametrize(
    "html",
    [
        pytest.param(
            '<script type="application/ld+json">{"@type": "FAQPage", "mainEntity": [{"@type": "Question", '
            '"name": "When?", "acceptedAnswer": {"@type": "Answer", "text": "<p>At <b>9</b>.</p>"}}]}'
            "</script>"
            "<h2>Why?</h2><p>Because</p>",
            id="structured-data",
        ),
        pytest.param("<details><summary>When?</summary><p>At <i>9</i>.</p></details>", id="details"),
        pytest.param("<dl><dt>When?</dt><dd>At 9.</dd></dl>", id="terms"),
        pytest.param("<h1>FAQ</h1><p>Hi</p><h2>When?</h2><p>At 9.</p><h2>More</h2><p>x</p>", id="asking"),
        pytest.param(
            "<nav><h2>Menu</h2><p>Home</p></nav>"
            "<main><h2>When?</h2><script>alert(1)</script><p>At 9.</p></main>",
            id="without-navigation-and-scripts",
        ),
    ],
)
def test_questions_are_found_where_pages_keep_them(html: str):
    assert found(html) == [("When?", "At 9.")]


def test_lists_keep_their_lines():
    assert found("<h2>How?</h2><ul><li>First</li><li>Then</li></ul>") == [("How?", "- First\n\n- Then")]


def test_a_page_nested_without_end_is_read():
    assert found("<h2>When?</h2>" + "<div>" * 20_000 + "At 9.")[0][0] == "When?"


async def test_entries_name_the_page_they_come_from():
    web = Web({URL: Answer("<h2>When?</h2><p>At 9.</p>")})

    (entry,) = await on(web).read(URL)

    assert entry.draft.source_url == URL
    assert all(request.is_guarded for request in web.asked)


async def test_sitemap_leads_to_pages_of_its_own_host_alone():
    sitemap = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://shop.example/a</loc></url>'
        "<url><loc>https://other.example/b</loc></url><url><loc>https://shop.example/gone</loc></url></urlset>"
    )
    web = Web(
        {
            "https://shop.example/sitemap.xml": Answer(sitemap, "application/xml"),
            "https://shop.example/a": Answer("<h2>When?</h2><p>At 9.</p>"),
            "https://shop.example/gone": Answer(status=404),
        }
    )

    entries = await on(web).read("https://shop.example/sitemap.xml")

    assert [entry.draft.question for entry in entries] == ["When?"]
    assert "https://other.example/b" not in {request.url for request in web.asked}


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "https://localhost/faq", "file:///etc/passwd", "https://10.0.0.1/"],
)
async def test_nothing_inside_is_reached(url: str):
    web = Web({})

    with pytest.raises(AddressRefused):
        await on(web).read(url)
    with pytest.raises(AddressRefused):
        await on(Web({URL: Answer(status=302, location=url)})).read(URL)

    assert web.asked == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(Answer(status=500), "status 500", id="broken"),
        pytest.param(Answer(b"%PDF", "application/pdf"), "no page", id="pdf"),
        pytest.param(Answer(b"x" * (LARGEST_PAGE_BYTES + 1)), "more than 2 MB", id="too-large"),
        pytest.param(Answer(status=302, location=URL), "redirects", id="in-circles"),
        pytest.param(Answer("<a>", "application/xml"), "no sitemap", id="broken-sitemap"),
        pytest.param(
            Answer('<!DOCTYPE a [<!ENTITY x "yy">]><urlset><loc>&x;</loc></urlset>', "text/xml"),
            "no sitemap",
            id="entities",
        ),
    ],
)
async def test_what_is_no_page_is_said_to_be_none(answer: Answer, why: str):
    with pytest.raises(PageUnreachable, match=why):
        await on(Web({URL: answer})).read(URL)


async def test_a_page_without_questions_is_refused():
    with pytest.raises(ImportRefused, match="no question"):
        await on(Web({URL: Answer("<p>Welcome</p>")})).read(URL)


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "shift_jis", "no-such-encoding", "rot13"])
async def test_any_encoding_is_read(encoding: str):
    known = encoding if encoding in ("windows-1252", "shift_jis") else "utf-8"
    body = "<h2>When?</h2><p>At 9.</p>".encode(known)

    (entry,) = await on(Web({URL: Answer(body, f"text/html; charset={encoding}")})).read(URL)

    assert entry.draft.answer == "At 9."
