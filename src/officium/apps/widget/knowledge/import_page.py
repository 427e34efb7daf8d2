"""Questions and answers from pages: fetched through the address guard, a few at a time, within limits."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import defusedxml.ElementTree as ElementTree
import msgspec
from defusedxml.common import DefusedXmlException
from selectolax.lexbor import LexborHTMLParser, LexborNode

from officium.apps.widget.knowledge.entry import one_line, plain_text
from officium.apps.widget.knowledge.errors import ImportRefused, PageUnreachable
from officium.apps.widget.knowledge.import_file import ImportedEntry, collect
from officium.core.llm.errors import AddressRefused, LLMError
from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.kit.version import __version__

LARGEST_PAGE_BYTES = 2 * 1024 * 1024
MOST_PAGES = 50
MOST_REDIRECTS = 3
PAGES_AT_ONCE = 4
LONGEST_S = 60.0
"""For all pages together."""
_TIMEOUTS = Timeouts(connect=5.0, first_byte=10.0, idle=10.0, total=15.0)
_HEADERS = {
    "accept": "text/html, application/xhtml+xml, application/xml;q=0.9",
    "accept-encoding": "gzip",
    "user-agent": f"Officium/{__version__} (knowledge import)",
}
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_UNREAD = "script, style, noscript, template, nav, header, footer, aside, form, svg, iframe, object, button"
_BLOCKS = frozenset(
    (
        *("address", "article", "blockquote", "br", "dd", "details", "div", "dl", "dt", "figcaption"),
        *("figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "main", "ol", "p", "pre", "section"),
        *("summary", "table", "td", "th", "tr", "ul"),
    )
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


class Guard(Protocol):
    """Knows where URLs of tenants must not lead."""

    def check_url(self, url: str) -> None: ...


class Page(msgspec.Struct, frozen=True):
    """What was found at an address, after redirects."""

    url: str
    kind: str
    text: str


class PageReader:
    """Fetches pages of the open internet, and reads the questions and answers in them."""

    def __init__(self, transport: Transport, guard: Guard) -> None:
        self._transport = transport
        self._guard = guard

    async def read(self, url: str) -> list[ImportedEntry]:
        """The entries on a page, or on the pages of the same host that a sitemap lists: at most 50.

        Each names the page it comes from. Of a question that is asked on several pages the first answer
        counts. Raises AddressRefused, PageUnreachable and ImportRefused.
        """
        try:
            async with asyncio.timeout(LONGEST_S):
                first = await self._fetch(url)
                addresses = _addresses(first, urlsplit(first.url).hostname)
                if addresses is None:
                    pages = [first]
                else:
                    pages = await self._fetch_all(addresses)
        except TimeoutError as error:
            raise PageUnreachable("The pages could not all be fetched within a minute.") from error
        rows = [row for page in pages for row in await asyncio.to_thread(list, questions_of(page))]
        return collect(_numbered(rows))

    async def _fetch_all(self, addresses: Sequence[str]) -> list[Page]:
        turns = asyncio.Semaphore(PAGES_AT_ONCE)

        async def fetch(url: str) -> Page:
            async with turns:
                return await self._fetch(url)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_quietly(fetch(url))) for url in addresses]
        done = [task.result() for task in tasks]
        if done and all(isinstance(page, Exception) for page in done):
            raise next(page for page in done if isinstance(page, Exception))
        return [page for page in done if isinstance(page, Page)]

    async def _fetch(self, url: str) -> Page:
        for _ in range(MOST_REDIRECTS + 1):
            self._guard.check_url(url)
            try:
                response = await self._transport.send(
                    HttpRequest("GET", url, _HEADERS, is_guarded=True), _TIMEOUTS
                )
            except AddressRefused:
                raise
            except LLMError as error:
                raise PageUnreachable(f"{_short(url)} could not be reached. {error.message}") from error
            try:
                if response.status in (301, 302, 303, 307, 308) and "location" in response.headers:
                    url = urljoin(url, response.headers["location"])
                    continue
                return await _read(url, response)
            finally:
                response.close()
        raise PageUnreachable(f"{_short(url)} leads on and on: more than {MOST_REDIRECTS} redirects.")


async def _read(url: str, response: Any) -> Page:
    if response.status != 200:
        raise PageUnreachable(f"{_short(url)} answered with status {response.status}, not with a page.")
    kind, _, more = response.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if not (kind.endswith(("/html", "/xml", "+xml"))):
        raise PageUnreachable(f"{_short(url)} is {kind[:60] or 'of no known kind'}, no page and no sitemap.")
    try:
        content = await response.read(LARGEST_PAGE_BYTES)
    except LLMError as error:
        raise PageUnreachable(
            f"{_short(url)} cannot be read: it has more than {LARGEST_PAGE_BYTES // 1024**2} MB, "
            "or was cut short."
        ) from error
    return Page(url, kind, _text(content, more))


def _text(content: bytes, said: str) -> str:
    """The page's text. An encoding that nobody knows is read as UTF-8, with marks where it is none."""
    found = _CHARSET.search(said.encode("ascii", "ignore")) or _CHARSET.search(content[:2048])
    encoding = found[1].decode("ascii") if found else "utf-8"
    try:
        return content.decode(encoding, errors="replace")
    except (LookupError, UnicodeError, ValueError):
        return content.decode("utf-8", errors="replace")


