"""A job: work that is to be done again and again."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from msgspec import Struct

_MOST_SLACK_S = 1.0


class Job(Struct, frozen=True):
    """`work` is done every `every_s` seconds, in one process at a time.

    The name is that of its lease, so it is the same in every process and never changes. A process may die
    at any moment: work is done in steps that may be done again.
    """

    name: str
    every_s: float
    work: Callable[[], Awaitable[None]]

    def last_start_before(self, now: datetime) -> datetime:
        """A job that began no later than this is due again.

        A little too early counts as in time: of two clocks that disagree by a moment the second would
        otherwise leave out every other turn.
        """
        slack_s = min(_MOST_SLACK_S, self.every_s / 10)
        return now - timedelta(seconds=self.every_s - slack_s)
