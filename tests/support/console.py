"""Somebody who signs in to the console, and what its pages are looked at with."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page

from officium.core.tenancy import Member, operator_of
from officium.core.tenancy.sign_in import Role
from officium.web.exchange import ASGIApp
from tests.support.server import RunningServer
from tests.support.web import Reply, ask

PASSWORD = "a quiet morning in May"
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
SCREENS = pytest.mark.parametrize(
    ("width", "dark"),
    [(1280, False), (1280, True), (390, False), (390, True)],
    ids=["desktop", "desktop-dark", "phone", "phone-dark"],
)
"""For tests of a page that take `width` and `dark`, which `open_page` takes."""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True)
class Person:
    """A member, and what they sign in with."""

    member: Member
    email: str
    password: str


async def a_person(server: RunningServer, role: Role = "owner", email: str = "ada@example.com") -> Person:
    """A member of the server's tenant who has chosen a password."""
    made = await server.parts.members.create_member(
        operator_of(server.caller.tenant_id), email, name="Ada Lovelace", role=role, password=PASSWORD
    )
    return Person(made.member, email, PASSWORD)


async def sign_in(page: Page, server: RunningServer, person: Person, path: str = "/console") -> None:
    """Sign in, and go to the page."""
    await page.goto(f"{server.url}{path}")
    await page.fill("#email", person.email)
    await page.fill("#password", person.password)
    await page.click("button[type=submit]")
    await page.wait_for_selector(".frame")


_SETTLED = """() => {
  const inner = [...document.querySelectorAll("*")].map(each => each.shadowRoot).filter(Boolean);
  const roots = [document, ...inner];
  const moving = roots.flatMap(root => root.getAnimations());
  const ending = moving.filter(each => Number.isFinite(each.effect.getComputedTiming().endTime));
  return Promise.all(ending.map(each => each.finished.catch(() => null))).then(() => true);
}"""


async def accessibility_faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA and good practice, a line for each rule that is broken.

    It looks when nothing fades in any more. The script comes through the debugger, which no content policy
    binds.
    """
    await page.evaluate(_SETTLED)
    await page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "axe.run(document, {runOnly: rules})".replace("rules", repr(_RULES))
    )
    return [
        f"{fault['id']}: {fault['help']} at {', '.join(str(node['target']) for node in fault['nodes'][:4])}"
        f" ({fault['nodes'][0].get('failureSummary', '')})"
        for fault in found["violations"]
    ]


def watch_problems(page: Page) -> list[str]:
    """What the browser will complain of from now on: refused scripts, faults in ours."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


async def fits_its_width(page: Page) -> bool:
    """Whether nobody has to scroll sideways."""
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    return bool(await page.evaluate(wide))


async def keep_screenshot(page: Page, name: str) -> None:
    """Put a picture of the page into the folder that `OFFICIUM_SCREENSHOTS` names, if it does, to look at."""
    folder = os.environ.get("OFFICIUM_SCREENSHOTS")
    if folder and page.viewport_size is not None:
        dark = "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"
        theme = await page.evaluate(f"document.documentElement.dataset.bsTheme || ({dark})")
        await page.screenshot(path=Path(folder) / f"{name}-{page.viewport_size['width']}-{theme}.png")


class Visitor:
    """A browser without a screen: it keeps cookies, follows nothing, and sends forms as our pages do."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Reply:
        """Send a form from the same origin; `headers` replace those a browser sends."""
        sent = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return await self.send("POST", path, urlencode(fields or {}).encode(), {**sent, **headers})

    async def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sink: list[tuple[str, str]] = []
        reply = await ask(_Watched(self._app, sink), method, path, body, headers=sent, key=None)
        for _, line in sink:
            name, _, value = line.partition(";")[0].partition("=")
            if "max-age=0" in line.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return reply

    async def sign_in(self, email: str, password: str) -> Reply:
        """Fill in the form of the sign-in page and send it."""
        page = await self.get("/console/sign-in")
        proof = csrf_in(page)
        return await self.post(
            "/console/sign-in", {"email": email, "password": password, "csrf": proof, "next": "/console"}
        )


class _Watched:
    """An app whose cookies are written down: a reply keeps one header of each name."""

    def __init__(self, app: ASGIApp, sink: list[tuple[str, str]]) -> None:
        self._app = app
        self._sink = sink

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def watch(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._sink += [
                    ("set-cookie", value.decode())
                    for name, value in message["headers"]
                    if name == b"set-cookie"
                ]
            await send(message)

        await self._app(scope, receive, watch)


def csrf_in(page: Reply) -> str:
    """The proof of origin that a page carries."""
    found = re.search(r'name="csrf" (?:value|content)="([^"]+)"', page.body.decode())
    assert found is not None, page.body.decode()
    return found[1]
