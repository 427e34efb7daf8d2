"""A real browser: Debian's Chromium, headless, with nothing to call home to."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """The browser's path. Without one the test is skipped, or fails where CI=true."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium. Install it: apt-get install chromium.")
        pytest.skip("There is no Chromium on this machine.")
    return path


_PATIENCE_MS = 90_000
"""How long a page may take before a test gives up on it. It says nothing of how fast pages should be."""

_shared: list[Browser] = []


@asynccontextmanager
async def _launched() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(_QUIET))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def one_browser() -> AsyncIterator[None]:
    """While this lasts, pages on this loop open in one browser, which is started once."""
    async with _launched() as browser:
        _shared.append(browser)
        try:
            yield
        finally:
            _shared.clear()


@asynccontextmanager
async def open_page(width: int = 1280, dark: bool = False) -> AsyncIterator[Page]:
    """A page that shares nothing with others: no cookies, no storage, no cache."""
    async with AsyncExitStack() as stack:
        browser = _shared[0] if _shared else await stack.enter_async_context(_launched())
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(_PATIENCE_MS)
        stack.push_async_callback(context.close)
        yield await context.new_page()
