"""What can be asked of the ledger, and what it answers."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from officium.core.usage.ledger.budget import Amounts, Period, Subject, Unit
from officium.core.usage.ledger.hold import Label, Need, SpendingSource

CounterKey = tuple[str, str]
"""A budget's id and the key of one of its periods."""


class PlaceHold(Struct, kw_only=True):
    """Set aside what `need` says, on every budget of `subjects`.

    `may_wait` asks for the answer MustWait where others hold the room; without it fewer tokens are granted,
    or none.
    """

    id: str
    tenant_id: str
    subjects: tuple[Subject, ...]
    need: Need
    label: Label
    is_stream: bool
    created_at: datetime
    expires_at: datetime
    may_wait: bool


class ExtendHold(Struct, kw_only=True):
    """Set more aside for a hold: all of `by`, or nothing."""

    hold_id: str
    tenant_id: str
    by: Amounts


class SettleHold(Struct, kw_only=True):
    """Book what a call used, and let go of what was held for it. `counters` are those of its admission."""

    hold_id: str
    tenant_id: str
    spent: Amounts
    source: SpendingSource
    label: Label
    counters: str | None
    settled_at: datetime


class ReleaseHold(Struct, kw_only=True):
    """Let go of a hold for which no call was made. Nothing is booked."""

    hold_id: str
    tenant_id: str


class Renewal(Struct, frozen=True):
    """What is known of a call under way: what it used so far, and that it lives until `expires_at`."""

    hold_id: str
    streamed: Amounts
    expires_at: datetime


class RenewHolds(Struct, kw_only=True):
    """Save what is known of calls under way."""

    renewals: tuple[Renewal, ...]


class ExpireHold(Struct, kw_only=True):
    """Charge what an abandoned hold may have spent, if it is overdue at `now`."""

    hold_id: str
    tenant_id: str
    now: datetime


class ResetCounters(Struct, kw_only=True):
    """Take what was used back to nothing. `id` is new for each reset."""

    id: str
    tenant_id: str
    keys: tuple[CounterKey, ...]
    units: tuple[Unit, ...]
    actor: str
    reset_at: datetime


Operation = PlaceHold | ExtendHold | SettleHold | ReleaseHold | RenewHolds | ExpireHold | ResetCounters


class Granted(Struct, frozen=True):
    """A hold was placed. `counters` are those it lies on, in the words of the column `holds.counters`.

    `is_limited`: one of them is of a hard budget on which each token of output counts.
    """

    amounts: Amounts
    output_tokens: int
    counters: str
    is_limited: bool


class Refused(Struct, frozen=True, kw_only=True):
    """A budget has no room. `is_exhausted`: it would have none even if nobody held anything."""

    budget_id: str
    subject: Subject
    unit: Unit
    period: Period
    limit: int
    used: int
    held: int
    need: int
    resets_at: datetime | None
    is_exhausted: bool


class MustWait(Struct, frozen=True):
    """There will be more room when others let go of what they hold on the budgets of `subjects`."""

    subjects: tuple[Subject, ...]


EntryKind = Literal["settled", "unknown", "correction", "reset"]
Answer = Granted | Refused | MustWait | bool | None
