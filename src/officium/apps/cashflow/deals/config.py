"""How a tenant's forecasts are to be made: its stages, terms, calendar and time zone."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from officium.apps.cashflow.deals.errors import InvalidCashflowConfig
from officium.apps.cashflow.deterministic_rules import (
    DEFAULT_PAYMENT_TERMS,
    INVOICED_STAGES,
    STAGE_CYCLE_DAYS,
    DeterministicRules,
    fold_stage,
)
from officium.apps.cashflow.prediction import DEFAULT_CURRENCY, Currency
from officium.apps.cashflow.spelling import Order
from officium.apps.cashflow.statistics import Prior, WorkingCalendar

StageName = Annotated[str, Field(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=3650)]


class CashflowConfig(Order):
    """What a tenant says of its pipelines. Entering an invoiced, paid or lost stage dates a deal's end."""

    stage_days: dict[StageName, Days] = Field(
        default_factory=lambda: dict(STAGE_CYCLE_DAYS),
        max_length=100,
        description="Days from a stage to the invoice, as long as closed deals do not tell.",
    )
    payment_terms_days: int = Field(default=DEFAULT_PAYMENT_TERMS, ge=0, le=3650)
    invoiced_stages: tuple[StageName, ...] = Field(default=INVOICED_STAGES, max_length=50)
    paid_stages: tuple[StageName, ...] = Field(default=("Paid", "Closed Paid"), max_length=50)
    lost_stages: tuple[StageName, ...] = Field(
        default=("Lost", "Closed Lost", "Cancelled", "Canceled"), max_length=50
    )
    currency: Currency = Field(default=DEFAULT_CURRENCY, description="Of deals that are brought without any.")
    country: str | None = Field(
        default=None,
        max_length=2,
        description="ISO 3166; its holidays move payments.",
        examples=["SA"],
    )
    subdivision: str | None = Field(default=None, max_length=10, examples=["BY"])
    time_zone: str = Field(default="UTC", max_length=64, description="Where a day begins.")

    @property
    def rules(self) -> DeterministicRules:
        """The documented rules with the tenant's own numbers."""
        return DeterministicRules(
            self.stage_days, self.payment_terms_days, invoiced_stages=self.invoiced_stages
        )

    @property
    def prior(self) -> Prior:
        """What is believed before any deal has closed."""
        return Prior(stage_days=dict(self.stage_days), payment_days=max(self.payment_terms_days, 1))

    @property
    def calendar(self) -> WorkingCalendar:
        """The days on which payments arrive."""
        return WorkingCalendar(self.country, self.subdivision)

    def ending_of(self, stage: str) -> str | None:
        """Which date a deal gets that enters the stage: `invoiced_on`, `paid_on`, `lost_on` or none."""
        folded = fold_stage(stage)
        for field, stages in (
            ("paid_on", self.paid_stages),
            ("lost_on", self.lost_stages),
            ("invoiced_on", self.invoiced_stages),
        ):
            if folded in map(fold_stage, stages):
                return field
        return None


class SavedConfig(CashflowConfig):
    """A configuration as it is kept; what was never saved is the default one."""

    updated_at: datetime | None = None
    updated_by: str | None = None


def check_config(config: CashflowConfig) -> None:
    """Raise InvalidCashflowConfig for an unknown country or time zone."""
    try:
        ZoneInfo(config.time_zone)
    except (ValueError, OSError, KeyError) as error:
        raise InvalidCashflowConfig(
            "`time_zone` is a name such as UTC or Asia/Riyadh.", param="time_zone"
        ) from error
    try:
        config.calendar.is_working_day(datetime(2026, 1, 1).date())
    except (NotImplementedError, KeyError) as error:
        raise InvalidCashflowConfig(
            "`country` is a code of two letters such as SA, `subdivision` one of its parts.", param="country"
        ) from error
