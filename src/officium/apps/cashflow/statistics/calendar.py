"""Which days banks work on: the weekend and the holidays of a country."""

from datetime import date, timedelta

import holidays


class WorkingCalendar:
    """The working days of a country, or every day where no country is given.

    `country` is an ISO 3166-1 alpha-2 code such as `SA`, `subdivision` a part of it such as `BY`. Raises
    NotImplementedError for a country or a subdivision that `holidays` does not know.
    """

    def __init__(self, country: str | None = None, subdivision: str | None = None) -> None:
        self._known = holidays.country_holidays(country, subdiv=subdivision) if country else None

    def is_working_day(self, day: date) -> bool:
        """Whether banks work on `day`."""
        return self._known is None or bool(self._known.is_working_day(day))

    def next_working_day(self, day: date) -> date:
        """`day` itself if it is a working day, or the first one after it."""
        for _ in range(31):
            if self.is_working_day(day):
                return day
            day += timedelta(days=1)
        return day


def known_countries() -> list[str]:
    """The codes of the countries whose holidays are known."""
    return sorted(code for code in holidays.list_supported_countries() if len(code) == 2)
