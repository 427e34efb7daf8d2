"""A client: whom an agency runs widgets for, and what all these widgets together may use."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from officium.apps.widget.errors import InvalidClient
from officium.core.usage.budgets.terms import check_time_zone
from officium.core.usage.ledger.budget import Period, Subject, Unit
from officium.core.usage.ledger.errors import InvalidBudget

MAX_NAME = 200
MOST_CLIENTS = 2000
"""As many may a tenant have."""
MOST_WIDGETS = 200
"""As many may a client have: their usage is listed whole."""


class Client(Struct, frozen=True, kw_only=True):
    """Whom an agency runs widgets for. `time_zone` decides when its days and months begin.

    The widgets of an archived client answer nobody; all of it is kept.
    """

    id: int
    tenant_id: str
    client_name: str
    time_zone: str = "UTC"
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None

    @property
    def subject(self) -> Subject:
        """Whose budgets are the client's."""
        return client_subject(self.id)


class Limits(Struct, frozen=True, kw_only=True):
    """What may be used; `None` is without limit, what is not set is not spoken of.

    They are independent of each other, and the first one reached decides.
    """

    monthly_token_limit: int | UnsetType | None = UNSET
    daily_token_limit: int | UnsetType | None = UNSET
    monthly_request_limit: int | UnsetType | None = UNSET
    daily_request_limit: int | UnsetType | None = UNSET


MEASURES: dict[str, tuple[Unit, Period]] = {
    "monthly_token_limit": ("tokens", "month"),
    "daily_token_limit": ("tokens", "day"),
    "monthly_request_limit": ("requests", "month"),
    "daily_request_limit": ("requests", "day"),
}
"""Which budget each limit is."""

DEFAULT_LIMITS = Limits(
    monthly_token_limit=100_000, daily_token_limit=5_000, monthly_request_limit=1_000, daily_request_limit=100
)
"""What a new client may use, until someone says otherwise."""

COUNTED: tuple[tuple[Unit, Period], ...] = (
    ("tokens", "day"),
    ("tokens", "month"),
    ("tokens", "total"),
    ("requests", "day"),
    ("requests", "month"),
    ("requests", "total"),
)
"""What is counted of every widget, limited or not."""


def client_subject(client_id: int) -> Subject:
    """Whose budgets are those of the client with this id."""
    return Subject("client", str(client_id))


def limits_by_measure(limits: Limits) -> dict[tuple[Unit, Period], int | None]:
    """Those limits that are spoken of, by the budget each of them is."""
    return {
        measure: limit for name, measure in MEASURES.items() if (limit := getattr(limits, name)) is not UNSET
    }


def limit_name(unit: Unit, period: Period) -> str:
    """What the limit of such a budget is called: `daily_token_limit`."""
    length = {"day": "daily", "month": "monthly", "total": "total"}[period]
    return f"{length}_{ {'tokens': 'token', 'requests': 'request', 'nano_usd': 'usd'}[unit] }_limit"


def check_client(client_name: str, time_zone: str) -> None:
    """Raise InvalidClient unless a client may look like this."""
    if not client_name.strip() or len(client_name) > MAX_NAME or not client_name.isprintable():
        raise InvalidClient(f"A client's name has 1 to {MAX_NAME} characters.", param="client_name")
    try:
        check_time_zone(time_zone)
    except InvalidBudget as error:
        raise InvalidClient(error.message, param="time_zone") from error
