"""A forecast with the dates of its deals, as of a moment, and how it is written down."""

import hashlib
import zlib
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from officium.apps.cashflow.cash_forecast import CashForecast, CashForecastInput
from officium.apps.cashflow.forecast_table import first_happening
from officium.apps.cashflow.prediction import DealForPrediction, DealPrediction, FilterReason

MOST_OVERDUE = 100
"""So many overdue deals are kept by name; the totals count all of them."""
_FORMAT = 1
"""Raise it when what is written down can no longer be read, or comes about in another way."""
_FAST = 1


class DatedDeal(Struct, frozen=True, array_like=True):
    """An open deal and when it is expected. `happens_on` is the first day that any period counts."""

    deal_id: int
    title: str
    customer: str
    stage: str
    value: Decimal
    currency: str
    invoice_on: date | None = None
    payment_on: date | None = None
    earliest: date | None = None
    latest: date | None = None
    confidence: float | None = None
    is_overdue: bool = False
    happens_on: date | None = None

    @property
    def place(self) -> tuple[date, int]:
        """Where it stands in the list: those that are paid first at the top."""
        return self.payment_on or date.max, self.deal_id


class Stamp(Struct, frozen=True):
    """On what an outlook rests: another day, other deals, settings or backtests make another one."""

    today: date
    state: str


class Outlook(Struct, frozen=True):
    """A forecast and all its deals, the next to be paid first, as of a moment."""

    made_at: datetime
    stamp: Stamp
    forecast: CashForecast
    deals: tuple[DatedDeal, ...]


class Work(Struct, frozen=True):
    """How far the making of an outlook has come, if one is being made; and how the last try failed."""

    percent: int | None = None
    failure: str | None = None


class OutlookView(Struct, frozen=True):
    """What there is to show. Figures of another day or of other deals are shown, and said to be so."""

    outlook: Outlook | None
    has_changed: bool
    is_of_another_day: bool
    work: Work


def key_of(asked: CashForecastInput) -> str:
    """What tells one outlook of a tenant from another."""
    said = asked.model_dump_json(exclude={"today"})
    return hashlib.sha256(f"{_FORMAT} {said}".encode()).hexdigest()


def listed(
    deals: Sequence[DatedDeal], last: date, certainty: float
) -> tuple[list[DatedDeal], list[tuple[DatedDeal, FilterReason]]]:
    """The deals that are expected until the last day and sure enough; the others with the reason."""
    shown: list[DatedDeal] = []
    left_out: list[tuple[DatedDeal, FilterReason]] = []
    for one in deals:
        if one.confidence is None:
            left_out.append((one, "no_date"))
        elif one.confidence < certainty:
            left_out.append((one, "low_confidence"))
        elif one.happens_on is None or one.happens_on > last:
            left_out.append((one, "beyond_horizon"))
        else:
            shown.append(one)
    return shown, left_out


def packed_forecast(made: CashForecast) -> bytes:
    """A forecast as it is written down: of the overdue deals only the first."""
    shown = made.model_copy(update={"overdue": made.overdue[:MOST_OVERDUE]})
    return zlib.compress(shown.model_dump_json().encode(), _FAST)


def read_forecast(packed: bytes) -> CashForecast:
    """A forecast that was written down."""
    return CashForecast.model_validate_json(zlib.decompress(packed))


def packed_deals(deals: Sequence[DatedDeal]) -> bytes:
    """Deals as they are written down."""
    return zlib.compress(msgspec.msgpack.encode(deals), _FAST)


def read_deals(packed: bytes) -> tuple[DatedDeal, ...]:
    """Deals that were written down."""
    return msgspec.msgpack.decode(zlib.decompress(packed), type=tuple[DatedDeal, ...])


def dated_deal(deal: DealForPrediction, one: DealPrediction | None, today: date) -> DatedDeal:
    """A deal with what is predicted of it, if anything is."""
    span = None if one is None else one.payment_range
    return DatedDeal(
        deal_id=deal.deal_id,
        title=deal.deal_title,
        customer=deal.customer,
        stage=deal.stage,
        value=deal.value,
        currency=deal.currency,
        invoice_on=None if one is None else one.predicted_invoice_date,
        payment_on=None if one is None else one.predicted_payment_date,
        earliest=None if span is None else span.p10,
        latest=None if span is None else span.p90,
        confidence=None if one is None else one.confidence,
        is_overdue=one is not None and one.is_overdue,
        happens_on=None if one is None else first_happening(one, today),
    )
