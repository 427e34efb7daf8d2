"""What came of a condition."""

from dataclasses import dataclass

from officium.apps.rules.conditions.values import Fault


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds: `result` is True, False, or None where the facts do not say.

    `missing` names the paths that would have decided, when there is no result for want of facts; `fault` says
    what did not fit, when there is none for another reason.
    """

    result: bool | None
    missing: tuple[str, ...] = ()
    fault: Fault | None = None

    @property
    def fires(self) -> bool:
        """Whether a rule with this condition acts: only on a plain yes."""
        return self.result is True


HOLDS = Verdict(True)
DOES_NOT_HOLD = Verdict(False)
