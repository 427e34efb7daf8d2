"""A pipeline to try things with: invented deals that behave like real ones, the same for the same seed."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from msgspec import Struct

from officium.apps.cashflow.deals.config import CashflowConfig
from officium.apps.cashflow.deals.deal import DealFields, StageChange, make_draft
from officium.apps.cashflow.deals.importing import ImportedDeal

CLOSED_DEALS = 240
OPEN_DEALS = 48
_LOOK_BACK_DAYS = 540


class _Customer(Struct, frozen=True):
    """How a customer pays: days after the invoice, and how much that varies."""

    name: str
    terms: int
    pays_after: float
    spread: float
    share: float


_CUSTOMERS = (
    _Customer("Northgate Energy", 30, 34, 5, 0.20),
    _Customer("Crescent Chemicals", 45, 52, 8, 0.14),
    _Customer("Harbor Electric", 60, 75, 14, 0.12),
    _Customer("Copperfield Mining", 30, 41, 9, 0.10),
    _Customer("Meadow Foods", 30, 28, 4, 0.09),
    _Customer("Keystone Contracting", 30, 66, 22, 0.09),
    _Customer("Blue Coast Resorts", 45, 49, 7, 0.08),
    _Customer("Lantern Petro", 30, 38, 10, 0.07),
    _Customer("Swift Harbor Logistics", 14, 21, 6, 0.06),
    _Customer("Oasis Medical", 30, 90, 30, 0.05),
)
_PIPELINES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "Aramco Projects": (("Order Received", 11), ("Under Progress", 24), ("Awaiting GR", 6)),
    "Manufacturing": (("Order Received", 8), ("Production/Supplying", 48), ("Awaiting GR", 5)),
    "Service Contracts": (("Order Received", 6), ("Under Progress", 14)),
}
_GOODS = ("Valve skid", "Control panel", "Flow meters", "Site survey", "Pump overhaul", "Cable trays")
_PLACES = ("Dammam", "Jubail", "Yanbu", "Riyadh", "Tabuk", "Jazan", "Ras Tanura")
_OWNERS = ("John Doe", "Layla Haddad", "Omar Nasser", "Priya Nair")
_LOST_SHARE = 0.12


def make_sample(
    config: CashflowConfig,
    today: date,
    seed: int = 0,
    closed_deals: int = CLOSED_DEALS,
    open_deals: int = OPEN_DEALS,
) -> list[ImportedDeal]:
    """Closed and open deals as of `today`. Their external ids tell a second import that they are known."""
    random = np.random.Generator(np.random.PCG64(seed))
    made: list[ImportedDeal] = []
    closed = still_open = 0
    # Most deals of the last months are still open, most others are closed: go on until there are both.
    for number in range(1, 20 * (closed_deals + open_deals + 1)):
        if closed >= closed_deals and still_open >= open_deals:
            break
        back = _LOOK_BACK_DAYS if closed < closed_deals else 80
        fields, note = _deal(random, number, seed, today, back)
        is_closed = fields.paid_on is not None or fields.lost_on is not None
        if (closed >= closed_deals) if is_closed else (still_open >= open_deals):
            continue
        closed, still_open = closed + is_closed, still_open + (not is_closed)
        draft = make_draft(fields, config, today)
        made.append(ImportedDeal(row=len(made) + 1, draft=draft, note=note))
    return made


def _deal(
    random: np.random.Generator, number: int, seed: int, today: date, back: int
) -> tuple[DealFields, str | None]:
    """A deal as it stands today: whatever its story has after that has not happened yet."""
    customer = _CUSTOMERS[int(random.choice(len(_CUSTOMERS), p=_shares()))]
    pipeline = list(_PIPELINES)[int(random.integers(len(_PIPELINES)))]
    created = today - timedelta(days=int(random.integers(1, back)))
    changes, invoiced, lost = _story(random, _PIPELINES[pipeline], created)
    paid = None
    if invoiced is not None:
        wait = max(round(float(random.normal(customer.pays_after, customer.spread))), 3)
        paid = invoiced + timedelta(days=wait)
        changes.append((invoiced, "Invoiced"))
        changes.append((paid, "Paid"))
    if lost is not None:
        changes.append((lost, "Lost"))
    known = [change for change in changes if change[0] <= today]
    value = Decimal(round(float(random.lognormal(10.8, 0.9)), 2)).quantize(Decimal("0.01"))
    fields = DealFields(
        title=f"{_pick(random, _GOODS)}, {_pick(random, _PLACES)} #{number}",
        stage=known[-1][1],
        value=value,
        currency="USD" if random.random() < 0.08 else "SAR",
        pipeline=pipeline,
        customer=customer.name,
        owner_name=_pick(random, _OWNERS),
        external_id=f"sample-{seed}-{number}",
        created_on=created,
        stage_changed_on=known[-1][0],
        invoiced_on=_by(invoiced, today),
        paid_on=_by(paid, today),
        lost_on=_by(lost, today),
        payment_terms_days=customer.terms,
        stage_changes=tuple(StageChange(entered_on=day, stage=stage) for day, stage in known),
    )
    return fields, _note(random, invoiced, today)


def _story(
    random: np.random.Generator, stages: Sequence[tuple[str, float]], created: date
) -> tuple[list[tuple[date, str]], date | None, date | None]:
    """The stages entered, and the day of the invoice or of the loss."""
    changes: list[tuple[date, str]] = []
    day = created
    is_slow = random.random() < 0.1
    for stage, usual in stages:
        changes.append((day, stage))
        stay = max(round(float(random.gamma(4.0, usual / 4.0)) * (3 if is_slow else 1)), 1)
        if random.random() < _LOST_SHARE / len(stages):
            return changes, None, day + timedelta(days=stay)
        day += timedelta(days=stay)
    return changes, day, None


def _note(random: np.random.Generator, invoiced: date | None, today: date) -> str | None:
    """Something about an open deal, now and then."""
    if invoiced is None or invoiced <= today or random.random() > 0.6:
        return None
    promised = invoiced + timedelta(days=int(random.integers(-4, 5)))
    notes = (
        f"Customer confirmed that we can invoice on {promised:%d %B %Y}.",
        "Waiting for technical specs from the customer before we can finish.",
        "Customer requested a quote revision; scope unchanged.",
        "Site access is blocked until the safety training is done.",
        "Customer disputes the quantity on the delivery note.",
        "Call went well, no change in plan.",
    )
    return notes[int(random.integers(len(notes)))]


def _shares() -> list[float]:
    total = sum(customer.share for customer in _CUSTOMERS)
    return [customer.share / total for customer in _CUSTOMERS]


def _pick(random: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(random.integers(len(words)))]


def _by(day: date | None, today: date) -> date | None:
    return day if day is not None and day <= today else None
