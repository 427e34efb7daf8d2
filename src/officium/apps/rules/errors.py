"""What can go wrong with rules and with the catalogue of what they may use."""

from officium.kit.errors import Conflict, InvalidRequest, NotFound, OfficiumError, ServiceUnavailable


class InvalidCatalogue(InvalidRequest):
    """A capability catalogue is not acceptable; `param` is the JSON pointer of what is not."""

    code = "invalid_catalogue"


class CatalogueFetchFailed(ServiceUnavailable):
    """The platform that keeps the capability catalogue did not give it."""

    code = "catalogue_fetch_failed"


class InvalidRule(InvalidRequest):
    """A rule uses what is not there, or says it wrongly; `problems` lists every mistake with its place."""

    code = "invalid_rule"


class ConditionFault(InvalidRequest):
    """A condition has no answer for these facts: their types do not fit, or a divisor is zero.

    `reason` is `type`, `div_zero`, `overflow`, `pattern` or `facts`; `position` counts characters from 0.
    """

    code = "condition_fault"


class InvalidHistory(InvalidRequest):
    """Lines of an event history cannot be read; `rows` says which, and why."""

    code = "invalid_history"


class RuleNotFound(NotFound):
    """The caller's tenant has no rule with this id, or no such version of it."""

    code = "rule_not_found"


class RuleTestsFailed(Conflict):
    """A rule is not approved because its own tests fail; `problems` says which, and how."""

    code = "rule_tests_failed"


class NothingToUndo(Conflict):
    """The rule stands at its first version already."""

    code = "nothing_to_undo"


class RuleNotPossible(OfficiumError):
    """What is wanted cannot be done with the capabilities there are; the message says what is missing."""

    code = "rule_not_possible"


class RuleNotUnderstood(OfficiumError):
    """No model may be asked, and the sentence is none of those that are understood without one."""

    code = "rule_not_understood"


class RuleNotGenerated(OfficiumError):
    """The model gave no rule that could be used, even corrected; `problems` lists what was wrong last."""

    code = "rule_not_generated"
