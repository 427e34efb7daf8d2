"""Prices, names and allowed models, in a real browser."""

from datetime import UTC, datetime
from pathlib import Path

from tests.support.browser import open_page
from tests.support.console import (
    SCREENS,
    a_person,
    accessibility_faults,
    fits_its_width,
    keep_screenshot,
    sign_in,
    watch_problems,
)
from tests.support.records import a_record
from tests.support.server import running_server

ROOT = "/console/providers"


@SCREENS
async def test_models_are_priced_named_and_allowed_by_keyboard(tmp_path: Path, width: int, dark: bool):
    faults, fits = [], []
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)

        async def look(name: str) -> None:
            nonlocal faults
            faults += await accessibility_faults(page)
            fits.append(await fits_its_width(page))
            await keep_screenshot(page, f"prices-{name}")

        server.parts.usage_log.append(
            a_record(
                tenant_id=server.caller.tenant_id,
                created_at=datetime.now(UTC),
                provider="fireworks",
                model="accounts/acme/models/nobody-knows",
                price_source="flat",
            )
        )
        await server.parts.usage_log.flush()
        await sign_in(page, server, await a_person(server), f"{ROOT}/prices")
        await look("empty")
        await page.focus("section[aria-labelledby=unpriced] tbody a")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await page.fill("#input", "1,5")
        await page.fill("#output", "2.50")
        async with page.expect_navigation():
            await page.press("#output", "Enter")
        told = await page.inner_text("#fault")
        await look("fault")
        await page.fill("#input", "1.5")
        await page.fill("#cached", "0.15")
        async with page.expect_navigation():
            await page.press("#cached", "Enter")
        priced = await page.inner_text("section[aria-labelledby=own] tbody")
        await look("own")
        await page.goto(f"{server.url}{ROOT}/aliases/edit")
        await page.fill("#name", "fast")
        await page.fill("#targets", "mock/scripted\nopenai/gpt-6-mini")
        await look("name")
        async with page.expect_navigation():
            await page.press("main form button", "Enter")
        named = await page.inner_text("table.data tbody")
        await look("names")
        await page.goto(f"{server.url}{ROOT}/allowed/edit")
        await page.fill("#allowed", "mock/*\nfireworks/*")
        await look("allow")
        async with page.expect_navigation():
            await page.press("main form button", "Enter")
        allowed = await page.inner_text("table.data tbody")
        await look("allowed")
        await page.goto(f"{server.url}{ROOT}/rules")
        await page.check("[name=retired][value=refuse]")
        async with page.expect_navigation():
            await page.press("main form button", "Enter")
        held = await page.inner_text("main form")
        await look("rules")
        await page.goto(f"{server.url}{ROOT}/models?q=nobody-knows")
        await look("models-none")
        await page.goto(f"{server.url}{ROOT}/models?q=groq")
        await look("models")

    assert "no amount" in told
    assert "nobody-knows" in priced
    assert "mock/scripted" in named
    assert "Everybody" in allowed
    assert "What holds now: The request is refused" in held
    assert faults == []
    assert [said for said in problems if "400" not in said] == []
    assert fits == [True] * len(fits)
