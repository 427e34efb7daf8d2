"""A rule that was saved: its versions, of which none ever changes, and which of them was approved."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

RuleStatus = Literal["draft", "approved", "rejected"]
"""What was said of the newest version."""
Method = Literal["model", "template", "written", "scripted"]
"""Who wrote a version: a model, the grammar without one, a person, or the provider that plays a script."""


class RuleVersion(Struct, frozen=True, kw_only=True):
    """One version: the workflow, the words it was made from, and the tests that travel with it.

    `follows` is the version that undoing this one brings back; `None` for the first.
    """

    version: int
    workflow: Mapping[str, Any]
    intent: str
    method: Method
    model: str | None
    tests: Sequence[Mapping[str, Any]]
    created_at: datetime
    created_by: str
    follows: int | None = None


class SavedRule(Struct, frozen=True, kw_only=True):
    """A rule as it stands. `note` says why it was rejected, or what was said when it was approved.

    `last_replay` is what came of its last replay over a history: `version`, `replayed_at`, `events`, `fires`,
    and `last_at`, when it would have fired last.
    """

    id: str
    tenant_id: str
    workflow_name: str
    status: RuleStatus
    version: int
    approved_version: int | None
    note: str
    created_at: datetime
    updated_at: datetime
    updated_by: str
    last_replay: Mapping[str, Any] | None = None
