"""The rules a tenant keeps: saved in versions, tested, approved or rejected, undone."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.rules.capabilities import CapabilityService, require_reader
from officium.apps.rules.check import check_workflow
from officium.apps.rules.errors import NothingToUndo, RuleNotFound, RuleTestsFailed
from officium.apps.rules.problem import Problem
from officium.apps.rules.rule import WorkflowRules, workflow_from
from officium.apps.rules.rule_test import TestOutcome, checked_tests, run_tests
from officium.apps.rules.saved_rule import Method, RuleStatus, RuleVersion, SavedRule
from officium.apps.rules.service import LONGEST_INTENT, invalid_rule
from officium.apps.rules.store import MOST_VERSIONS, RuleStore
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import Conflict, InvalidRequest
from officium.kit.ids import new_id

LARGEST_PAGE = 100
_LONGEST_NOTE = 2_000
_TICK = timedelta(microseconds=1)

_log = structlog.get_logger("rules")


class Draft(Struct, frozen=True, kw_only=True):
    """What is saved: a workflow, the words it was made from, who made it, and its tests."""

    workflow: Mapping[str, Any]
    intent: str = ""
    method: Method = "written"
    model: str | None = None
    tests: Sequence[Mapping[str, Any]] = ()


class KeptRule(Struct, frozen=True, kw_only=True):
    """A rule, and one of its versions: the newest unless another was asked for."""

    rule: SavedRule
    version: RuleVersion


class ListedRule(Struct, frozen=True, kw_only=True):
    """A rule in a list, and what today's catalogue makes of it."""

    rule: SavedRule
    version: RuleVersion
    problems: Sequence[Problem]
    warnings: Sequence[Problem]


