"""The API's documentation in a real browser, without any network."""

from pathlib import Path

import pytest

from tests.support.browser import open_page
from tests.support.server import running_server


@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
async def test_documentation_shows_every_door_and_asks_nobody_else(tmp_path: Path, width: int):
    async with running_server(tmp_path) as server, open_page(width) as page:
        problems: list[str] = []
        asked: list[str] = []
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))

        await page.goto(f"{server.url}/docs")
        await page.wait_for_selector(".opblock-summary-path")
        paths = [
            text.replace("​", "") for text in await page.locator(".opblock-summary-path").all_inner_texts()
        ]

    assert {"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings", "/v1/models"} <= set(
        paths
    )
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    assert problems == []


async def test_a_request_can_be_tried_from_the_documentation(tmp_path: Path):
    async with running_server(tmp_path) as server, open_page() as page:
        await page.goto(f"{server.url}/docs")
        await page.click(".authorize")
        await page.fill(".modal-ux input", server.api_key)
        await page.click(".modal-ux .authorize")
        await page.click(".modal-ux .btn-done")
        models = page.locator(".opblock-get", has=page.locator("[data-path='/v1/models']"))
        await models.locator(".opblock-summary-control").click()
        await models.locator(".try-out__btn").click()
        await models.locator(".execute").click()
        status = models.locator(".live-responses-table .response-col_status").last
        await status.wait_for()

        assert "200" in await status.inner_text()
