"""One browser for all of these tests: to start one takes longer than most of them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.browser import one_browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser talks to one loop, so its tests run on the same."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def browser() -> AsyncIterator[None]:
    async with one_browser():
        yield
