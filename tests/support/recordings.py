"""Recorded traffic between public clients and providers, an `Exchange` each.

Format: `SHARED/recordings/README.md`. Where that folder is missing, the tests make do with the sample in
`tests/recordings`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from officium.core.llm.completion import DialectName
from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.providers.catalog import PROVIDERS, find_traits
from tests.support.shared import SHARED

SAMPLE = Path(__file__).resolve().parents[1] / "recordings"
FOLDER = SHARED / "recordings" if (SHARED / "recordings").is_dir() else SAMPLE
needs_all_recordings = pytest.mark.skipif(
    FOLDER == SAMPLE, reason="counts what the whole collection of recordings holds"
)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request to a provider and what came back. `body` is the answer's text, decompressed."""

    id: str
    provider: str
    dialect: str
    method: str
    base: str | None
    path: str
    request: Any
    status: int
    headers: Mapping[str, str]
    body: str
    tags: frozenset[str]
    fidelity: str
    chunk_lengths: tuple[int, ...] = ()

    @property
    def data(self) -> bytes:
        """The body as bytes."""
        return self.body.encode()

    @property
    def is_stream(self) -> bool:
        """Whether a streamed answer came (an error with its own status is never one)."""
        return "stream" in self.tags and self.status < 300

    @property
    def is_error(self) -> bool:
        """Whether the answer's status says that the request failed."""
        return self.status >= 300

    def tagged(self, prefix: str) -> frozenset[str]:
        """What follows `prefix` in the tags that begin with it (`finish:` gives the finish reasons)."""
        return frozenset(tag[len(prefix) :] for tag in self.tags if tag.startswith(prefix))

    def __str__(self) -> str:
        return f"{self.provider}-{self.id}"


@cache
def _all() -> tuple[Exchange, ...]:
    exchanges = []
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            said = json.loads(line)
            exchanges.append(
                Exchange(
                    id=said["id"],
                    provider=said["provider"],
                    dialect=said["dialect"],
                    method=said["method"],
                    base=said.get("base"),
                    path=said["path"],
                    request=said["request"],
                    status=said["status"],
                    headers={name.lower(): value for name, value in (said.get("headers") or {}).items()},
                    body=said["body"],
                    tags=frozenset(said["tags"]),
                    fidelity=said["source"]["fidelity"],
                    chunk_lengths=tuple(said.get("chunk_lengths") or ()),
                )
            )
    return tuple(exchanges)


def load_exchanges(dialects: Iterable[str] = (), providers: Iterable[str] = ()) -> list[Exchange]:
    """The recorded exchanges of these dialects and providers (all, where none are named)."""
    dialects, providers = set(dialects), set(providers)
    return [
        exchange
        for exchange in _all()
        if (not dialects or exchange.dialect in dialects)
        and (not providers or exchange.provider in providers)
    ]


def find_exchange(id: str) -> Exchange:
    """The exchange with this id. Raises LookupError."""
    for exchange in _all():
        if exchange.id == id:
            return exchange
    raise LookupError(f"There is no recorded exchange {id}.")


def a_deployment(
    provider: str = "openai",
    model: str = "a-model",
    *,
    dialect: DialectName | None = None,
    quirks: Iterable[str] = (),
    api_key: str | None = "a-key",
) -> Deployment:
    """A deployment of a catalogue row; `dialect` and additional `quirks` may differ from the row's."""
    row = PROVIDERS[provider]
    changed = {name: getattr(row, name) for name in row.__struct_fields__}
    changed["quirks"] = row.quirks | frozenset(quirks)
    changed["dialect"] = dialect or row.dialect
    return Deployment(
        provider=Provider(**changed),
        model=model,
        base_url=row.base_url or f"https://{provider}.example/v1",
        api_key=api_key,
        traits=find_traits(provider, model),
    )
