"""Which event loops the tests of the core run on."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

_ON_EVERY_LOOP = {"test_http1.py", "test_transport.py"}
"""What talks to the network itself must get along with the server's loop and with a library user's."""


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in _ON_EVERY_LOOP:
        try:
            import uvloop
        except ImportError:  # there is none for Windows
            return loops
        loops["uvloop"] = uvloop.new_event_loop
    return loops
