"""The one who writes the ledger, and what it does when it cannot."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from officium.core.usage.ledger import Amounts
from officium.core.usage.ledger import writer as writer_module
from officium.core.usage.ledger.errors import NotWritten, OperationRefused
from officium.core.usage.ledger.operation import Answer, Operation, ReleaseHold, SettleHold
from officium.core.usage.ledger.writer import LedgerWriter
from officium.kit.errors import ServiceUnavailable
from tests.support.ledger import MemoryLedger, a_budget, to_extend, to_place, to_settle


class Sink:
    """Keeps books in memory. `is_away`, it takes nothing; `bad` it never takes."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger(a_budget(limit=None))
        self.is_away = False
        self.bad: set[str] = set()
        self.batches: list[int] = []

    async def write_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer]:
        self.batches.append(len(operations))
        await asyncio.sleep(0.001)
        if self.is_away:
            raise NotWritten("The database is away.")
        if any(isinstance(one, SettleHold) and one.hold_id in self.bad for one in operations):
            raise OperationRefused("IntegrityError")
        return self.ledger.write(*operations)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_RETRY_WAIT_S", 0.001)


def a_writer(sink: Sink) -> LedgerWriter:
    writer = LedgerWriter(sink, on_written=lambda _: None)
    writer.start()
    return writer


async def test_what_arrives_while_one_batch_is_written_makes_the_next():
    sink = Sink()
    writer = a_writer(sink)

    first = writer.submit(to_place("h0"))
    await asyncio.sleep(0)
    others = [writer.submit(to_place(f"h{number}")) for number in range(1, 6)]
    await asyncio.gather(first, *others)

    assert sink.batches == [1, 5]
    await writer.close(1.0)


async def test_who_left_before_the_batch_is_passed_over():
    sink = Sink()
    writer = a_writer(sink)

    kept, left = writer.submit(to_place("h1")), writer.submit(to_place("h2"))
    left.cancel()
    await kept

    assert list(sink.ledger.holds) == ["h1"]
    await writer.close(1.0)


async def test_the_one_at_fault_is_found_logged_and_passed_over():
    sink = Sink()
    writer = a_writer(sink)
    await asyncio.gather(*(writer.submit(to_place(f"h{number}")) for number in range(9)))
    sink.bad = {"h4"}

    with capture_logs() as logs:
        for number in range(9):
            writer.post(to_settle(f"h{number}", Amounts(number, 1, 0)))
        await writer.flush()

    assert list(sink.ledger.holds) == ["h4"]
    lost = [log for log in logs if log["event"] == "ledger.lost"]
    assert [(log["hold_id"], log["tokens"]) for log in lost] == [("h4", 4)]
    assert not writer.is_full
    await writer.close(1.0)


async def test_each_who_waits_is_told_once_that_the_database_is_away():
    sink = Sink()
    writer = a_writer(sink)
    sink.is_away = True

    answers = await asyncio.gather(
        writer.submit(to_place("h1")),
        writer.submit(to_extend("h0", Amounts(tokens=1))),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [ServiceUnavailable, ServiceUnavailable]
    assert len(sink.batches) == 1
    await writer.close(1.0)


async def test_what_cannot_be_written_before_the_end_is_logged():
    sink = Sink()
    writer = a_writer(sink)
    await writer.submit(to_place("h1"))
    sink.is_away = True
    writer.post(to_settle("h1", Amounts(250, 1, 7)))
    writer.post(ReleaseHold(hold_id="h2", tenant_id="ten_1"))

    with capture_logs() as logs:
        await writer.close(0.02)

    lost = [log for log in logs if log["event"] == "ledger.lost"]
    assert [(log["hold_id"], log["tokens"], log["nano_usd"]) for log in lost] == [("h1", 250, 7)]


async def test_what_is_settled_after_the_end_is_logged():
    writer = a_writer(Sink())
    await writer.close(1.0)

    with capture_logs() as logs:
        writer.post(to_settle("h1", Amounts(250, 1, 7)))

    assert [log["hold_id"] for log in logs] == ["h1"]
    with pytest.raises(ServiceUnavailable):
        await writer.submit(to_place("h2"))
