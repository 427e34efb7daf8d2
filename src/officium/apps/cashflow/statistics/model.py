"""The statistics of one tenant: fitted to its deals once, then asked about each open deal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from officium.apps.cashflow.statistics.calibration import AS_STATED, Calibration
from officium.apps.cashflow.statistics.days import (
    LONGEST_DAYS,
    FloatArray,
    quantile_days,
    shifted,
    summed,
)
from officium.apps.cashflow.statistics.deal import ClosedDeal, OpenDeal
from officium.apps.cashflow.statistics.forecast import DateForecast, DealForecast, Evidence
from officium.apps.cashflow.statistics.invoicing import InvoiceOutlook, InvoiceTimes
from officium.apps.cashflow.statistics.lives import stays_and_payments
from officium.apps.cashflow.statistics.payment import PaymentOutlook, PaymentTimes, later_than
from officium.apps.cashflow.statistics.prior import Prior
from officium.apps.cashflow.statistics.survival import Outcomes

NEAR_DAYS = 7
_CHUNK = 512
_RULES_CONFIDENCE = 0.5
"""What a documented rule's date is worth at most, before any deal has closed (K-30)."""


@dataclass(frozen=True, slots=True)
class DealOutlook:
    """The distributions behind a deal's forecast, in days from today; an invoiced deal has no invoice's."""

    invoice: InvoiceOutlook | None
    payment: PaymentOutlook
    paid: FloatArray
    """The probability that the payment comes so many days from today."""


@dataclass(frozen=True, slots=True)
class Soon:
    """The probability of something on each of the next days."""

    mass: FloatArray

    @property
    def quantiles(self) -> tuple[int, int, int]:
        """P10, P50 and P90 in days from today, given that it happens on one of these days."""
        if self.mass.sum() <= 0:
            return (len(self.mass) - 1,) * 3
        return (
            quantile_days(self.mass, 0.1),
            quantile_days(self.mass, 0.5),
            quantile_days(self.mass, 0.9),
        )

    def probability(self, days: int) -> float:
        """That it happens within so many days."""
        return _probability(self.mass[: days + 1])


