"""The verdict of a trial: claims, each with what was measured for it."""

import time
from collections.abc import Callable

from msgspec import Struct

Say = Callable[[str], None]


class Finding(Struct, frozen=True):
    """A claim, whether it held, and the figures that decide it."""

    part: str
    claim: str
    is_true: bool
    figures: str


class Verdict:
    """Collects findings and says each as it comes."""

    def __init__(self, say: Say) -> None:
        self.findings: list[Finding] = []
        self._say = say
        self._part = ""
        self._started = time.monotonic()

    @property
    def is_good(self) -> bool:
        """Whether every claim held, and there was one."""
        return bool(self.findings) and all(finding.is_true for finding in self.findings)

    def begin(self, part: str) -> None:
        """What follows belongs to this part."""
        self._part = part
        self._say(part)

    def judge(self, claim: str, is_true: bool, figures: str) -> None:
        """Take in a finding."""
        self.findings.append(Finding(self._part, claim, is_true, figures))
        self._say(f"  {'ok  ' if is_true else 'FAIL'}  {claim}: {figures}")

    def remark(self, text: str) -> None:
        """Say what decides nothing."""
        self._say(f"        {text}")

    def summary(self) -> str:
        """One line that says it all."""
        held = sum(finding.is_true for finding in self.findings)
        passed_s = time.monotonic() - self._started
        sentence = "The ledger holds" if self.is_good else "The ledger does NOT hold"
        return f"{sentence}: {held} of {len(self.findings)} claims in {passed_s:.0f} s."