def _addresses(page: Page, host: str | None) -> list[str] | None:
    """The pages a sitemap lists, those of its own host; `None` where the page is no sitemap."""
    if (page.kind.endswith("html") and "xhtml" not in page.kind) or page.kind == "application/xhtml+xml":
        return None
    try:
        root = ElementTree.fromstring(page.text.encode())
    except (ElementTree.ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise PageUnreachable(f"{_short(page.url)} is no sitemap that can be read.") from error
    name = root.tag.rpartition("}")[2]
    if name != "urlset":
        raise PageUnreachable(f"{_short(page.url)} lists no pages. Name a sitemap with `urlset`, or a page.")
    found = [(node.text or "").strip() for node in root.iter() if node.tag.rpartition("}")[2] == "loc"]
    own = [url for url in dict.fromkeys(found) if urlsplit(url).hostname == host]
    if not own:
        raise ImportRefused("Nothing was imported: the sitemap lists no page of its own host.")
    return own[:MOST_PAGES]


def questions_of(page: Page) -> Iterator[Mapping[str, Any]]:
    """The questions and answers on a page, as rows of an import.

    They are looked for where pages keep them, and the first place that has any counts: FAQPage data
    (schema.org), unfolding details, lists of terms, headings that ask, headings at all.
    """
    tree = LexborHTMLParser(page.text)
    source = page.url if len(page.url) <= 2048 else None
    for find in (_structured, _unfolding, _terms, _asking_headings, _headings):
        found = [(one_line(question), plain_text(answer)) for question, answer in find(tree)]
        found = [(question, answer) for question, answer in found if question and answer]
        if found:
            for question, answer in found:
                yield {"question": [question[:1000]], "answer": answer[:20_000], "source_url": source}
            return


def _structured(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for node in tree.css('script[type="application/ld+json"]'):
        try:
            said = msgspec.json.decode(node.text(deep=True) or "")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
        yield from _faq(said, 0)


def _faq(said: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > 5:
        return
    if isinstance(said, list):
        for each in said[:1000]:
            yield from _faq(each, depth + 1)
    elif isinstance(said, dict):
        if said.get("@type") == "Question":
            answer = said.get("acceptedAnswer")
            answer = answer[0] if isinstance(answer, list) and answer else answer
            text = answer.get("text") if isinstance(answer, dict) else None
            if isinstance(said.get("name"), str) and isinstance(text, str):
                yield text_of_html(said["name"]), text_of_html(text)
        for name in ("mainEntity", "@graph", "itemListElement"):
            yield from _faq(said.get(name), depth + 1)


def _unfolding(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for node in tree.css("details"):
        summary = node.css_first("summary")
        if summary is not None:
            question = _text_of(summary)
            summary.decompose()
            yield question, _text_of(node)


def _terms(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for node in tree.css("dl"):
        question = ""
        for child in node.css("dt, dd"):
            if child.tag == "dt":
                question = _text_of(child)
            elif question:
                yield question, _text_of(child)
                question = ""


def _asking_headings(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for question, answer in _headings(tree):
        if question.rstrip().endswith(("?", "？", "؟")):  # noqa: RUF001
            yield question, answer


def _headings(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    root = tree.css_first("main") or tree.css_first("article") or tree.body
    if root is None:
        return
    for node in root.css(_UNREAD):
        node.decompose()
    question = ""
    pieces: list[str] = []
    for text, is_heading in _pieces(root):
        if is_heading:
            if question and "".join(pieces).strip():
                yield question, "".join(pieces)
            question, pieces = text, []
        else:
            pieces.append(text)
    if question and "".join(pieces).strip():
        yield question, "".join(pieces)


def text_of_html(html: str) -> str:
    """The text of a piece of HTML, without its markup."""
    body = LexborHTMLParser(html).body
    return "" if body is None else _text_of(body)


def _text_of(node: LexborNode) -> str:
    for unread in node.css(_UNREAD):
        unread.decompose()
    return "".join(text if not is_heading else f"\n{text}\n" for text, is_heading in _pieces(node))


def _pieces(root: LexborNode) -> Iterator[tuple[str, bool]]:
    """The texts below a node in their order, with line ends where blocks begin; headings as wholes.

    Goes down without calling itself: pages may be nested as deep as they like.
    """
    waiting: list[LexborNode | str] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node, False
        elif node.is_text_node:
            yield re.sub(r"\s+", " ", node.text_content or ""), False
        elif node.tag in _HEADINGS and node is not root:
            yield one_line(node.text(deep=True)), True
        elif not node.is_comment_node:
            is_block = node.tag in _BLOCKS
            if is_block:
                yield "\n- " if node.tag == "li" else "\n", False
                waiting.append("\n")
            children = []
            child = node.child
            while child is not None:
                children.append(child)
                child = child.next
            waiting.extend(reversed(children))


def _numbered(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    seen: set[str] = set()
    number = 0
    for row in rows:
        question = row["question"][0].casefold()
        if question not in seen:
            seen.add(question)
            number += 1
            yield number, row


async def _quietly(work: Any) -> Page | Exception:
    """What came of it: of many pages some may be missing."""
    try:
        page: Page = await work
    except (PageUnreachable, AddressRefused) as error:
        return error
    return page


def _short(url: str) -> str:
    return url if len(url) <= 200 else f"{url[:200]}..."
