"""What a model wrote as HTML: its Markdown, and nothing else it might have wanted a browser to do.

Raw HTML is shown as text, pictures become their words, links lead to the web or into a mail, and a sanitiser
reads everything once more. The figures that the number guard has judged become buttons with a note of where
they come from.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

Mark = Mapping[str, Any]
"""A judged figure, as answers have them: its `start` and `end` in the text, and its `status`."""
Note = Callable[[Mark], str]
"""Says in words where a figure comes from."""
LONGEST_TEXT = 400_000
"""Characters; the rest of a longer text is not shown."""

_OPEN, _CLOSE = "\ue000", "\ue001"
_SENTINEL = re.compile(f"{_OPEN}(\\d+){_OPEN}|{_CLOSE}")
_STRAY = re.compile("[\ue000\ue001]|%EE%80%8[01]")
_LIST_MARK = re.compile(r"[ \t>]*(?:\d{1,9}[.)]|[-+*])(?=[ \t]|$)", re.MULTILINE)
_LEADS_OUT = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_STATUSES = frozenset(("matched", "computed", "proposed", "unmatched"))
_TAGS = {
    *("p", "br", "strong", "em", "s", "ul", "ol", "li", "blockquote", "code", "pre", "h2"),
    *("hr", "table", "thead", "tbody", "tr", "th", "td", "a", "button", "span", "div"),
}
_ATTRIBUTES = {
    "a": {"href", "target", "title"},
    "ol": {"start"},
    "button": {"type", "class", "data-note", "tabindex"},
    "span": {"class"},
    "div": {"class", "tabindex"},
    "h2": {"class"},
    "pre": {"tabindex"},
    "th": {"class"},
    "td": {"class"},
}
_SCHEMES = {"http", "https", "mailto"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def render_markdown(text: str, marks: Sequence[Mark] = (), note: Note = lambda mark: "") -> Markup:
    """The text as safe HTML; its figures become buttons with `note` of their mark as `data-note`.

    Takes milliseconds of the processor for each kilobyte.
    """
    safe = _Writing(note).html(text[:LONGEST_TEXT], list(enumerate(marks)), 0)
    return Markup(safe)  # noqa: S704  the sanitiser has read it


class GrowingMarkdown:
    """A text that is still being written, as blocks of HTML: what is complete is rendered only once."""

    def __init__(self, note: Note = lambda mark: "") -> None:
        self._writing = _Writing(note)
        self._text = ""
        self._marks: list[tuple[int, Mark]] = []
        self._done: list[tuple[int, int]] = []
        self._html: list[str] = []

    @property
    def text(self) -> str:
        """The Markdown until now."""
        return self._text

    @property
    def marks(self) -> list[Mark]:
        """The marks until now."""
        return [mark for _, mark in self._marks]

    def feed(self, text: str, marks: Sequence[Mark] = ()) -> None:
        """Take the next piece, and the marks that are settled with it."""
        self._text = (self._text + text)[:LONGEST_TEXT]
        start = len(self._marks)
        self._marks += enumerate(marks, start)
        for place, (begin, end) in enumerate(self._done):
            if any(begin <= mark["start"] < end for mark in marks):
                self._html[place] = self._render(begin, end)

    def blocks(self) -> list[str]:
        """The blocks until now, in their order; the last one may go on."""
        start = self._done[-1][1] if self._done else 0
        for end in self._writing.ends(self._text, start):
            self._html.append(self._render(start, end))
            self._done.append((start, end))
            start = end
        tail = self._render(start, len(self._text)) if self._text[start:].strip() else ""
        return [*self._html, tail] if tail else list(self._html)

    def _render(self, start: int, end: int) -> str:
        inside = [(number, mark) for number, mark in self._marks if start <= mark["start"] < end]
        return self._writing.html(self._text[start:end], inside, start)


class _Writing:
    def __init__(self, note: Note) -> None:
        self._note = note
        self._markdown = _MARKDOWN

    def ends(self, text: str, start: int) -> Iterator[int]:
        """Where the blocks after `start` end that nothing can change any more: all but the last begun."""
        whole = text.rfind("\n") + 1
        if whole <= start:
            return
        lines = [start]
        for line in text[start:whole].split("\n")[:-1]:
            lines.append(lines[-1] + len(line) + 1)
        begins = [
            token.map[0]
            for token in self._markdown.parse(text[start:whole])
            if token.level == 0 and token.map is not None and token.nesting >= 0
        ]
        for line_number in begins[1:]:
            yield lines[line_number]

    def html(self, text: str, marks: Sequence[tuple[int, Mark]], offset: int) -> str:
        text = text.replace(_OPEN, "\ufffd").replace(_CLOSE, "\ufffd")
        figures = dict(marks)
        tokens = self._markdown.parse(_with_sentinels(text, marks, offset))
        for token in tokens:
            self._tame(token, figures)
        written = RendererHTML().render(tokens, self._markdown.options, {})
        written = written.replace("<table>", '<div class="table-scroll" tabindex="0"><table>')
        written = written.replace("</table>", "</table></div>")
        return nh3.clean(
            written,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes=_SCHEMES,
            link_rel="nofollow noopener noreferrer",
        )

    def _tame(self, token: Token, figures: Mapping[int, Mark]) -> None:
        token.attrs = {
            name: _STRAY.sub("", _SENTINEL.sub("", str(value)))
            if name != "href"
            else re.sub("(?:%EE%80%80\\d+%EE%80%80|%EE%80%81)", "", str(value))
            for name, value in token.attrs.items()
        }
        if token.type in ("heading_open", "heading_close"):
            # A model's levels begin anywhere and leave some out; readers of outlines are better off with one.
            if token.nesting > 0:
                token.attrs = {"class": f"heading-{token.tag[1]}"}
            token.tag = "h2"
        elif token.type in ("th_open", "td_open"):
            aligned = re.search("right|center", str(token.attrs.pop("style", "")))
            if aligned:
                token.attrs["class"] = f"cell-{aligned[0]}"
        elif token.type in ("fence", "code_block"):
            token.info = ""
            token.content = _plain(token.content)
            token.attrs = {"tabindex": "0"}
            token.type = "code_block"
        elif token.type == "link_open":
            _tame_link(token)
        if token.children:
            token.children = list(self._inline(token.children, figures))

    def _inline(self, tokens: Sequence[Token], figures: Mapping[int, Mark]) -> Iterator[Token]:
        """The tokens of a line; a figure that reaches over several is marked in each."""
        number: int | None = None
        is_linked = 0
        for token in tokens:
            self._tame(token, figures)
            if token.type in ("link_open", "link_close"):
                is_linked += token.nesting
            if token.type == "image":
                yield _text(_plain(token.content))
            elif token.type not in ("text", "code_inline"):
                token.content = _plain(token.content)
                yield token
            else:
                rest = token.content
                while rest:
                    found = _SENTINEL.search(rest)
                    said, rest = (rest, "") if found is None else (rest[: found.start()], rest[found.end() :])
                    if said:
                        if number is not None and not is_linked and _is_judged(figures.get(number)):
                            yield from self._marked(token, said, figures[number])
                        else:
                            yield _copy(token, said)
                    if found is not None:
                        number = int(found[1]) if found[1] else None

    def _marked(self, token: Token, said: str, mark: Mark) -> Iterator[Token]:
        status, note = mark["status"], self._note(mark)
        attributes: dict[str, str | int | float] = {"type": "button", "class": f"figure figure-{status}"}
        if note:
            attributes["data-note"] = note
        if status != "unmatched":
            # Those that are in order do not stand in the way of the keyboard; a list names them all.
            attributes["tabindex"] = "-1"
        yield Token("figure_open", "button", 1, attrs=attributes)
        yield _copy(token, said)
        if status == "unmatched" and note:
            yield Token("figure_said_open", "span", 1, attrs={"class": "unseen"})
            yield _text(f" ({note})")
            yield Token("figure_said_close", "span", -1)
        yield Token("figure_close", "button", -1)


def _is_judged(mark: Mark | None) -> bool:
    return mark is not None and mark.get("status") in _STATUSES


def _with_sentinels(text: str, marks: Sequence[tuple[int, Mark]], offset: int) -> str:
    """The text with signs around its figures, which no Markdown is made of."""
    if not marks:
        return text
    listed = [match.span() for match in _LIST_MARK.finditer(text) if _begins_line(text, match.start())]
    parts: list[str] = []
    at = 0
    for number, mark in sorted(marks, key=lambda each: int(each[1]["start"])):
        start, end = int(mark["start"]) - offset, int(mark["end"]) - offset
        if start < at or end <= start or end > len(text) or "\n" in text[start:end]:
            continue
        if any(start < last and first < end for first, last in listed):
            continue  # it would no longer be the mark of a list
        parts += (text[at:start], f"{_OPEN}{number}{_OPEN}", text[start:end], _CLOSE)
        at = end
    return "".join((*parts, text[at:]))


def _begins_line(text: str, place: int) -> bool:
    return place == 0 or text[place - 1] == "\n"


def _tame_link(token: Token) -> None:
    """Let a link open elsewhere, and say where it leads to; one that does not lead out leads nowhere."""
    address = str(token.attrs.get("href", ""))
    token.attrs = {}
    if not _LEADS_OUT.match(address):
        return
    try:
        place = urlsplit(address).netloc
    except ValueError:
        place = ""
    token.attrs = {"href": address, "target": "_blank", "title": place or address[:200]}


def _plain(text: str) -> str:
    return _STRAY.sub("", _SENTINEL.sub("", text))


def _copy(token: Token, content: str) -> Token:
    return Token(token.type, token.tag, 0, content=content, markup=token.markup)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
