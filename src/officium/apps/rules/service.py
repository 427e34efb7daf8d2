"""What a caller may ask of the rules room: make, refine, check and try rules."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.rules.capabilities import Capabilities, CapabilityService
from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.check import Checked, check_workflow
from officium.apps.rules.description import describe_workflow
from officium.apps.rules.difference import difference
from officium.apps.rules.errors import InvalidRule, RuleNotUnderstood
from officium.apps.rules.generation import Generator, Task, Written
from officium.apps.rules.problem import Problem, problem_json
from officium.apps.rules.relevance import Part, names_of
from officium.apps.rules.rule import workflow_from
from officium.apps.rules.saved_rule import Method
from officium.apps.rules.templates import NotUnderstood, TemplateRule, write_by_template
from officium.apps.rules.untouched import keep_untouched
from officium.core.config import NoDefaultConfig
from officium.core.gateway import CallContext
from officium.core.gateway.errors import ProviderNotConfigured
from officium.core.tenancy import Caller, require
from officium.kit.errors import InvalidRequest, OfficiumError

LONGEST_INTENT = 4_000
MOST_INTENTS = 50
DEFAULT_MODEL = "default"
_SCRIPTED = "mock"
_AT_ONCE = 4
"""As many intents of a batch are with a model at a time."""

_COMPARISONS_AT_ONCE = 2
"""As many comparisons may keep processors busy."""

Way = Literal["auto", "model", "template"]
"""Who is to write: a model where one is configured and the grammar else; always one of them."""

_log = structlog.get_logger("rules")


class Options(Struct, frozen=True, kw_only=True):
    """How rules are to be written."""

    way: Way = "auto"
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None


class CatalogueUsed(Struct, frozen=True, kw_only=True):
    """What of the catalogue was chosen from, and how much there was."""

    source: str
    is_all: bool
    triggers: Sequence[str]
    condition_types: Sequence[str]
    action_types: Sequence[str]
    of_triggers: int
    of_condition_types: int
    of_action_types: int


class Made(Struct, frozen=True, kw_only=True):
    """Rules that were made and checked, and how they came to be."""

    workflow_rules: Mapping[str, Any]
    model_used: str
    tokens_used: int
    generation_time_ms: int
    method: Method
    corrections: int
    description: str
    warnings: Sequence[Problem]
    notes: Sequence[str]
    catalogue_used: CatalogueUsed
    difference: Mapping[str, Any] | None = None
    """What is done differently now, where rules were refined."""


class Failure(Struct, frozen=True, kw_only=True):
    """An intent of a batch of which nothing came."""

    error: OfficiumError


class Batch(Struct, frozen=True, kw_only=True):
    """What became of each intent, in their order."""

    intents: Sequence[str]
    outcomes: Sequence[Made | Failure]
    generation_time_ms: int


class RuleService:
    """Makes rules and judges them. `is_on` false asks no model at all."""

    def __init__(self, capabilities: CapabilityService, generator: Generator, *, is_on: bool = True) -> None:
        self._capabilities = capabilities
        self._generator = generator
        self._is_on = is_on
        self._turns = asyncio.Semaphore(_COMPARISONS_AT_ONCE)

    async def generate(
        self,
        caller: Caller,
        intent: str,
        context: Mapping[str, Any] | None = None,
        *,
        options: Options | None = None,
        request_id: str = "",
    ) -> Made:
        """Rules for a sentence, out of the catalogue `context` or the tenant's own.

        Raises PermissionDenied, InvalidCatalogue, RuleNotUnderstood, RuleNotPossible, RuleNotGenerated and
        what calling a model raises.
        """
        require(caller, "inference")
        _check_intent(intent)
        capabilities = await self._capabilities.of_request(caller, context)
        return await self._make(caller, intent, capabilities, options or Options(), request_id)

    async def generate_batch(
        self,
        caller: Caller,
        intents: Sequence[str],
        context: Mapping[str, Any] | None = None,
        *,
        options: Options | None = None,
        request_id: str = "",
    ) -> Batch:
        """Rules for several sentences over one catalogue: each is made or fails by itself.

        An intent that stands there twice is made once. Raises PermissionDenied, InvalidCatalogue and
        InvalidRequest.
        """
        require(caller, "inference")
        if not 1 <= len(intents) <= MOST_INTENTS:
            raise InvalidRequest(f"Send 1 to {MOST_INTENTS} intents.", param="intents")
        started = time.perf_counter()
        capabilities = await self._capabilities.of_request(caller, context)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(intent: str) -> Made | Failure:
            try:
                _check_intent(intent)
                async with turns:
                    return await self._make(caller, intent, capabilities, options or Options(), request_id)
            except OfficiumError as error:
                return Failure(error=error)

        distinct = list(dict.fromkeys(intents))
        async with asyncio.TaskGroup() as group:
            tasks = {intent: group.create_task(one(intent)) for intent in distinct}
        return Batch(
            intents=tuple(intents),
            outcomes=[tasks[intent].result() for intent in intents],
            generation_time_ms=_ms_since(started),
        )

    async def refine(
        self,
        caller: Caller,
        current: Mapping[str, Any],
        feedback: str,
        context: Mapping[str, Any] | None = None,
        *,
        options: Options | None = None,
        request_id: str = "",
    ) -> Made:
        """The rules changed as `feedback` says; those it does not speak of stay byte for byte.

        Raises InvalidRule where `current` is not right itself, and as `generate`.
        """
        require(caller, "inference")
        _check_intent(feedback)
        capabilities = await self._capabilities.of_request(caller, context)
        checked = await asyncio.to_thread(check_workflow, current, capabilities.catalogue)
        if checked.workflow is None:
            raise invalid_rule(checked.problems, "current_rules")
        options = options or Options()
        if options.way == "template" or not await self._may_ask(caller, options):
            raise RuleNotUnderstood(
                "Changing rules by talking takes a model. Configure one, or change the rule itself."
            )
        written = await self._write(caller, feedback, capabilities, options, request_id, current)
        kept = keep_untouched(current, written.said)
        made = await self._made(caller, written, kept, capabilities)
        before, after = checked.workflow, workflow_from(kept)
        async with self._turns:
            changes = await asyncio.to_thread(difference, before, after, capabilities.catalogue)
        return replace(made, difference=changes)

    async def has_model(self, caller: Caller) -> bool:
        """Whether a model would be asked where nobody says who is to write."""
        return await self._may_ask(caller, Options())

    async def check(
        self,
        caller: Caller,
        workflow: object,
        context: Mapping[str, Any] | None = None,
        intent: str = "",
    ) -> tuple[Checked, str]:
        """What is wrong or odd about a workflow, and what it says in words. Raises PermissionDenied."""
        capabilities = await self._capabilities.of_request(caller, context)
        return await asyncio.to_thread(_check_and_describe, workflow, capabilities.catalogue, intent)

    async def _make(
        self, caller: Caller, intent: str, capabilities: Capabilities, options: Options, request_id: str
    ) -> Made:
        if options.way == "template" or not await self._may_ask(caller, options):
            return await self._by_template(caller, intent, capabilities, options)
        written = await self._write(caller, intent, capabilities, options, request_id)
        return await self._made(caller, written, written.said, capabilities)

    async def _may_ask(self, caller: Caller, options: Options) -> bool:
        """Whether a model is to be asked.

        The scripted provider is nobody's model: it is asked only by its name, and its rules say so. Raises
        what finding a model raises, where one was named or nothing but a model will do.
        """
        if not self._is_on:
            if options.way == "model":
                raise RuleNotUnderstood("The operator has turned models off for rules.")
            return False
        if options.model is not None or options.way == "model":
            return True
        try:
            deployments = await self._generator.deployments(caller, DEFAULT_MODEL)
        except (NoDefaultConfig, ProviderNotConfigured):
            return False
        return deployments[0].provider.name != _SCRIPTED

    async def _by_template(
        self, caller: Caller, intent: str, capabilities: Capabilities, options: Options
    ) -> Made:
        started = time.perf_counter()
        try:
            template, checked, description = await asyncio.to_thread(
                _write_and_check, intent, capabilities.catalogue
            )
        except NotUnderstood as error:
            if options.way == "auto" and self._is_on:
                await self._generator.deployments(caller, DEFAULT_MODEL)  # says that none is configured
            raise RuleNotUnderstood(
                f"Without a model only plain sentences are understood, and this one is not: {error.message} "
                "Say it like `alert the team when cpu is above 80 % for 5 minutes`, or configure a model."
            ) from error
        if checked.workflow is None:
            raise invalid_rule(checked.problems, "user_intent")
        catalogue = capabilities.catalogue
        whole = Part(
            catalogue, len(catalogue.triggers), len(catalogue.condition_types), len(catalogue.action_types)
        )
        _log.info("rules.made", tenant=caller.tenant_id, method="template")
        return Made(
            workflow_rules=template.said,
            model_used="template",
            tokens_used=0,
            generation_time_ms=_ms_since(started),
            method="template",
            corrections=0,
            description=description,
            warnings=checked.warnings,
            notes=template.notes,
            catalogue_used=_used(whole, capabilities),
        )

    async def _write(
        self,
        caller: Caller,
        intent: str,
        capabilities: Capabilities,
        options: Options,
        request_id: str,
        current: Mapping[str, Any] | None = None,
    ) -> Written:
        task = Task(
            intent=intent,
            catalogue=capabilities.catalogue,
            model=options.model or DEFAULT_MODEL,
            current=current,
            temperature=options.temperature,
            max_tokens=options.max_tokens,
        )
        context = CallContext(request_id=request_id, user=caller.member_id)
        return await self._generator.write(caller, task, context)

    async def _made(
        self, caller: Caller, written: Written, workflow: Mapping[str, Any], capabilities: Capabilities
    ) -> Made:
        assert written.checked.workflow is not None
        description = describe_workflow(written.checked.workflow, capabilities.catalogue)
        method: Method = "scripted" if written.provider == _SCRIPTED else "model"
        notes = list(written.notes)
        if method == "scripted":
            notes.append("These rules come from the scripted provider, which is no model.")
        _log.info(
            "rules.made",
            tenant=caller.tenant_id,
            method=method,
            model=written.model,
            corrections=written.corrections,
        )
        return Made(
            workflow_rules=workflow,
            model_used=written.model,
            tokens_used=written.tokens,
            generation_time_ms=written.duration_ms,
            method=method,
            corrections=written.corrections,
            description=description,
            warnings=written.checked.warnings,
            notes=notes,
            catalogue_used=_used(written.part, capabilities),
        )


def invalid_rule(problems: Sequence[Problem], param: str) -> InvalidRule:
    """The error that lists what is wrong with a workflow."""
    more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
    return InvalidRule(
        f"These rules cannot be used. {problems[0].line()}{more}",
        param=param,
        problems=[problem_json(problem) for problem in problems],
    )


def _check_intent(intent: str) -> None:
    if not intent.strip() or len(intent) > LONGEST_INTENT or "\0" in intent:
        raise InvalidRequest(
            f"Say what is wanted in 1 to {LONGEST_INTENT:,} characters.", param="user_intent"
        )


def _write_and_check(intent: str, catalogue: Catalogue) -> tuple[TemplateRule, Checked, str]:
    template = write_by_template(intent, catalogue)
    checked, description = _check_and_describe(template.said, catalogue, intent)
    return template, checked, description


def _check_and_describe(workflow: object, catalogue: Catalogue, intent: str) -> tuple[Checked, str]:
    checked = check_workflow(workflow, catalogue, intent)
    if checked.workflow is None:
        return checked, ""
    return checked, describe_workflow(checked.workflow, catalogue)


def _used(part: Part, capabilities: Capabilities) -> CatalogueUsed:
    chosen = part.catalogue
    return CatalogueUsed(
        source=capabilities.source,
        is_all=part.is_all,
        triggers=names_of(chosen.triggers),
        condition_types=names_of(chosen.condition_types),
        action_types=names_of(chosen.action_types),
        of_triggers=part.of_triggers,
        of_condition_types=part.of_facts,
        of_action_types=part.of_actions,
    )


def _ms_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
