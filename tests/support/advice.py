"""Asking the advisers of a whole server, and reading what they stream."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tests.support.house import Resident
from tests.support.web import Reply


class Told(NamedTuple):
    """An event of an answer."""

    id: int
    name: str
    data: dict[str, Any]


def events_of(body: bytes) -> list[Told]:
    """The events in a stream, without its comments."""
    found = []
    for frame in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if fields:
            found.append(Told(int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"])))
    return found


def text_of(events: Sequence[Told]) -> str:
    """What was said in the events."""
    return "".join(event.data["content"] for event in events if event.name == "message")


async def advise(resident: Resident, message: str, persona: str = "ceo", **body: Any) -> Reply:
    """Ask an adviser."""
    return await resident.ask("POST", f"/c-suite/{persona}/chat", {"message": message, **body})
