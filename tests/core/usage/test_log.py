"""The usage log loses nothing it can save, and is stopped by nothing it cannot."""

from collections.abc import Sequence

import pytest

from officium.core.usage import UsageLog, UsageRecord
from officium.core.usage import log as log_module
from officium.core.usage.errors import RecordRefused
from tests.support.records import a_record


class Sink:
    """Keeps what is written; fails as told."""

    def __init__(self) -> None:
        self.batches: list[list[UsageRecord]] = []
        self.failures_left = 0
        self.poison: set[str] = set()

    @property
    def written(self) -> list[str]:
        return [record.request_id for batch in self.batches for record in batch]

    async def append_for_all_tenants(self, records: Sequence[UsageRecord]) -> None:
        if self.failures_left:
            self.failures_left -= 1
            raise ConnectionError
        if any(record.request_id in self.poison for record in records):
            raise RecordRefused("a record the database refuses")
        self.batches.append(list(records))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "BATCH_WAIT_S", 0.001)
    monkeypatch.setattr(log_module, "_RETRY_WAIT_S", 0.001)


async def test_records_taken_together_are_written_together_and_in_order():
    sink = Sink()
    log = UsageLog(sink)
    log.start()

    for number in range(50):
        log.append(a_record(request_id=f"req_{number}"))
    await log.close()

    assert sink.written == [f"req_{number}" for number in range(50)]
    assert len(sink.batches) == 1


async def test_records_wait_while_the_database_is_away():
    sink = Sink()
    sink.failures_left = 5
    log = UsageLog(sink)
    log.start()

    log.append(a_record(request_id="req_a"))
    log.append(a_record(request_id="req_b"))
    await log.close()

    assert sink.written == ["req_a", "req_b"]


async def test_one_refused_record_does_not_hold_up_the_others():
    sink = Sink()
    sink.poison = {"req_7"}
    log = UsageLog(sink)
    log.start()

    for number in range(20):
        log.append(a_record(request_id=f"req_{number}"))
    await log.close()

    assert sink.written == [f"req_{number}" for number in range(20) if number != 7]


async def test_log_is_full_when_too_many_records_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_module, "BACKLOG_LARGEST", 2)
    log = UsageLog(Sink())

    log.append(a_record())
    assert not log.is_full
    log.append(a_record())

    assert log.is_full


async def test_flush_waits_until_everything_is_written():
    sink = Sink()
    log = UsageLog(sink)
    log.start()
    log.append(a_record(request_id="req_a"))

    await log.flush()

    assert sink.written == ["req_a"]
    await log.close()


async def test_record_that_comes_after_the_end_is_at_least_logged(capsys: pytest.CaptureFixture[str]):
    log = UsageLog(Sink())
    log.start()
    await log.close()

    log.append(a_record(request_id="req_late"))

    assert "req_late" in capsys.readouterr().out
