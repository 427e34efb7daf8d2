"""The pages of prompts in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import Page

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
from tests.support.server import running_server

ROOT = "/console/prompts"
NAME = "email.followup.v1"
ONE = f"{ROOT}/named/{NAME}"
BETTER = "You write business e-mails in {{ language }}, in a {{ tone }} tone.\n- Say what the record says."


async def _previewed(page: Page, words: str) -> None:
    await page.wait_for_function(
        "words => { const place = document.querySelector('[data-preview]');"
        " return place.getAttribute('aria-busy') === 'false' && place.textContent.includes(words); }",
        arg=words,
    )


@pytest.mark.timeout(300)
@SCREENS
async def test_author_changes_a_text_safely_and_sees_what_it_did(tmp_path: Path, width: int, dark: bool):
    async with running_server(tmp_path) as server, open_page(width, dark) as page:
        problems = watch_problems(page)
        faults: list[str] = []
        widths: list[bool] = []

        async def look(name: str) -> None:
            faults.extend(await accessibility_faults(page))
            widths.append(await fits_its_width(page))
            await keep_screenshot(page, f"prompts-{name}")

        person = await a_person(server)
        await sign_in(page, server, person, ROOT)
        await look("list")
        await page.fill("#q", "follow")
        await page.press("#q", "Enter")
        await page.wait_for_selector(f"a[href='{ONE}']")
        async with page.expect_navigation():
            await page.click(f"a[href='{ONE}']")
        await look("one")

        async with page.expect_navigation():
            await page.click(".head-actions .btn-primary")
        await _previewed(page, "Passes the golden set")
        await page.fill("#system", "You write mails.\n{{ langauge }}")
        await _previewed(page, "Did you mean language?")
        await look("fault")
        await page.click("[data-goto]")
        chosen = await page.evaluate(
            "(() => { const field = document.activeElement;"
            " return [field.id, field.value.slice(field.selectionStart, field.selectionEnd)]; })()"
        )
        await page.fill("#system", BETTER)
        await _previewed(page, "fewer than shipped/1")
        await look("editor")
        async with page.expect_navigation():
            await page.click("button:has-text('Publish a new version')")

        await page.goto(f"{server.url}{ONE}/compare?old=shipped/1&new=own/1")
        twins = await page.locator(".diff-twin").first.is_visible()
        await look("compare")
        await page.goto(f"{server.url}{ONE}/golden-set?version=own/1")
        await look("golden")
        await page.goto(f"{server.url}{ONE}/golden-set/case?like=overdue-deal")
        await look("case")
        await page.goto(f"{server.url}{ONE}/experiments")
        await look("experiments-none")
        async with page.expect_navigation():
            await page.click("button:has-text('Start an experiment')")
        await look("experiments")
        await page.goto(f"{server.url}{ROOT}/files")
        await look("files")

    assert chosen == ["system", "langauge"]
    assert twins is (width > 1000), "side by side where there is room, below each other on a phone"
    assert faults == []
    assert all(widths)
    assert problems == []


@pytest.mark.timeout(300)
async def test_version_that_fails_is_refused_and_files_are_brought_with_the_keyboard(tmp_path: Path):
    file = tmp_path / "our.reminder.md"
    file.write_text("---\nname: our.reminder\nvariables:\n  a: {}\n---\n# system\nx\n# user\n{{ a }}\n")
    async with running_server(tmp_path / "data") as server, open_page() as page:
        await sign_in(page, server, await a_person(server), f"{ONE}/edit")
        await _previewed(page, "Passes the golden set")
        await page.fill("#user", "{{ intent }}")
        await _previewed(page, "production could not point at it")
        await page.focus("input[name=use]")
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        refused = await page.inner_text("[role=alert]")
        kept = await page.input_value("#user")
        await keep_screenshot(page, "prompts-refused")
        faults = await accessibility_faults(page)

        await page.goto(f"{server.url}{ROOT}/files")
        await page.set_input_files("#choose", file)
        await page.focus("form[data-files] button")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        brought = await page.inner_text("h1")

    assert "does not pass its golden set" in refused
    assert "overdue-deal: the prompt lacks 'Project Alpha'" in refused
    assert kept == "{{ intent }}"
    assert faults == []
    assert brought == "our.reminder"
