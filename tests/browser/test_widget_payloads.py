"""Hostile texts of models, of the knowledge base and of people: they are shown, and nothing of them runs."""

import json
from pathlib import Path

from officium.apps.widget.knowledge import EntryDraft
from officium.testing.scripted import Act
from tests.browser.test_widget import CHAT, answered, say
from tests.support.browser import open_page
from tests.support.shop import open_shop

MARKUP = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><maction actiontype='statusline#' xlink:href='javascript:alert(1)'>x</maction></math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<a href=javascript:alert(1)>click</a>",
    "<a href='https://evil.example' onclick=alert(1)>click</a>",
    "<form action=javascript:alert(1)><button>send</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<style>*{background:url(https://evil.example/leak)}</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<p style='background:url(https://evil.example/leak)'>x</p>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    "</textarea><script>alert(1)</script>",
    "</ol></div><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "${alert(1)} {{constructor.constructor('alert(1)')()}}",
    "<officium-chat data-server=https://evil.example data-widget-key=x></officium-chat>",
)
MARKDOWN = (
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](%6Aavascript:alert(1))",
    "[x](\u0001javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](blob:https://shop.example/1)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/x)",
    "[x](/console)",
    "[x](https://bank.example@evil.example/)",
    "[x](javascript://https://a.example/%0aalert(1))",
    "![x](https://evil.example/leak.png)",
    '![x](x"onerror="alert(1))',
    "[**<img src=x onerror=alert(1)>**](https://ok.example)",
    "`<img src=x onerror=alert(1)>`",
    "```html\n<script>alert(1)</script>\n```",
    "# <script>alert(1)</script>",
    "- <img src=x onerror=alert(1)>",
    "> <svg onload=alert(1)>",
    "<javascript:alert(1)>",
    'https://evil.example/"onmouseover="alert(1)',
    "a@evil.example?subject=<script>alert(1)</script>",
    "**" * 2_000,
    "[" * 3_000,
    "*a **b " * 1_000,
    "`" * 3_001,
)
PAYLOADS = (*MARKUP, *MARKDOWN)
LOOK = """() => {
  const root = document.querySelector('officium-chat').shadowRoot;
  const found = [];
  for (const each of root.querySelectorAll('*')) {
    const name = each.localName;
    const known = 'section div button svg path span header h2 h3 p ol ul li strong em code pre br a ' +
      'form textarea input i label bdi';
    if (!known.split(' ').includes(name)) found.push(name);
    for (const { name: attribute, value } of each.attributes) {
      if (attribute.startsWith('on') || attribute === 'srcdoc' || attribute === 'src') found.push(attribute);
      if (attribute === 'href' && !/^(https?:|mailto:)/.test(value)) found.push(value);
      const isOurs = each.classList.contains('root') || each.id === 'input';
      if (attribute === 'style' && !isOurs) found.push(name + ' ' + value);
    }
    const isSafe = each.rel === 'noopener' && each.target === '_blank';
    if (name === 'a' && !each.href.startsWith('mailto:') && !isSafe) found.push('a ' + each.rel);
  }
  return found;
}"""


def test_there_are_enough_payloads():
    assert len(set(PAYLOADS)) >= 50


async def test_nothing_that_a_model_a_visitor_or_the_knowledge_base_says_runs(tmp_path: Path):
    async with open_shop(tmp_path, llm_enabled=False) as shop, open_page() as page:
        # The page itself would let scripts run: it is the widget that must not.
        shop.pages.policy = "default-src * 'unsafe-inline' 'unsafe-eval' data: blob:"
        alerts: list[str] = []
        strangers: list[str] = []
        faults: list[str] = []
        page.on("dialog", lambda dialog: alerts.append(dialog.message))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((shop.url, shop.server.url)) else strangers.append(request.url)
            ),
        )
        every = "\n\n".join(MARKUP[:20])
        await shop.server.parts.widget_knowledge.add_entry(
            shop.server.caller,
            shop.widget.id,
            EntryDraft(
                phrasings=("<img src=x onerror=alert(1)> dangerous entry",),
                answer=every,
                source_url="https://evil.example/?<script>",
            ),
        )
        await shop.visit(page)
        await say(page, "<img src=x onerror=alert(1)> dangerous entry")
        await answered(page)
        await page.click(f"{CHAT} .cite")
        said = await page.inner_text(f"{CHAT} .message.widget:last-of-type .bubble")
        found = await page.evaluate(LOOK)

        await shop.change(llm_enabled=True)
        # All at once as answers of a model, streamed and whole, and each by itself through the same renderer.
        for text in ("\n\n".join(PAYLOADS[:-4]), PAYLOADS[-4]):
            shop.script(Act(text=text))
            before = await page.locator(f"{CHAT} .foot").count()
            await say(page, text[:3_900])
            await answered(page, before + 1)
            found += await page.evaluate(LOOK)
        for payload in PAYLOADS:
            answer = json.dumps(
                {"id": 1, "speaker": "agent", "text": payload, "citations": [], "suggestions": [payload]}
            )
            await page.evaluate(
                """said => {
                  const { chat } = document.querySelector('officium-chat');
                  const bubble = chat.thread.add({ speaker: 'agent', text: '' });
                  bubble.finish({ ...said, citations: [{ question: said.text, source_url: said.text }] });
                  chat.thread.suggest(said.suggestions);
                  chat.thread.note(said.text);
                }""",
                json.loads(answer),
            )
            found += await page.evaluate(LOOK)
        await page.hover(f"{CHAT} .message >> nth=-1")
        took_ms = await page.evaluate(
            """texts => {
              const started = performance.now();
              const { chat } = document.querySelector('officium-chat');
              const longest = texts.map(text => text.repeat(10).slice(0, 20000));
              for (const text of longest) chat.thread.add({ speaker: 'agent', text });
              return performance.now() - started;
            }""",
            [payload for payload in PAYLOADS if len(payload) > 1_000],
        )

    assert found == []
    assert alerts == []
    assert faults == []
    assert strangers == []
    assert "<script>alert(1)</script>" in said
    assert took_ms < 10_000