class CashflowModel:
    """What a tenant's deals say about when open deals are invoiced and paid. Build it with `fit`."""

    def __init__(
        self,
        invoices: InvoiceTimes,
        payments: PaymentTimes,
        prior: Prior,
        today: date,
        calibration: Calibration = AS_STATED,
    ) -> None:
        self._calibration = calibration
        self._invoices = invoices
        self._payments = payments
        self._prior = prior
        self.today = today
        self._dates_of: dict[int, tuple[DateForecast, float]] = {}

    def predict(self, deal: OpenDeal) -> DealForecast:
        """Forecast one open deal as of the day of the fit."""
        return self.predict_all([deal])[0]

    def predict_all(self, deals: Sequence[OpenDeal]) -> list[DealForecast]:
        """Forecast open deals, in their order."""
        found: list[DealForecast] = []
        for start in range(0, len(deals), _CHUNK):
            chunk = deals[start : start + _CHUNK]
            masses = self.paid_within(chunk, LONGEST_DAYS)
            chances = np.clip(masses.sum(axis=1), 0.0, 1.0).tolist()
            found += map(self._forecast, chunk, self._dates(masses), chances)
        return found

    def _forecast(self, deal: OpenDeal, payment: DateForecast, payment_probability: float) -> DealForecast:
        # what speaks for the payment is the same at every age, and many deals share it
        delay = self._payments.outlook(deal.customer, deal.pipeline, deal.terms_days, None)
        invoice: InvoiceOutlook | None = None
        if deal.invoiced_on is not None:
            day = deal.invoiced_on
            invoiced, probability = DateForecast(day, day, day, day, 1.0), 1.0
        else:
            invoice = self._invoices.outlook(deal.stage, deal.pipeline, self._days_in_stage(deal))
            invoiced, probability = self._invoice_dates(invoice)
        return DealForecast(
            deal_id=deal.deal_id,
            customer=deal.customer,
            pipeline=deal.pipeline,
            amount=deal.amount,
            currency=deal.currency,
            today=self.today,
            is_invoiced=deal.invoiced_on is not None and deal.invoiced_on <= self.today,
            is_overdue=self._is_overdue(deal),
            invoice=invoiced,
            payment=payment,
            probability=probability,
            payment_probability=payment_probability,
            confidence=self._confidence(payment.within_week, delay.prior_weight),
            evidence=self._evidence(deal, invoice, delay),
        )

    def outlook(self, deal: OpenDeal) -> DealOutlook:
        """The distributions of the deal's invoice and payment."""
        invoice, delay = self._parts(deal)
        if invoice is not None:
            paid = summed(invoice.outcomes.happened, delay.outcomes.happened)
        else:
            paid = shifted(delay.outcomes.happened, self._days_ahead(deal))
        return DealOutlook(invoice, delay, _moved_ahead(paid, deal.shift_days))

    def _parts(self, deal: OpenDeal) -> tuple[InvoiceOutlook | None, PaymentOutlook]:
        """The time to the invoice, if it has no date yet, and the time from it or today to the payment."""
        if deal.invoiced_on is None:
            delay = self._payments.outlook(deal.customer, deal.pipeline, deal.terms_days, None)
            return self._invoices.outlook(deal.stage, deal.pipeline, self._days_in_stage(deal)), delay
        age = (self.today - deal.invoiced_on).days
        known = age if age >= 0 else None
        return None, self._payments.outlook(deal.customer, deal.pipeline, deal.terms_days, known)

    def _invoice_dates(self, invoice: InvoiceOutlook) -> tuple[DateForecast, float]:
        """The dates of an invoice; many deals share one outlook, so they are kept."""
        if id(invoice) not in self._dates_of:
            happened = invoice.outcomes.happened
            self._dates_of[id(invoice)] = self._dates(happened[None])[0], _probability(happened)
        return self._dates_of[id(invoice)]

    def invoiced_within(self, deal: OpenDeal, days: int) -> "Soon":
        """When a deal without an invoice is invoiced, if that is within so many days."""
        outlook = self._invoices.outlook(deal.stage, deal.pipeline, self._days_in_stage(deal))
        return Soon(outlook.outcomes.happened[: days + 1])

    def all_invoiced_within(
        self, deals: Sequence[OpenDeal], days: int, members: FloatArray | None = None
    ) -> FloatArray:
        """The probability of each deal's invoice on each of the next `days`: shape (deals, days + 1).

        With `members`, of shape (days + 1, periods), that in each period instead.
        """
        numbers: dict[int, int] = {}
        different: list[FloatArray] = []
        places = np.empty(len(deals), dtype=np.int64)
        for place, deal in enumerate(deals):
            outlook = self._invoices.outlook(deal.stage, deal.pipeline, self._days_in_stage(deal))
            number = places[place] = numbers.setdefault(id(outlook), len(numbers))
            if number == len(different):
                different.append(outlook.outcomes.happened)
        rows = np.zeros((len(different), days + 1))
        for row, mass in zip(rows, different, strict=True):
            row[: len(mass)] = mass[: days + 1]
        return (rows if members is None else rows @ members)[places]

    def paid_within(self, deals: Sequence[OpenDeal], days: int) -> FloatArray:
        """The probability of each deal's payment on each of the next `days`: shape (deals, days + 1).

        The same as `outlook` says, for many deals at once.
        """
        sooner = max((-deal.shift_days for deal in deals), default=0)
        width = min(days + max(sooner, 0), LONGEST_DAYS) + 1
        rows = np.zeros((len(deals), width))
        summing = _Sums(width)
        unpaid: list[tuple[int, Outcomes, int]] = []
        for place, deal in enumerate(deals):
            age = -1 if deal.invoiced_on is None else (self.today - deal.invoiced_on).days
            if age >= 0:
                found = self._payments.waiting(deal.customer, deal.pipeline, deal.terms_days, age)
                unpaid.append((place, *found))
                continue
            invoice, delay = self._parts(deal)
            if invoice is not None:
                summing.add(place, invoice.outcomes.happened, delay.outcomes.happened)
            else:
                rows[place] = shifted(delay.outcomes.happened, self._days_ahead(deal))[:width]
        summing.into(rows)
        for start in range(0, len(unpaid), _CHUNK):
            places, outcomes, ages = zip(*unpaid[start : start + _CHUNK], strict=True)
            rows[list(places)] = later_than(outcomes, ages, width)
        for place, deal in enumerate(deals):
            if deal.shift_days:
                rows[place] = _moved_ahead(rows[place], deal.shift_days)
        if width == days + 1:
            return rows
        chances = np.zeros((len(deals), days + 1))
        kept = min(width, days + 1)
        chances[:, :kept] = rows[:, :kept]
        return chances

    def _days_ahead(self, deal: OpenDeal) -> int:
        """How many days from today the deal's invoice is dated; 0 if that is past."""
        assert deal.invoiced_on is not None
        return max((deal.invoiced_on - self.today).days, 0)

    def shared_effect(self, deal: OpenDeal) -> float:
        """How far two deals of this deal's customer are early or late together: a correlation from 0 to 1."""
        return self._payments.shared_effect(deal.customer)

    def _confidence(self, share: float, prior_weight: float) -> float:
        """The share near the date, of which the prior's part counts no more than a rule, corrected."""
        believed = (1 - prior_weight) * share + prior_weight * min(share, _RULES_CONFIDENCE)
        return self._calibration(believed) if self._calibration is not AS_STATED else believed

    def _days_in_stage(self, deal: OpenDeal) -> int:
        return max((self.today - deal.stage_entered_on).days, 0)

    def _is_overdue(self, deal: OpenDeal) -> bool:
        if deal.invoiced_on is None:
            return False
        terms = self._prior.payment_days if deal.terms_days is None else deal.terms_days
        return deal.invoiced_on + timedelta(days=terms) < self.today

    def _dates(self, masses: FloatArray) -> list[DateForecast]:
        """The dates of each row of probabilities by day. What never happens is put as far away as we look."""
        reached = masses.cumsum(axis=1)
        total = reached[:, -1:]
        # a hair below, so that rounding in the sums does not push an exact quantile to the next day
        quantiles = [(reached < level * total * (1 - 1e-9)).sum(axis=1) for level in (0.1, 0.5, 0.9)]
        some = total[:, 0] > 0
        sums = np.where(some, total[:, 0], 1.0)
        means = np.rint(masses @ np.arange(masses.shape[1]) / sums).astype(np.int64)
        rows = np.arange(len(masses))
        after = reached[rows, np.minimum(quantiles[1] + NEAR_DAYS, LONGEST_DAYS)]
        before = quantiles[1] - NEAR_DAYS - 1
        near = after - np.where(before >= 0, reached[rows, np.maximum(before, 0)], 0.0)
        shares = np.clip(np.where(some, near / sums, 0.0), 0.0, 1.0).tolist()
        days = [np.where(some, column, LONGEST_DAYS).tolist() for column in (*quantiles, means)]
        today, day = self.today.toordinal(), date.fromordinal
        return [
            DateForecast(day(today + p10), day(today + p50), day(today + p90), day(today + mean), share)
            for p10, p50, p90, mean, share in zip(*days, shares, strict=True)
        ]

    def _evidence(self, deal: OpenDeal, invoice: InvoiceOutlook | None, payment: PaymentOutlook) -> Evidence:
        return Evidence(
            stage=deal.stage,
            days_in_stage=self._days_in_stage(deal),
            stage_deals=invoice.stage_deals if invoice else 0,
            pipeline_deals=invoice.pipeline_deals if invoice else 0,
            stage_weight=invoice.stage_weight if invoice else 0.0,
            pipeline_weight=invoice.pipeline_weight if invoice else 0.0,
            invoice_prior_weight=invoice.prior_weight if invoice else 0.0,
            customer=deal.customer,
            customer_payments=payment.customer_payments,
            tenant_payments=payment.tenant_payments,
            customer_shift_days=payment.customer_shift_days,
            customer_weight=payment.customer_weight,
            tenant_weight=payment.tenant_weight,
            payment_prior_weight=payment.prior_weight,
            other_stages_weight=invoice.other_stages_weight if invoice else 0.0,
        )


