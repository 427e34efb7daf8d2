"""A hold: what is set aside for a call before it is made, so that no two calls spend the same credit."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from officium.core.usage.ledger.budget import Amounts, Subject

SpendingSource = Literal["provider", "estimated", "none"]
"""Who counted what a call used: the provider, an estimate of ours, nobody since nothing was used."""


class Need(Struct, frozen=True, kw_only=True):
    """What a call may come to at most: `fixed` whatever happens, and so much for each token of output.

    `fixed` holds the input (an upper bound), one request and the input's cost. `output_tokens` is the most
    the answer may have; where the budgets leave less, fewer are granted, but never under
    `least_output_tokens`.
    """

    fixed: Amounts
    output_tokens: int
    least_output_tokens: int
    nano_usd_per_output_token: int = 0


class Label(Struct, frozen=True, kw_only=True):
    """What a ledger entry says of the call it stands for."""

    request_id: str
    actor: str
    app: str
    model: str
    client_id: int | None = None
    widget_id: int | None = None


class Hold(Struct, kw_only=True):
    """A hold that was granted. Settle it once, whatever came of the call.

    `granted` is what is set aside, `output_tokens` how many the answer may have. `is_limited` says whether a
    hard budget counts its tokens or its cost, so that the provider must be told that limit. `streamed` is
    what is known to be used so far; it is saved now and then, and charged should this process die.
    """

    id: str
    tenant_id: str
    subjects: tuple[Subject, ...]
    label: Label
    granted: Amounts
    output_tokens: int
    is_shrunk: bool
    is_limited: bool = False
    created_at: datetime
    streamed: Amounts = Amounts()