class RuleBook:
    """Keeps rules. Nothing is saved that is not right by the tenant's catalogue.

    Reading takes `inference`, `config:read` or `config:write`, everything else `config:write`.
    """

    def __init__(self, store: RuleStore, capabilities: CapabilityService, clock: Clock) -> None:
        self._store = store
        self._capabilities = capabilities
        self._clock = clock

    async def save(self, caller: Caller, draft: Draft, *, request_id: str | None = None) -> KeptRule:
        """Save a rule as a draft. Raises PermissionDenied and InvalidRule."""
        require(caller, "config:write")
        workflow = await self._checked(caller, draft)
        now = self._clock.now()
        rule = SavedRule(
            id=new_id("rul"),
            tenant_id=caller.tenant_id,
            workflow_name=workflow.workflow_name,
            status="draft",
            version=1,
            approved_version=None,
            note="",
            created_at=now,
            updated_at=now,
            updated_by=caller.actor,
        )
        version = self._version(caller, draft, 1, None)
        entry = self._entry(rule.id, "rule.created", None, rule, request_id)
        await self._store.add_rule(caller, rule, version, entry)
        self._announce(caller, "rule.created", rule)
        return KeptRule(rule=rule, version=version)

    async def revise(
        self,
        caller: Caller,
        rule_id: str,
        draft: Draft,
        *,
        expected: int | None = None,
        request_id: str | None = None,
    ) -> KeptRule:
        """Save a new version, which is a draft again; what was approved stays approved until it is too.

        `expected` is the version that the caller has seen. Raises PermissionDenied, RuleNotFound, InvalidRule
        and Conflict.
        """
        require(caller, "config:write")
        workflow = await self._checked(caller, draft)
        before = await self._get(caller, rule_id)
        if expected is not None and expected != before.version:
            raise _changed_meanwhile()
        return await self._advance(
            caller, before, draft, workflow, before.version, "rule.revised", request_id
        )

    async def undo(self, caller: Caller, rule_id: str, *, request_id: str | None = None) -> KeptRule:
        """Go back to the version before, as a new version: nothing is lost, and undoing may be repeated.

        Raises PermissionDenied, RuleNotFound, NothingToUndo and Conflict.
        """
        require(caller, "config:write")
        before = await self._get(caller, rule_id)
        newest = await self._get_version(caller, rule_id, before.version)
        if newest.follows is None:
            raise NothingToUndo("This is the rule's first version; there is nothing before it.")
        older = await self._get_version(caller, rule_id, newest.follows)
        draft = Draft(
            workflow=older.workflow,
            intent=older.intent,
            method=older.method,
            model=older.model,
            tests=older.tests,
        )
        workflow = workflow_from(older.workflow)
        return await self._advance(caller, before, draft, workflow, older.follows, "rule.undone", request_id)

    async def approve(
        self,
        caller: Caller,
        rule_id: str,
        version: int,
        note: str = "",
        *,
        request_id: str | None = None,
    ) -> KeptRule:
        """Approve a version, if its tests pass and the catalogue of today still has all it uses.

        Raises PermissionDenied, RuleNotFound, InvalidRule, RuleTestsFailed and Conflict.
        """
        require(caller, "config:write")
        before = await self._get(caller, rule_id)
        chosen = await self._get_version(caller, rule_id, version)
        workflow = await self._checked(caller, Draft(workflow=chosen.workflow))
        outcomes = await asyncio.to_thread(run_tests, workflow, chosen.tests)
        failed = [outcome for outcome in outcomes if not outcome.passed]
        if failed:
            first = failed[0]
            raise RuleTestsFailed(
                f"{len(failed)} of {len(outcomes)} tests of the rule fail: {first.name}. {first.message}",
                problems=[{"test": each.name, "message": each.message} for each in failed],
            )
        is_newest = version == before.version
        after = replace(
            before,
            approved_version=version,
            status="approved" if is_newest else before.status,
            note=_checked_note(note),
        )
        return await self._settle(caller, before, after, chosen, "rule.approved", request_id)

    async def reject(
        self, caller: Caller, rule_id: str, note: str = "", *, request_id: str | None = None
    ) -> KeptRule:
        """Reject the newest version; if it had been approved, it is not any more.

        Raises PermissionDenied, RuleNotFound and Conflict.
        """
        require(caller, "config:write")
        before = await self._get(caller, rule_id)
        newest = await self._get_version(caller, rule_id, before.version)
        approved = None if before.approved_version == before.version else before.approved_version
        after = replace(before, status="rejected", approved_version=approved, note=_checked_note(note))
        return await self._settle(caller, before, after, newest, "rule.rejected", request_id)

    async def delete(self, caller: Caller, rule_id: str, *, request_id: str | None = None) -> None:
        """Delete a rule with all its versions. Raises PermissionDenied and RuleNotFound."""
        require(caller, "config:write")
        entry = self._entry(rule_id, "rule.deleted", None, None, request_id)
        if not await self._store.delete_rule(caller, rule_id, entry):
            raise _not_found()

    async def get(self, caller: Caller, rule_id: str, version: int | None = None) -> KeptRule:
        """A rule, and its newest version or the one asked for. Raises PermissionDenied and RuleNotFound."""
        require_reader(caller)
        rule = await self._get(caller, rule_id)
        return KeptRule(rule=rule, version=await self._get_version(caller, rule_id, version or rule.version))

    async def list_rules(
        self, caller: Caller, *, after: str = "", limit: int = 50, status: RuleStatus | None = None
    ) -> list[KeptRule]:
        """A page of the tenant's rules, oldest first, behind the id `after`. Raises PermissionDenied."""
        require_reader(caller)
        found = await self._store.list_rules(caller, after, _checked_limit(limit), status)
        return [KeptRule(rule=rule, version=version) for rule, version in found]

    async def search(
        self,
        caller: Caller,
        words: str = "",
        *,
        status: RuleStatus | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[ListedRule]:
        """A page of the rules whose names hold `words`, newest first, each checked against the catalogue.

        `before` is the id of the last rule of the page before. Raises PermissionDenied and InvalidRequest.
        """
        require_reader(caller)
        if "\0" in words:
            raise InvalidRequest("A name has no such characters.", param="q")
        found = await self._store.search_rules(caller, words.strip(), status, before, _checked_limit(limit))
        capabilities = await self._capabilities.get(caller)

        def judged() -> list[ListedRule]:
            listed = []
            for rule, version in found:
                checked = check_workflow(version.workflow, capabilities.catalogue, version.intent)
                listed.append(
                    ListedRule(
                        rule=rule, version=version, problems=checked.problems, warnings=checked.warnings
                    )
                )
            return listed

        return await asyncio.to_thread(judged)

    async def list_versions(
        self, caller: Caller, rule_id: str, *, before: int | None = None, limit: int = 50
    ) -> list[RuleVersion]:
        """A page of a rule's versions, newest first. Raises PermissionDenied and RuleNotFound."""
        require_reader(caller)
        await self._get(caller, rule_id)
        return await self._store.list_versions(caller, rule_id, before, _checked_limit(limit))

    async def note_replay(
        self, caller: Caller, rule_id: str, version: int, outcome: Mapping[str, Any]
    ) -> None:
        """Remember when a rule would have fired last over a history, for the list of rules.

        Who may only read changes nothing by trying.
        """
        if not caller.may("config:write"):
            return
        fired = [rule["last_at"] for rule in outcome["rules"] if rule["last_at"] is not None]
        replay = {
            "version": version,
            "replayed_at": self._clock.now().isoformat(),
            "events": outcome["events"],
            "fires": sum(rule["fires"] for rule in outcome["rules"]),
            "last_at": max(fired, default=None),
        }
        await self._store.note_replay(caller, rule_id, replay)

    async def test(self, caller: Caller, rule_id: str, version: int | None = None) -> list[TestOutcome]:
        """Run the tests that travel with a rule. Raises PermissionDenied and RuleNotFound."""
        kept = await self.get(caller, rule_id, version)
        workflow = workflow_from(kept.version.workflow)
        return await asyncio.to_thread(run_tests, workflow, kept.version.tests)

    async def _advance(
        self,
        caller: Caller,
        before: SavedRule,
        draft: Draft,
        workflow: WorkflowRules,
        follows: int | None,
        action: str,
        request_id: str | None,
    ) -> KeptRule:
        if before.version >= MOST_VERSIONS:
            raise InvalidRequest(f"A rule has at most {MOST_VERSIONS:,} versions. Save it as a new one.")
        version = self._version(caller, draft, before.version + 1, follows)
        after = replace(
            before,
            workflow_name=workflow.workflow_name,
            version=version.version,
            status="draft",
            note="",
        )
        after = self._touched(caller, before, after)
        entry = self._entry(before.id, action, before, after, request_id)
        if not await self._store.change_rule(caller, before, after, version, entry):
            raise _changed_meanwhile()
        self._announce(caller, action, after)
        return KeptRule(rule=after, version=version)

    async def _settle(
        self,
        caller: Caller,
        before: SavedRule,
        after: SavedRule,
        version: RuleVersion,
        action: str,
        request_id: str | None,
    ) -> KeptRule:
        after = self._touched(caller, before, after)
        entry = self._entry(before.id, action, before, after, request_id)
        if not await self._store.change_rule(caller, before, after, None, entry):
            raise _changed_meanwhile()
        self._announce(caller, action, after)
        return KeptRule(rule=after, version=version)

    def _touched(self, caller: Caller, before: SavedRule, after: SavedRule) -> SavedRule:
        at = max(self._clock.now(), before.updated_at + _TICK)
        return replace(after, updated_at=at, updated_by=caller.actor)

    async def _checked(self, caller: Caller, draft: Draft) -> WorkflowRules:
        if len(draft.intent) > LONGEST_INTENT or "\0" in draft.intent:
            raise InvalidRequest(f"An intent has at most {LONGEST_INTENT:,} characters.", param="intent")
        capabilities = await self._capabilities.get(caller)
        checked = await asyncio.to_thread(check_workflow, draft.workflow, capabilities.catalogue)
        if checked.workflow is None:
            raise invalid_rule(checked.problems, "workflow_rules")
        return checked.workflow

    def _version(self, caller: Caller, draft: Draft, number: int, follows: int | None) -> RuleVersion:
        return RuleVersion(
            version=number,
            workflow=draft.workflow,
            intent=draft.intent,
            method=draft.method,
            model=draft.model,
            tests=checked_tests(draft.tests),
            created_at=self._clock.now(),
            created_by=caller.actor,
            follows=follows,
        )

    async def _get(self, caller: Caller, rule_id: str) -> SavedRule:
        rule = await self._store.find_rule(caller, rule_id)
        if rule is None:
            raise _not_found()
        return rule

    async def _get_version(self, caller: Caller, rule_id: str, version: int) -> RuleVersion:
        found = await self._store.find_version(caller, rule_id, version)
        if found is None:
            raise RuleNotFound(f"This rule has no version {version}. List its versions.", version=version)
        return found

    def _entry(
        self,
        rule_id: str,
        action: str,
        before: SavedRule | None,
        after: SavedRule | None,
        request_id: str | None,
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing="rule",
            thing_id=rule_id,
            before=None if before is None else _audited(before),
            after=None if after is None else _audited(after),
            request_id=request_id,
        )

    def _announce(self, caller: Caller, action: str, rule: SavedRule) -> None:
        _log.info(action, tenant=caller.tenant_id, rule=rule.id, version=rule.version)


def _audited(rule: SavedRule) -> dict[str, object]:
    names = ("workflow_name", "status", "version", "approved_version", "note")
    return {name: getattr(rule, name) for name in names}


def _checked_note(note: str) -> str:
    if len(note) > _LONGEST_NOTE or "\0" in note:
        raise InvalidRequest(f"A note has at most {_LONGEST_NOTE:,} characters.", param="note")
    return note


def _checked_limit(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
    return limit


def _not_found() -> RuleNotFound:
    return RuleNotFound("There is no such rule. List the rules.")


def _changed_meanwhile() -> Conflict:
    return Conflict("Somebody changed this rule meanwhile. Read it again, then decide.")
