"""Tallies: what the usage log comes to in a quarter of an hour, and in a day, kept as it is written."""

from officium.core.usage.tallies.histogram import Spread
from officium.core.usage.tallies.overview import Overview, Period, Point
from officium.core.usage.tallies.service import OverviewService
from officium.core.usage.tallies.store import TallyStore
from officium.core.usage.tallies.tally import KINDS, Kind, Tally, tally_up

__all__ = [
    "KINDS",
    "Kind",
    "Overview",
    "OverviewService",
    "Period",
    "Point",
    "Spread",
    "Tally",
    "TallyStore",
    "tally_up",
]