def fit(
    history: Sequence[ClosedDeal],
    still_open: Sequence[OpenDeal],
    today: date,
    prior: Prior | None = None,
    calibration: Calibration = AS_STATED,
) -> CashflowModel:
    """Learn from the deals as known at the end of `today`; open ones count, too: so long without an end.

    The order of the deals does not matter. Without deals the forecasts are the prior's constants.
    `calibration` corrects the stated confidence; a backtest of the same tenant finds it.
    """
    prior = prior or Prior()
    stays, payments = stays_and_payments(history, still_open, today)
    invoices = InvoiceTimes(stays, prior)
    return CashflowModel(invoices, PaymentTimes(payments, prior), prior, today, calibration)


class _Sums:
    """Distributions of sums of two times, for many pairs of which many share a part."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._size = 1 << (2 * days - 1).bit_length()  # powers of two transform fastest
        self._numbers: dict[int, int] = {}
        self._parts: list[FloatArray] = []
        self._pairs: list[tuple[int, int, int]] = []

    def add(self, place: int, first: FloatArray, second: FloatArray) -> None:
        """Remember a pair. The arrays must outlive this object: they are told apart by their identity."""
        self._pairs.append((place, self._number(first), self._number(second)))

    def into(self, rows: FloatArray) -> None:
        """Write each pair's sum into its row."""
        if not self._pairs:
            return
        spectra = np.fft.rfft(np.stack(self._parts), self._size, axis=1)
        pairs = np.array(self._pairs)
        for start in range(0, len(pairs), _CHUNK):
            place, first, second = pairs[start : start + _CHUNK].T
            sums = np.fft.irfft(spectra[first] * spectra[second], self._size, axis=1)
            rows[place] = np.maximum(sums[:, : self._days], 0.0)

    def _number(self, mass: FloatArray) -> int:
        number = self._numbers.setdefault(id(mass), len(self._parts))
        if number == len(self._parts):
            self._parts.append(mass[: self._days])
        return number


def _probability(mass: FloatArray) -> float:
    return float(np.clip(mass.sum(), 0.0, 1.0))


def _moved_ahead(mass: FloatArray, days: int) -> FloatArray:
    """Moved by a scenario's days, but never before tomorrow."""
    if days == 0:
        return mass
    moved = shifted(mass, days)
    moved[1] += moved[0]
    moved[0] = 0.0
    return moved
