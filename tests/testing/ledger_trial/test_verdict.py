"""What a verdict says."""

from officium.testing.ledger_trial.verdict import Verdict


def test_every_claim_must_hold() -> None:
    said: list[str] = []
    verdict = Verdict(said.append)

    verdict.begin("A part")
    verdict.judge("one", True, "0 lost")
    was_good = verdict.is_good
    verdict.judge("other", False, "1 lost")

    assert said == ["A part", "  ok    one: 0 lost", "  FAIL  other: 1 lost"]
    assert (was_good, verdict.is_good) == (True, False)
    assert verdict.summary().startswith("The ledger does NOT hold: 1 of 2 claims in ")


def test_a_trial_without_claims_proves_nothing() -> None:
    assert not Verdict(lambda line: None).is_good
