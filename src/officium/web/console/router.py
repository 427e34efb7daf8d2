"""The console's routes, in one place."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from fastapi import HTTPException, Request, Response

from officium.core.llm.deployment import Provider
from officium.core.tenancy.caller import Caller
from officium.kit.errors import NotFound
from officium.web.api.cashflow import Cashflow
from officium.web.api.cashflow_deals import Deals
from officium.web.api.completions import CompletionGateway
from officium.web.api.model_rules import ModelRules
from officium.web.api.prompt_experiments import Experiments
from officium.web.api.prompt_files import PromptFiles
from officium.web.api.prompts import PromptService
from officium.web.api.writer import Writer
from officium.web.console.assets import Assets
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.identity import Identities, identity_router
from officium.web.console.languages import People, add_language_route
from officium.web.console.pages import settings
from officium.web.console.pages.advisors import Advisers, Conversations, add_advisors_page
from officium.web.console.pages.aliases import Aliases, add_aliases_page
from officium.web.console.pages.allowed_models import Policies, add_allowed_models_page
from officium.web.console.pages.audit import AuditEntries, NamesOf, add_audit_page
from officium.web.console.pages.board import Board, add_board_page
from officium.web.console.pages.budgets import BudgetParts, add_budgets_page
from officium.web.console.pages.business import Businesses, add_business_page
from officium.web.console.pages.cashflow import CashflowPages, ShownOutlooks, add_cashflow_page
from officium.web.console.pages.cashflow_customers import add_cashflow_customers
from officium.web.console.pages.cashflow_deals import add_cashflow_deals
from officium.web.console.pages.cashflow_files import add_cashflow_files
from officium.web.console.pages.cashflow_proof import add_cashflow_proof
from officium.web.console.pages.clients import Clients, Credits, add_clients_page
from officium.web.console.pages.decisions import Decisions, add_decisions_page
from officium.web.console.pages.exports import Exports, add_exports_page
from officium.web.console.pages.first_question import QuestionParts, add_first_question
from officium.web.console.pages.first_steps import (
    DefaultConfigs,
    FirstSteps,
    FirstStepsParts,
    Guides,
    add_first_steps,
)
from officium.web.console.pages.home import add_home_route
from officium.web.console.pages.keys import Keys, add_keys_page
from officium.web.console.pages.members import Clients as MembersClients
from officium.web.console.pages.members import Members, add_members_page
from officium.web.console.pages.model_desk import ModelDesk
from officium.web.console.pages.model_rules import add_model_rules_page
from officium.web.console.pages.overview import Attention, OverviewPage, Overviews, add_overview_files
from officium.web.console.pages.overview import Clients as NamedClients
from officium.web.console.pages.overview_widgets import ExhaustedWidgets, Gaps, WidgetAttention
from officium.web.console.pages.prices import Prices, UnpricedModels, add_prices_page
from officium.web.console.pages.prompt_editor import add_prompt_editor
from officium.web.console.pages.prompt_trials import add_prompt_trials
from officium.web.console.pages.prompts import Colleagues, PromptPages, add_prompt_pages
from officium.web.console.pages.providers import Catalogue, Checks, add_providers_page
from officium.web.console.pages.request_contents import Contents, Models, Replays, add_request_contents
from officium.web.console.pages.request_replay import add_replay_stream
from officium.web.console.pages.requests import Searches, add_requests_page
from officium.web.console.pages.rules import RulesParts, Studio, add_rules_pages
from officium.web.console.pages.rules_desk import add_rule_desk
from officium.web.console.pages.rules_tries import add_rule_tries
from officium.web.console.pages.settings import OwnErasure, OwnTenant, add_settings_page
from officium.web.console.pages.widgets import WidgetServices, add_widget_pages
from officium.web.console.pages.writer import add_writer_page
from officium.web.console.pages.writer_learning import add_writer_batch, add_writer_learning
from officium.web.console.sign_in import SignIns, add_account_routes, sign_in_router
from officium.web.console.signed_in import signed_in_router
from officium.web.lazy_routes import LazyRouter

_FOR_EVER = "public, max-age=31536000, immutable"


class ConsolePeople(People, settings.People, Guides, Protocol):
    """What the pages ask about whoever reads them."""


class ConsoleClients(Clients, MembersClients, NamedClients, ExhaustedWidgets, Protocol):
    """What they ask of an agency's clients."""


class ConsoleConversations(Conversations, settings.Retention, Protocol):
    """What the pages ask of conversations."""


@dataclass(frozen=True, kw_only=True)
class ConsoleParts:
    """What the console is built from."""

    sign_ins: SignIns
    identities: Identities | None
    public_url: str | None
    people: ConsolePeople
    members: Members
    keys: Keys
    audit: AuditEntries
    own_tenant: OwnTenant
    own_erasure: OwnErasure
    gateway: CompletionGateway
    providers: Collection[Provider]
    available_providers: Callable[[Caller], Awaitable[Collection[str]]]
    advisers: Advisers
    conversations: ConsoleConversations
    businesses: Businesses
    rules: RulesParts
    widgets: WidgetServices
    board: Board
    decisions: Decisions
    clients: ConsoleClients
    credits: Credits
    budgets: BudgetParts
    prompts: PromptService
    prompt_files: PromptFiles
    experiments: Experiments
    colleagues: Colleagues
    writer: Writer
    heartbeat_s: float
    cashflow: Cashflow
    outlooks: ShownOutlooks
    deals: Deals
    overviews: Overviews
    attention: Attention
    gaps: Gaps
    searches: Searches
    contents: Contents
    replays: Replays
    models: Models
    configs: DefaultConfigs
    checks: Checks
    catalogue: Catalogue
    aliases: Aliases
    policies: Policies
    model_rules: ModelRules
    prices: Prices
    unpriced: UnpricedModels
    exports: Exports


