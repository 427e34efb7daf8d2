"""What is forecast of one deal: two dates with ranges, how probable they are, and what speaks for them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class DateForecast:
    """The day of something, given that it happens at all: P10, P50, P90 and the mean, rounded to a day."""

    p10: date
    p50: date
    p90: date
    mean: date
    within_week: float
    """The probability that the day is at most 7 days from `p50`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much of the tenant's own past speaks for a forecast, and how much weight it has.

    The weights of what speaks for the invoice sum to one (`pipeline_weight`, `stage_weight`,
    `other_stages_weight`, `invoice_prior_weight`), and so do those for the payment (`customer_weight`,
    `tenant_weight`, `payment_prior_weight`).
    """

    stage: str
    days_in_stage: int
    stage_deals: int
    pipeline_deals: int
    stage_weight: float
    pipeline_weight: float
    invoice_prior_weight: float
    customer: str
    customer_payments: int
    tenant_payments: int
    customer_shift_days: float
    """How many days later than the typical customer this one pays, as far as that is believed."""
    customer_weight: float
    tenant_weight: float
    payment_prior_weight: float
    other_stages_weight: float = 0.0
    """What the tenant's deals in other stages weigh, or at other ages."""


@dataclass(frozen=True, slots=True)
class DealForecast:
    """The forecast of one deal as of `today`."""

    deal_id: int
    customer: str
    pipeline: str
    amount: Decimal
    currency: str
    today: date
    is_invoiced: bool
    is_overdue: bool
    """Its invoice should have been paid by now, by its terms or by the documented ones."""
    invoice: DateForecast
    payment: DateForecast
    probability: float
    """That it is ever invoiced; one if it is."""
    payment_probability: float
    """That it is ever paid."""
    confidence: float
    """The calibrated probability that `payment.p50` is right within 7 days, given that it is paid."""
    evidence: Evidence
