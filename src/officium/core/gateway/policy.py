"""Which models somebody may use: lists of patterns, one for each subject that was given one."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from officium.core.gateway.errors import InvalidModelPolicy
from officium.core.llm.providers.catalog import find_provider
from officium.core.tenancy import Caller

MOST_PATTERNS = 200
MOST_POLICIES = 1000
"""As many may a tenant have: they are kept in memory, and listed whole."""
LONGEST_PATTERN = 256
OPERATOR = "operator"
TENANT = "tenant"
_SUBJECT = re.compile(rf"{OPERATOR}|{TENANT}|(?:key|member):[A-Za-z0-9_.-]{{1,64}}")


class ModelPolicy(Struct, frozen=True, kw_only=True):
    """`subject` may use the models that one of the patterns in `allowed` fits, and no others.

    A subject is `operator` (what the operator allows the tenant), `tenant` (what the tenant allows everyone
    in it), `key:<id>` or `member:<id>`. A pattern is `provider/model`, where `*` stands for any characters.
    """

    subject: str
    allowed: tuple[str, ...]
    updated_at: datetime
    updated_by: str

    def allows(self, name: str) -> bool:
        """Whether the model `provider/model` is among them."""
        return any(_fits(pattern, name) for pattern in self.allowed)


def subjects_of(caller: Caller) -> tuple[str, ...]:
    """The subjects whose policies hold for a caller; all of them must allow a model."""
    own = (("key", caller.key_id), ("member", caller.member_id))
    return OPERATOR, TENANT, *(f"{kind}:{id}" for kind, id in own if id is not None)


def policies_for(caller: Caller, policies: Iterable[ModelPolicy]) -> tuple[ModelPolicy, ...]:
    """Those that hold for the caller."""
    subjects = subjects_of(caller)
    return tuple(policy for policy in policies if policy.subject in subjects)


def check_subject(subject: str) -> None:
    """Raise InvalidModelPolicy unless a policy can be about this."""
    if not _SUBJECT.fullmatch(subject):
        raise InvalidModelPolicy("A policy is about `tenant`, `key:<id>` or `member:<id>`.", param="subject")


def check_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    """The patterns with their providers' own names, each once. Raises InvalidModelPolicy."""
    if len(patterns) > MOST_PATTERNS:
        raise InvalidModelPolicy(f"A policy has at most {MOST_PATTERNS} patterns.", param="allowed")
    return tuple(dict.fromkeys(_checked(pattern, index) for index, pattern in enumerate(patterns)))


def _checked(pattern: str, index: int) -> str:
    provider, slash, model = pattern.partition("/")
    row = find_provider(provider)
    is_known = row is not None or "*" in provider
    is_whole = pattern == "*" or (is_known and slash and model)
    if not is_whole or not pattern.isprintable() or len(pattern) > LONGEST_PATTERN:
        raise InvalidModelPolicy(
            f"{pattern[:64]!r} fits no model. Write provider/model, such as groq/* or openai/gpt-*.",
            param=f"allowed[{index}]",
        )
    return f"{row.name}/{model}" if row is not None else pattern


def _fits(pattern: str, name: str) -> bool:
    """Whether `name` is what `pattern` says; in time that grows with the name's length alone."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, last = rest
    if not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end
