"""The whole server, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.kit.database import Database
from tests.support.house import House, open_house


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """The server with its scripted provider and no other, on SQLite and on PostgreSQL."""
    url = database._url.render_as_string(hide_password=False)
    async with open_house(tmp_path, url) as house:
        yield house
