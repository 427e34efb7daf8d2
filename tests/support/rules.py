"""Rules and what they may use, on a test's database."""

from dataclasses import dataclass, field
from typing import Any

from officium.apps.rules import CapabilityService, RuleStore
from officium.apps.rules.capabilities import example_content
from officium.apps.rules.catalogue import Catalogue, read_catalogue
from officium.core.prompts import PromptRegistry, PromptVersion
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

SMALL: dict[str, Any] = {
    "triggers": [
        {"name": "ON_METRIC_UPDATE", "kind": "metric"},
        {"name": "ON_WORKFLOW_START", "kind": "event"},
    ],
    "condition_types": [
        {"path": "metrics.cpu", "type": "number", "unit": "%", "minimum": 0, "maximum": 100},
        {"path": "status", "type": "string", "values": ["running", "stopped"]},
        {"path": "flags.maintenance", "type": "boolean"},
    ],
    "action_types": [
        {
            "name": "NOTIFY",
            "parameters": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "level": {"enum": ["low", "high"]}},
                "required": ["to"],
            },
        },
        {"name": "RESTART", "params": {}},
    ],
}
"""A catalogue of a few words."""


def example_catalogue() -> Catalogue:
    """The one that is shipped."""
    return read_catalogue(example_content())


def small_catalogue() -> Catalogue:
    """The one of a few words."""
    return read_catalogue(SMALL)


@dataclass
class Rulebook:
    """The services, and other processes' on the same database."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    notices: LocalNotices = field(default_factory=LocalNotices)

    def __post_init__(self) -> None:
        self.store = RuleStore(self.database)
        self.capabilities = self.a_capability_service(self.notices)

    def a_capability_service(self, notices: LocalNotices) -> CapabilityService:
        """A service that hears these notices."""
        return CapabilityService(self.store, self.clock, notices)

    async def an_admin(self) -> Caller:
        """The administrator of a new tenant."""
        return await Tenancy(self.database).an_admin()


class NoCatalogues:
    """A store of catalogues in which there is none, without a database."""

    async def find_catalogue(self, caller: Caller) -> None:
        """There is none."""
        return

    async def put_catalogue(self, caller: Caller, catalogue: Any, entry: Any) -> None:
        """Nobody puts one here."""
        raise AssertionError("no catalogue is kept here")

    async def delete_catalogue(self, caller: Caller, entry: Any) -> bool:
        """There is none."""
        return False

    async def list_rules(
        self, caller: Caller, after: str, limit: int, status: str | None = None
    ) -> list[Any]:
        """There are none."""
        return []


class Resolving:
    """The shipped prompts, to everybody the same."""

    def __init__(self, registry: PromptRegistry) -> None:
        self._registry = registry

    async def resolve(self, caller: Caller, name: str) -> PromptVersion:
        """The newest version."""
        return self._registry.get(name)