def console_router(parts: ConsoleParts) -> LazyRouter:
    """Every page, and the files they need."""
    assets = Assets()
    frame = Frame(assets)
    closed = signed_in_router(parts.sign_ins, frame)
    _add_start(closed, parts, frame)
    add_requests_page(closed, parts.searches, parts.contents, frame)
    add_request_contents(closed, parts.contents, parts.replays, parts.models, parts.searches, frame)
    add_replay_stream(closed, parts.replays, parts.searches, parts.heartbeat_s, frame)
    _add_models(closed, parts, frame)
    add_providers_page(
        closed,
        parts.configs,
        parts.checks,
        parts.catalogue,
        parts.aliases,
        tuple(parts.providers),
        frame,
    )
    add_account_routes(closed, parts.sign_ins, frame, has_provider=parts.identities is not None)
    add_language_route(closed, parts.people)
    add_advisors_page(closed, parts.advisers, parts.conversations, parts.businesses, parts.heartbeat_s, frame)
    add_business_page(closed, parts.businesses, frame)
    studio = Studio(parts.rules, frame)
    add_rules_pages(closed, studio)
    add_rule_tries(closed, studio)
    add_rule_desk(closed, studio)
    cashflow = CashflowPages(parts.cashflow, parts.outlooks, parts.deals, frame)
    for add in (add_cashflow_page, add_cashflow_deals, add_cashflow_files, add_cashflow_proof):
        add(closed, cashflow)
    add_cashflow_customers(closed, cashflow)
    add_widget_pages(closed, parts.widgets, frame)
    add_board_page(closed, parts.board, frame)
    add_decisions_page(closed, parts.decisions, parts.businesses, frame)
    add_clients_page(closed, parts.clients, parts.credits, frame)
    add_budgets_page(closed, parts.budgets, frame)
    prompts = PromptPages(parts.prompts, parts.colleagues, frame)
    add_prompt_editor(closed, prompts, parts.prompt_files)
    add_prompt_pages(closed, prompts)
    add_prompt_trials(closed, prompts, parts.experiments)
    add_writer_page(closed, parts.writer, parts.deals, frame)
    add_writer_batch(closed, parts.writer, parts.deals, parts.heartbeat_s, frame)
    add_writer_learning(closed, parts.writer, frame)
    add_keys_page(closed, parts.keys, frame)
    add_members_page(closed, parts.members, parts.clients, frame)
    add_audit_page(closed, parts.audit, NamesOf(parts.members, parts.keys), frame)
    add_settings_page(
        closed,
        parts.people,
        parts.own_tenant,
        parts.own_erasure,
        parts.conversations,
        parts.contents,
        parts.exports,
        frame,
        parts.identities,
    )
    add_exports_page(closed, parts.exports, frame)

    @closed.get("/console/{rest:path}")
    async def nothing(request: Request, rest: str) -> Response:
        if not rest:
            return redirect("/console")
        raise NotFound("The address may be mistyped, or what was here is gone.")

    router = LazyRouter(include_in_schema=False)
    router.include_router(_open_router(assets))
    router.include_router(sign_in_router(parts.sign_ins, frame, parts.identities))
    if parts.identities is not None:
        router.include_router(identity_router(parts.identities, parts.sign_ins, frame, parts.public_url))
    router.include_router(closed)
    return router


def _add_start(closed: LazyRouter, parts: ConsoleParts, frame: Frame) -> None:
    """The overview, and the first steps that lead to it."""
    steps = FirstStepsParts(
        configs=parts.configs,
        checks=parts.checks,
        keys=parts.keys,
        widgets=parts.widgets,
        overviews=parts.overviews,
        people=parts.people,
        providers=tuple(parts.providers),
        available_providers=parts.available_providers,
    )
    question = QuestionParts(
        gateway=parts.gateway,
        attempts=parts.searches,
        available_providers=parts.available_providers,
        providers=tuple(parts.providers),
        heartbeat_s=parts.heartbeat_s,
    )
    first_steps = FirstSteps(steps, frame)
    widgets = WidgetAttention(parts.clients, parts.gaps)
    overview = OverviewPage(parts.overviews, parts.attention, widgets, parts.clients, frame)
    add_home_route(closed, overview, first_steps)
    add_overview_files(closed, overview)
    add_first_steps(closed, first_steps)
    add_first_question(closed, question, frame)


def _add_models(closed: LazyRouter, parts: ConsoleParts, frame: Frame) -> None:
    """Prices, names and allowed models. They come before the providers, whose ids stand in the same place."""
    desk = ModelDesk(tuple(parts.providers), parts.colleagues, frame)
    add_prices_page(closed, parts.prices, parts.unpriced, desk)
    add_aliases_page(closed, parts.aliases, desk)
    add_model_rules_page(closed, parts.model_rules, desk)
    add_allowed_models_page(closed, parts.policies, parts.keys, parts.members, desk)


def _open_router(assets: Assets) -> LazyRouter:
    router = LazyRouter(include_in_schema=False)

    @router.get("/")
    async def root() -> Response:
        return redirect("/console")

    @router.get("/console/assets/{name}")
    async def asset(request: Request, name: str) -> Response:
        found = assets.find(name)
        if found is None:
            raise HTTPException(404)
        headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return guarded(Response(found.gzipped, headers=headers, media_type=found.media_type))
        return guarded(Response(found.body, headers=headers, media_type=found.media_type))

    return router
