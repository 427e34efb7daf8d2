"""Trying rules before anybody relies on them: on facts, at boundaries, on history, on each other."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from officium.apps.rules.capabilities import Capabilities, CapabilityService
from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.check import check_workflow
from officium.apps.rules.difference import difference
from officium.apps.rules.errors import InvalidHistory
from officium.apps.rules.examples import examples
from officium.apps.rules.firing import dry_run
from officium.apps.rules.history import HistoryFormat, Skipped, read_history
from officium.apps.rules.replay import replay
from officium.apps.rules.rule import WorkflowRules
from officium.apps.rules.rule_set import MOST_RULES, MOST_WORKFLOWS, Finding, check_set
from officium.apps.rules.rule_test import TestOutcome, checked_tests, run_tests
from officium.apps.rules.saved_rule import RuleVersion, SavedRule
from officium.apps.rules.service import invalid_rule
from officium.core.tenancy import Caller
from officium.kit.errors import InvalidRequest

LARGEST_HISTORY_BYTES = 20 * 1024 * 1024
LONGEST_REPLAY_S = 60.0
_AT_ONCE = 2
"""Searches and replays under way in this process: each keeps a processor busy."""

Context = Mapping[str, Any] | None
Result = TypeVar("Result")


class KeptRules(Protocol):
    """Where rules are kept."""

    async def list_rules(
        self, caller: Caller, after: str, limit: int, status: str | None = None
    ) -> list[tuple[SavedRule, RuleVersion]]: ...


class RuleTrials:
    """Tries rules that are right by the catalogue; nothing is ever done. Reads only, and asks no model.

    Every method raises PermissionDenied, InvalidCatalogue and InvalidRule.
    """

    def __init__(self, capabilities: CapabilityService, store: KeptRules) -> None:
        self._capabilities = capabilities
        self._store = store
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def dry_run(
        self, caller: Caller, workflow: object, facts: Mapping[str, Any], context: Context = None
    ) -> dict[str, Any]:
        """What would be done on these facts, and why."""
        return await self._try(caller, workflow, context, lambda rules, _: dry_run(rules, facts))

    async def examples(
        self, caller: Caller, workflow: object, context: Context = None
    ) -> list[dict[str, Any]]:
        """The smallest facts on which each rule fires, just does not, and lacks data."""
        return await self._try(caller, workflow, context, examples)

    async def run_tests(
        self,
        caller: Caller,
        workflow: object,
        tests: Sequence[Mapping[str, Any]],
        context: Context = None,
    ) -> list[TestOutcome]:
        """What comes of given/then tests."""
        shaped = checked_tests(tests)
        return await self._try(caller, workflow, context, lambda rules, _: run_tests(rules, shaped))

    async def difference(
        self, caller: Caller, before: object, after: object, context: Context = None
    ) -> dict[str, Any]:
        """What `after` does differently from `before`."""
        capabilities = await self._capabilities.of_request(caller, context)

        def work() -> dict[str, Any]:
            catalogue = capabilities.catalogue
            return difference(
                _checked(before, catalogue, "before"), _checked(after, catalogue, "after"), catalogue
            )

        return await self._aside(work)

    async def replay(
        self,
        caller: Caller,
        workflow: object,
        history: bytes,
        kind: HistoryFormat,
        *,
        carries_forward: bool = False,
        context: Context = None,
    ) -> dict[str, Any]:
        """When and how often each rule would have fired. Raises InvalidHistory where no row can be read."""
        if len(history) > LARGEST_HISTORY_BYTES:
            raise InvalidHistory(
                f"A history has at most {LARGEST_HISTORY_BYTES // 1024**2} MB.", param="history"
            )

        def work(rules: WorkflowRules, catalogue: Catalogue) -> dict[str, Any]:
            skipped = Skipped()
            events = read_history(history, kind, catalogue, skipped)
            ends = time.monotonic() + LONGEST_REPLAY_S
            outcome = replay(
                rules,
                catalogue,
                events,
                carries_forward=carries_forward,
                is_stopped=lambda: time.monotonic() > ends,
            )
            if outcome["stopped"]:
                raise InvalidHistory(
                    f"This takes longer than {LONGEST_REPLAY_S:g} s. Send fewer events, or fewer rules.",
                    param="history",
                )
            if not outcome["events"] and skipped.count:
                raise InvalidHistory("No row of the history can be read.", param="history", rows=skipped.rows)
            return {**outcome, "skipped": skipped.count, "skipped_rows": skipped.rows}

        return await self._try(caller, workflow, context, work)

    async def check_set(
        self, caller: Caller, workflows: Sequence[tuple[str, object]], context: Context = None
    ) -> list[Finding]:
        """What is odd about these workflows together. Raises InvalidRequest if there are too many."""
        if not 1 <= len(workflows) <= MOST_WORKFLOWS:
            raise InvalidRequest(f"Compare 1 to {MOST_WORKFLOWS} workflows.", param="workflows")
        capabilities = await self._capabilities.of_request(caller, context)

        def work() -> list[Finding]:
            catalogue = capabilities.catalogue
            checked = [(label, _checked(said, catalogue, label)) for label, said in workflows]
            count = sum(len(rules.rules) for _, rules in checked)
            if count > MOST_RULES:
                raise InvalidRequest(
                    f"These are {count} rules; compare at most {MOST_RULES}.", param="workflows"
                )
            return check_set(checked, catalogue)

        return await self._aside(work)

    async def check_kept(self, caller: Caller) -> list[Finding]:
        """The same of the newest versions of the rules that are kept and not rejected: the oldest 500 rules.

        What today's catalogue does not allow any more is left out.
        """
        capabilities = await self._capabilities.get(caller)
        kept = await self._store.list_rules(caller, "", MOST_WORKFLOWS)

        def work() -> list[Finding]:
            workflows: list[tuple[str, WorkflowRules]] = []
            count = 0
            for rule, version in kept:
                checked = check_workflow(version.workflow, capabilities.catalogue)
                if checked.workflow is not None and rule.status != "rejected":
                    count += len(checked.workflow.rules)
                    if count > MOST_RULES:
                        break
                    workflows.append((rule.id, checked.workflow))
            return check_set(workflows, capabilities.catalogue)

        return await self._aside(work)

    async def _try(
        self,
        caller: Caller,
        workflow: object,
        context: Context,
        work: Callable[[WorkflowRules, Catalogue], Result],
    ) -> Result:
        capabilities: Capabilities = await self._capabilities.of_request(caller, context)

        def trial() -> Result:
            checked = _checked(workflow, capabilities.catalogue, "workflow_rules")
            return work(checked, capabilities.catalogue)

        return await self._aside(trial)

    async def _aside(self, work: Callable[[], Result]) -> Result:
        async with self._turns:
            return await asyncio.to_thread(work)


def _checked(said: object, catalogue: Catalogue, param: str) -> WorkflowRules:
    checked = check_workflow(said, catalogue)
    if checked.workflow is None:
        raise invalid_rule(checked.problems, param)
    return checked.workflow
