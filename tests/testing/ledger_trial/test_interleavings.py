"""The first part of the trial passes an honest ledger, and catches one that is not."""

from collections.abc import Callable
from typing import Any

import pytest

from officium.core.usage.ledger.batch import Batch
from officium.core.usage.ledger.operation import Granted
from officium.testing.ledger_trial.interleavings import try_interleavings
from officium.testing.ledger_trial.verdict import Verdict


def the_verdict() -> Verdict:
    verdict = Verdict(lambda line: None)
    try_interleavings(verdict, runs=12, steps=60)
    return verdict


def test_the_ledger_passes() -> None:
    verdict = the_verdict()

    assert verdict.is_good, verdict.findings


def _grant_too_much(batch: Batch, operation: Any) -> Any:
    answer = _PLACE(batch, operation)
    if not isinstance(answer, Granted) and not operation.may_wait:
        place = batch._place_of(operation)
        return batch._grant(operation, place, operation.need.least_output_tokens)
    return answer


def _refuse_in_vain(batch: Batch, operation: Any) -> Any:
    answer = _EXTEND(batch, operation)
    return False if answer else answer


def _keep_the_hold(batch: Batch, hold_id: str) -> Any:
    hold = batch._holds.pop(hold_id, None)
    if hold is not None:
        batch.changes.gone_holds.append(hold_id)
    return hold


def _book_twice(batch: Batch, entry: Any) -> None:
    _BOOK(batch, entry)
    if entry.kind == "settled":
        _BOOK(batch, entry)


def _never_expire(batch: Batch, operation: Any) -> bool:
    return False


_PLACE, _EXTEND, _BOOK = Batch._place, Batch._extend, Batch._book


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        pytest.param("_place", _grant_too_much, id="grants-beyond-the-limit"),
        pytest.param("_extend", _refuse_in_vain, id="refuses-in-vain"),
        pytest.param("_take_off", _keep_the_hold, id="lets-go-of-nothing"),
        pytest.param("_book", _book_twice, id="books-twice"),
        pytest.param("_expire", _never_expire, id="lets-nothing-expire"),
        pytest.param("_release", lambda batch, operation: None, id="forgets-to-release"),
        pytest.param("_reset", lambda batch, operation: None, id="forgets-to-reset"),
        pytest.param("_settle_late", lambda batch, operation, spent: None, id="forgets-late-news"),
    ],
)
def test_a_faulty_ledger_is_caught(
    monkeypatch: pytest.MonkeyPatch, method: str, fault: Callable[..., Any]
) -> None:
    monkeypatch.setattr(Batch, method, fault)

    assert not the_verdict().is_good


def test_a_ledger_without_entries_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Batch, "_append", lambda batch, entry: None)

    assert not the_verdict().is_good
