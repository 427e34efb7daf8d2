"""verify-ledger."""

import pytest
from msgspec.structs import replace

from officium.core.usage.ledger.batch import Batch
from officium.testing import ledger_trial
from officium.testing.ledger_trial import trial
from officium.testing.ledger_trial.verdict import Verdict
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest sizes, and no servers: those are tried in a test of their own."""
    tiny = replace(ledger_trial.QUICK, histories=5, steps=40, crowd=400, at_once=80, outcomes=80, days=1)

    async def no_siege(verdict: Verdict, *args: object, **how: object) -> None:
        verdict.judge("siege", True, "left out")

    monkeypatch.setattr(ledger_trial, "QUICK", tiny)
    monkeypatch.setattr(ledger_trial, "FULL", tiny)
    monkeypatch.setattr(trial, "try_siege", no_siege)


@pytest.mark.parametrize("options", [(), ("--quick",)], ids=["full", "quick"])
def test_last_line_is_the_verdict(
    run: Run, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # 400 calls cannot use up a budget, so what matters here is left to the trial's own tests.
    monkeypatch.setattr(trial, "try_crowd", _no_crowd)

    outcome = run("verify-ledger", *options)

    assert outcome.status == 0
    assert outcome.out.splitlines()[-1].startswith("The ledger holds: ")
    assert "PostgreSQL was not tried" in outcome.out


async def _no_crowd(verdict: Verdict, *args: object, **how: object) -> None:
    verdict.judge("crowd", True, "left out")


def test_a_faulty_ledger_ends_with_status_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "try_crowd", _no_crowd)
    monkeypatch.setattr(Batch, "_release", lambda batch, operation: None)

    outcome = run("verify-ledger", "--quick")

    assert outcome.status == 1
    assert "  FAIL  " in outcome.out
    assert outcome.out.splitlines()[-1].startswith("The ledger does NOT hold: ")
