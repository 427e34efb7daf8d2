"""A clock that moves when it is told to."""

from datetime import UTC, date, datetime, timedelta


class HandClock:
    """A `Clock` whose both hands are moved by the test."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._passed_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        return 1000.0 + self._passed_s

    def advance(self, seconds: float) -> None:
        self._passed_s += seconds


def utc_today() -> date:
    """The day on the system's clock. Ask when it is needed: a run of the tests may last beyond midnight."""
    return datetime.now(UTC).date()
