"""The trial of the ledger: what `officium verify-ledger` puts it through."""

from officium.testing.ledger_trial.trial import FULL, QUICK, TrialSize, run_trial
from officium.testing.ledger_trial.verdict import Verdict

__all__ = ["FULL", "QUICK", "TrialSize", "Verdict", "run_trial"]
