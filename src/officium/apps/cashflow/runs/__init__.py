"""Runs: what was predicted, from what, and how good it was once reality had arrived."""

from officium.apps.cashflow.runs.errors import RunNotFound
from officium.apps.cashflow.runs.run import Run, RunHead, RunKind, RunScore, SignalProof
from officium.apps.cashflow.runs.store import RunStore

__all__ = ["Run", "RunHead", "RunKind", "RunNotFound", "RunScore", "RunStore", "SignalProof"]
