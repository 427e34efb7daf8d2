"""How long things took, in buckets: unlike averages their counts add up, and percentiles come from them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from math import ceil
from typing import Literal, get_args

from msgspec import Struct

from officium.core.usage.record import UsageRecord
from officium.core.usage.tallies.tally import Span, day_of, slot_of

Measure = Literal["answer", "first_token", "queued"]
"""The time a successful attempt took, that until its first piece, and that before the first attempt."""
MEASURES: tuple[Measure, ...] = get_args(Measure)
BOUNDS = tuple(sorted({ceil(2 ** (step / 8)) for step in range(161)}))
"""Where a bucket ends and the next one begins, in milliseconds: each is at most a tenth longer than the one
before, from where whole milliseconds allow it, and the last begins at 17 minutes."""
LEVELS = (0.5, 0.95, 0.99)

Shelf = tuple[str, Span, datetime, Measure, int]
"""Tenant, span, start, measure and bucket: where a count stands."""


class Spread(Struct, frozen=True, kw_only=True):
    """How long something took in half of all cases, in 95 and in 99 of 100; milliseconds, `None` without any.

    They are as exact as the buckets: within a tenth, or a millisecond.
    """

    measure: Measure
    count: int
    p50: float | None
    p95: float | None
    p99: float | None


def bucket_of(ms: int) -> int:
    """The number of the bucket in which a time lies."""
    return bisect_right(BOUNDS, max(0, ms))


def spread_of(measure: Measure, counts: Mapping[int, int]) -> Spread:
    """The percentiles of times of which there are so many in each bucket."""
    p50, p95, p99 = (_percentile(counts, level) for level in LEVELS)
    return Spread(measure=measure, count=sum(counts.values()), p50=p50, p95=p95, p99=p99)


def shelve(records: Iterable[UsageRecord]) -> dict[Shelf, int]:
    """The counts to which these records add, in the order in which they are to be written."""
    counts: dict[Shelf, int] = {}
    for record in records:
        slot, day = slot_of(record.created_at), day_of(record.created_at)
        for measure, ms in _times(record):
            bucket = bucket_of(ms)
            for span, starts_at in (("slot", slot), ("day", day)):
                shelf: Shelf = (record.tenant_id, span, starts_at, measure, bucket)  # type: ignore[assignment]
                counts[shelf] = counts.get(shelf, 0) + 1
    return dict(sorted(counts.items()))


def _times(record: UsageRecord) -> Iterator[tuple[Measure, int]]:
    if record.status == "success":
        yield "answer", record.duration_ms
        if record.ttft_ms is not None:
            yield "first_token", record.ttft_ms
    if record.queued_ms is not None:
        yield "queued", record.queued_ms


def _percentile(counts: Mapping[int, int], level: float) -> float | None:
    """The time below which a share of `level` lies; within a bucket it grows evenly."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, passed = level * total, 0
    for bucket, count in sorted(counts.items()):
        if passed + count >= wanted:
            begins = BOUNDS[bucket - 1] if bucket else 0
            ends = BOUNDS[bucket] if bucket < len(BOUNDS) else begins
            # Times are whole milliseconds: the last one in the bucket is one below its end.
            return begins + max(0, ends - 1 - begins) * (wanted - passed) / count
        passed += count
    return None
