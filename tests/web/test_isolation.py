"""No route is open to strangers, and none shows a tenant what is another's.

Every route of the app has an entry here, by which it is tried as a stranger, as its owner, with too few
scopes and as another tenant. A route without an entry fails the first test: write one, and say in it what a
tenant could have that another must not see.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from officium.apps.personas.comparisons import Comparison, ComparisonStore
from officium.apps.personas.decisions import Decision, DecisionStore
from officium.apps.rules import RuleStore
from officium.apps.rules.saved_rule import RuleVersion, SavedRule
from officium.apps.writer.draft import Draft
from officium.apps.writer.store import DraftStore
from officium.apps.writer.style import StyleRule
from officium.core.config import ConfigDraft, ConfigStore
from officium.core.config.llm_config import make_config
from officium.core.conversations import owner_of
from officium.core.prompts.experiments import Experiment, Variant
from officium.core.prompts.experiments.store import ExperimentStore
from officium.core.tenancy import SCOPES, AuditEntry, operator_of
from officium.core.usage.alerts import Destination, DestinationStore
from officium.core.usage.budgets import BudgetStore
from officium.core.usage.ledger.budget import Budget, Subject
from officium.kit.clock import SystemClock
from officium.kit.database import Database
from officium.kit.secrets import ServerSecret
from officium.main import build_key_ring, known_providers
from officium.web.tiers import TIERS
from tests.support.house import House, Resident, open_house
from tests.support.mail import Mailbox, mail_server
from tests.support.web import Reply, all_routes, ask

OPEN = {
    ("GET", "/health"),
    ("HEAD", "/health"),
    ("GET", "/health/ready"),
    ("HEAD", "/health/ready"),
    ("GET", "/docs"),
    ("GET", "/docs/start.js"),
    ("GET", "/docs/{name}"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
    ("GET", "/widget.js"),
    ("HEAD", "/widget.js"),
    ("GET", "/widget/texts/{language}.json"),
}
"""What anybody may see: it is the same for everybody and tells of no tenant."""
GUIDE = {("GET", "/guide"), ("GET", "/guide/{path}")}
"""The documentation, where it was built: files, the same for everybody. `test_guide.py` tries them."""
CONSOLE = {route for route in TIERS if route[1] == "/" or route[1].startswith("/console")}
"""Pages for people: no key opens them. They have tests of their own, in `tests/web/console`."""
_PUBLIC = "/api/chat-widget/public/widget/{widgetKey}"
VISITORS = {
    ("POST", f"{_PUBLIC}/conversations/{{conversationId}}/person"),
    ("GET", f"{_PUBLIC}/conversations/{{conversationId}}/events"),
    ("GET", f"{_PUBLIC}/config"),
    ("POST", f"{_PUBLIC}/session"),
    ("POST", f"{_PUBLIC}/message"),
    ("POST", f"{_PUBLIC}/message/stream"),
    ("GET", f"{_PUBLIC}/conversations/{{conversationId}}"),
    ("POST", f"{_PUBLIC}/messages/{{messageId}}/feedback"),
    ("POST", f"{_PUBLIC}/lead"),
    ("POST", f"{_PUBLIC}/consent"),
    ("GET", f"{_PUBLIC}/visitor"),
    ("DELETE", f"{_PUBLIC}/visitor"),
}
"""What pages ask for their visitors: tried by strangers in `tests/web/api/test_widget_visitors.py`."""
METRICS = ("GET", "/metrics")
"""Not for tenants at all; it has its own tests below."""

ALIAS = "fast"
TARGET = "alpha-target"
USER = "alpha-user"
REQUEST = "alpha-request"
PRICED = "alpha-priced"
CONFIG = "llc_alpha"
CONFIG_MODEL = "alpha-model"
DESTINATION = "dest_alpha"
ADDRESS = "alpha-address@example.com"
CLIENT = "alpha-client"
WIDGET = "alpha-widget"
SHOP = "https://alpha-shop.example"
"""The page that shows the first tenant's widget."""
VISITED = "alpha-visitor asks for alpha-jam"
QUESTION = "When does alpha-bakery open?"
MODULE = "alpha-crm"
INSIGHT = "alpha-insight"
INDUSTRY = "alpha-industry"
DECISION = "dec_alpha"
DECIDED = "alpha-decision"
COMPARISON = "cmp_alpha"
COMPARED = "mock/alpha-compared"
ASKED = "alpha-question"
DEAL = "alpha-deal"
NOTE = "alpha-note"
CUSTOMER = "alpha-customer"
BUDGET = "bud_alpha"
MEMBER = "alpha-member"
POLICY = "key:alpha-key"
PATTERN = "mock/alpha-models-*"
PROMPT = "alpha.prompt"
WORDING = "Alpha wording."
DRAFT = "drf_alpha"
DRAFTED = "alpha-drafted"
STYLE = "sty_alpha"
EXPERIMENT = "exp_alpha"
CAPABILITY = "ALPHA_ACTION"
RULE = "rul_alpha"
RULE_NAME = "alpha-workflow"
CATALOGUE = {"condition_types": [{"path": "cpu", "type": "number"}], "action_types": ["PING"]}
WORKFLOW = {
    "workflow_name": "w",
    "trigger": "ON_WORKFLOW_START",
    "rules": [{"name": "r", "condition": "$cpu > 80", "then": [{"action": "PING", "params": {}}]}],
}
SECRETS = (
    DRAFTED,
    *(WORDING, PATTERN, TARGET, USER, REQUEST, CONFIG_MODEL, ADDRESS, MEMBER, CLIENT, WIDGET),
    *(INSIGHT, INDUSTRY, DECIDED, ASKED, CAPABILITY, RULE_NAME),
    *(INSIGHT, INDUSTRY, DECIDED, ASKED, QUESTION, VISITED),
    *(INSIGHT, INDUSTRY, DEAL, NOTE, CUSTOMER),
)
"""Words of the first tenant that stand in its aliases, usage log, configuration and alert destination."""

WRITING: dict[str, Any] = {
    "/writer/draft-email": {"recipients": ["john@example.com"], "subject_intent": "Overdue deals"},
    "/writer/draft-reminder": {"about": "Survey checklist"},
    "/writer/summarize-deal": {"deal_title": "Project Alpha"},
    "/writer/analyze-compliance": {"deal_title": "Project Alpha", "required_items": ["Order"]},
    "/writer/analyze-order-received": {"deal_title": "Project Alpha"},
    "/writer/summarize-notes": {"notes": ["Call John."]},
    "/writer/batch-summarize-deals": {"deals": [{"deal_title": "Project Alpha"}]},
    "/writer/digest": {"deals": [{"deal_title": "Project Alpha"}], "max_cost_usd": "0.1"},
    "/writer/check-claims": {"context": {"users": 450}, "text": "There are 450 users."},
}

HELLO = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How to try a route.

    `path` and `body` ask for a thing of the first tenant, who is served. `scopes` are those of which any
    one suffices; without them any key does. `other` is the status for another tenant who asks for the same:
    404, or 200 where it gets only what is its own.
    """

    path: str
    body: Any = None
    scopes: tuple[str, ...]
    other: int


_PAGES = socket.create_server(("127.0.0.1", 0))
_PAGES_PORT = _PAGES.getsockname()[1]
PAGE = f"http://127.0.0.1:{_PAGES_PORT}/faq"
"""A page with questions, where a test has somebody there to serve it."""


ENTRIES: dict[tuple[str, str], Entry] = {
    ("POST", "/v1/chat/completions"): Entry(
        path="/v1/chat/completions",
        body={"model": ALIAS, "messages": HELLO, "user": USER},
        scopes=("inference",),
        other=404,
    ),
    ("POST", "/v1/responses"): Entry(
        path="/v1/responses", body={"model": ALIAS, "input": "Hello"}, scopes=("inference",), other=404
    ),
    ("POST", "/v1/messages"): Entry(
        path="/v1/messages",
        body={"model": ALIAS, "max_tokens": 9, "messages": HELLO},
        scopes=("inference",),
        other=404,
    ),
    ("POST", "/v1/messages/count_tokens"): Entry(
        path="/v1/messages/count_tokens",
        body={"model": ALIAS, "messages": HELLO},
        scopes=("inference",),
        other=404,
    ),
    ("POST", "/v1/embeddings"): Entry(
        path="/v1/embeddings", body={"model": ALIAS, "input": ["Hello"]}, scopes=("inference",), other=404
    ),
    ("GET", "/v1/models"): Entry(path="/v1/models", scopes=("inference",), other=200),
    ("GET", "/v1/models/{id}"): Entry(path=f"/v1/models/{ALIAS}", scopes=("inference",), other=404),
    ("GET", "/providers"): Entry(path="/providers", scopes=(), other=200),
    ("GET", "/api/usage/calls"): Entry(
        path=f"/api/usage/calls?request_id={REQUEST}", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/calls.csv"): Entry(
        path="/api/usage/calls.csv?from=2020-01-01&to=2020-01-02", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/calls/{request_id}/content"): Entry(
        path=f"/api/usage/calls/{REQUEST}/content", scopes=("admin",), other=404
    ),
    ("GET", "/api/usage/log-terms"): Entry(path="/api/usage/log-terms", scopes=("usage:read",), other=200),
    ("PUT", "/api/usage/log-terms"): Entry(
        path="/api/usage/log-terms", body={"contents": "all"}, scopes=("admin",), other=200
    ),
    ("DELETE", "/api/usage/contents"): Entry(path="/api/usage/contents", scopes=("admin",), other=200),
    ("GET", "/api/usage/summary"): Entry(
        path="/api/usage/summary?group_by=model", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/summary.csv"): Entry(
        path="/api/usage/summary.csv?group_by=model", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/usage/providers"): Entry(path="/api/usage/providers", scopes=("usage:read",), other=200),
    ("GET", "/api/usage/tokens-by-tenant"): Entry(
        path="/api/usage/tokens-by-tenant", scopes=("usage:read",), other=200
    ),
    ("GET", "/api/ledger/entries"): Entry(path="/api/ledger/entries", scopes=("usage:read",), other=200),
    ("GET", "/api/budgets"): Entry(path="/api/budgets", scopes=("usage:read",), other=200),
    ("POST", "/api/budgets"): Entry(
        path="/api/budgets",
        body={"subject_kind": "tenant", "unit": "tokens", "period": "total", "limit": 10**9},
        scopes=("admin",),
        other=201,
    ),
    ("GET", "/api/budgets/{id}"): Entry(path=f"/api/budgets/{BUDGET}", scopes=("usage:read",), other=404),
    ("PUT", "/api/budgets/{id}"): Entry(
        path=f"/api/budgets/{BUDGET}", body={"limit": 7}, scopes=("admin",), other=404
    ),
    ("POST", "/api/budgets/{id}/reset"): Entry(
        path=f"/api/budgets/{BUDGET}/reset", scopes=("admin",), other=404
    ),
    ("DELETE", "/api/budgets/{id}"): Entry(path=f"/api/budgets/{BUDGET}", scopes=("admin",), other=404),
    ("GET", "/api/models"): Entry(
        path="/api/models", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("GET", "/api/prices"): Entry(path="/api/prices", scopes=("config:read", "config:write"), other=200),
    ("DELETE", "/api/prices/{provider}/{model}"): Entry(
        path=f"/api/prices/openai/{PRICED}", scopes=("config:write",), other=404
    ),
    ("PUT", "/api/prices/{provider}/{model}"): Entry(
        path=f"/api/prices/openai/{PRICED}",
        body={"input": "1", "output": "4"},
        scopes=("config:write",),
        other=200,
    ),
    ("POST", "/c-suite/{persona}/chat"): Entry(
        path="/c-suite/ceo/chat",
        body={"message": "Hello", "conversationId": 1},
        scopes=("inference",),
        other=404,
    ),
    ("POST", "/chat"): Entry(
        path="/chat", body={"message": "Hello", "conversationId": 1}, scopes=("inference",), other=404
    ),
    ("GET", "/c-suite/answers/{id}/events"): Entry(
        path="/c-suite/answers/2/events", scopes=("inference",), other=404
    ),
    ("POST", "/c-suite/answers/{id}/stop"): Entry(
        path="/c-suite/answers/2/stop", scopes=("inference",), other=404
    ),
    ("POST", "/c-suite/messages/{id}/regenerate"): Entry(
        path="/c-suite/messages/2/regenerate", scopes=("inference",), other=404
    ),
    ("POST", "/c-suite/messages/{id}/edit"): Entry(
        path="/c-suite/messages/1/edit", body={"message": "Hello"}, scopes=("inference",), other=404
    ),
    ("POST", "/c-suite/messages/{id}/select"): Entry(
        path="/c-suite/messages/2/select", scopes=("inference",), other=404
    ),
    ("PUT", "/c-suite/messages/{id}/feedback"): Entry(
        path="/c-suite/messages/2/feedback", body={"rating": "up"}, scopes=("inference",), other=404
    ),
    ("DELETE", "/c-suite/messages/{id}/feedback"): Entry(
        path="/c-suite/messages/2/feedback", scopes=("inference",), other=404
    ),
    ("GET", "/c-suite/conversations"): Entry(path="/c-suite/conversations", scopes=("inference",), other=200),
    ("GET", "/c-suite/conversations/{id}"): Entry(
        path="/c-suite/conversations/1", scopes=("inference",), other=404
    ),
    ("PUT", "/c-suite/conversations/{id}"): Entry(
        path="/c-suite/conversations/1", body={"title": "Prices"}, scopes=("inference",), other=404
    ),
    ("GET", "/c-suite/conversations/{id}/export"): Entry(
        path="/c-suite/conversations/1/export", scopes=("inference",), other=404
    ),
    ("DELETE", "/c-suite/conversations/{id}"): Entry(
        path="/c-suite/conversations/1", scopes=("inference",), other=404
    ),
    ("GET", "/c-suite/tokens"): Entry(path="/c-suite/tokens", scopes=("usage:read",), other=200),
    ("GET", "/c-suite/decisions"): Entry(path="/c-suite/decisions", scopes=("inference",), other=200),
    ("DELETE", "/c-suite/decisions/{id}"): Entry(
        path=f"/c-suite/decisions/{DECISION}", scopes=("config:write",), other=404
    ),
    ("POST", "/c-suite/decisions"): Entry(
        path="/c-suite/decisions",
        body={
            "text": "Bake more",
            "metric": "users",
            "direction": "up",
            "expectedValue": 10,
            "dueOn": "2027-01-01",
        },
        scopes=("inference",),
        other=201,
    ),
    ("GET", "/c-suite/personas"): Entry(
        path="/c-suite/personas", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("PUT", "/c-suite/personas/{persona}"): Entry(
        path="/c-suite/personas/cto", body={"model": "mock"}, scopes=("config:write",), other=200
    ),
    ("DELETE", "/c-suite/personas/{persona}"): Entry(
        path="/c-suite/personas/cto", scopes=("config:write",), other=204
    ),
    ("POST", "/c-suite/{persona}/compare"): Entry(
        path="/c-suite/ceo/compare",
        body={"message": "Hello", "models": ["mock", "mock/long"]},
        scopes=("inference",),
        other=200,
    ),
    ("GET", "/c-suite/comparisons/{id}/events"): Entry(
        path=f"/c-suite/comparisons/{COMPARISON}/events", scopes=("inference",), other=404
    ),
    ("POST", "/c-suite/comparisons/{id}/vote"): Entry(
        path=f"/c-suite/comparisons/{COMPARISON}/vote",
        body={"winner": "a"},
        scopes=("inference",),
        other=404,
    ),
    ("GET", "/c-suite/comparisons/standings"): Entry(
        path="/c-suite/comparisons/standings", scopes=("usage:read",), other=200
    ),
    ("POST", "/c-suite/board/estimate"): Entry(
        path="/c-suite/board/estimate", body={"message": "Hello"}, scopes=("inference",), other=200
    ),
    ("POST", "/c-suite/board/meeting"): Entry(
        path="/c-suite/board/meeting", body={"message": "Hello"}, scopes=("inference",), other=200
    ),
    ("POST", "/c-suite/check"): Entry(
        path="/c-suite/check",
        body={"context": {"users": 4}, "text": "4 users"},
        scopes=("inference",),
        other=200,
    ),
    ("GET", "/api/business-context"): Entry(
        path="/api/business-context", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("GET", "/api/business-context/profile"): Entry(
        path="/api/business-context/profile", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("PUT", "/api/business-context/profile"): Entry(
        path="/api/business-context/profile",
        body={"industry": "Bakery", "goals": ["Bread"]},
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/api/business-context/snapshots"): Entry(
        path="/api/business-context/snapshots", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("POST", "/api/business-context/snapshots"): Entry(
        path="/api/business-context/snapshots",
        body={"asOf": "2026-01-02", "sessions": 7},
        scopes=("config:write",),
        other=200,
    ),
    ("POST", "/api/business-context/snapshots/import"): Entry(
        path="/api/business-context/snapshots/import",
        body=[{"asOf": "2026-01-03", "sessions": 7}],
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/api/business-context/insights"): Entry(
        path="/api/business-context/insights", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("DELETE", "/api/business-context/insights"): Entry(
        path=f"/api/business-context/insights?module={MODULE}&key=open", scopes=("config:write",), other=404
    ),
    ("POST", "/api/business-context/insights"): Entry(
        path="/api/business-context/insights",
        body={"module": MODULE, "key": "open", "text": "Nothing new"},
        scopes=("insights:write", "config:write"),
        other=200,
    ),
    ("PUT", "/aggregated"): Entry(
        path="/aggregated",
        body={**CATALOGUE, "action_types": ["PING", "SECOND"]},
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/aggregated"): Entry(
        path="/aggregated", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("GET", "/cache/status"): Entry(
        path="/cache/status", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("POST", "/cache/invalidate"): Entry(path="/cache/invalidate", scopes=("config:write",), other=200),
    ("POST", "/api/rules/generate"): Entry(
        path="/api/rules/generate",
        body={"aggregated_context": CATALOGUE, "user_intent": "Ping when cpu is above 80"},
        scopes=("inference",),
        other=200,
    ),
    ("POST", "/api/rules/generate-batch"): Entry(
        path="/api/rules/generate-batch",
        body={"aggregated_context": CATALOGUE, "intents": ["Ping when cpu is above 80", "Nonsense"]},
        scopes=("inference",),
        other=200,
    ),
    ("POST", "/api/rules/refine"): Entry(
        path="/api/rules/refine",
        body={
            "aggregated_context": CATALOGUE,
            "current_rules": WORKFLOW,
            "feedback": '[[mock text="{\\"not_possible\\": null, \\"workflow_name\\": \\"w\\", '
            '\\"trigger\\": \\"ON_WORKFLOW_START\\", \\"rules\\": [{\\"name\\": \\"r\\", '
            '\\"condition\\": \\"true\\", \\"then\\": [{\\"action\\": \\"PING\\"}]}]}"]]',
            "model": "mock",
        },
        scopes=("inference",),
        other=200,
    ),
    ("POST", "/api/rules/check"): Entry(
        path="/api/rules/check",
        body={"workflow_rules": WORKFLOW},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/api/conditions/evaluate"): Entry(
        path="/api/conditions/evaluate",
        body={"condition": "$cpu > 80", "context": {"cpu": 81}},
        scopes=("inference",),
        other=200,
    ),
    ("POST", "/api/rules/dry-run"): Entry(
        path="/api/rules/dry-run",
        body={"workflow_rules": WORKFLOW, "context": {"cpu": 90}},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/api/rules/examples"): Entry(
        path="/api/rules/examples",
        body={"workflow_rules": WORKFLOW},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/api/rules/run-tests"): Entry(
        path="/api/rules/run-tests",
        body={"workflow_rules": WORKFLOW, "tests": [{"given": {"cpu": 90}, "then": ["PING"]}]},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/api/rules/replay"): Entry(
        path="/api/rules/replay",
        body={"workflow_rules": WORKFLOW, "history": [{"cpu": 90}]},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/api/rules/diff"): Entry(
        path="/api/rules/diff",
        body={"before": WORKFLOW, "after": WORKFLOW},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/api/rules/check-set"): Entry(
        path="/api/rules/check-set",
        body={"workflows": [WORKFLOW]},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("GET", "/api/rules"): Entry(
        path="/api/rules", scopes=("inference", "config:read", "config:write"), other=200
    ),
    ("POST", "/api/rules"): Entry(
        path="/api/rules", body={"workflow_rules": WORKFLOW}, scopes=("config:write",), other=201
    ),
    ("GET", "/api/rules/{id}"): Entry(
        path=f"/api/rules/{RULE}", scopes=("inference", "config:read", "config:write"), other=404
    ),
    ("PUT", "/api/rules/{id}"): Entry(
        path=f"/api/rules/{RULE}", body={"workflow_rules": WORKFLOW}, scopes=("config:write",), other=404
    ),
    ("GET", "/api/rules/{id}/versions"): Entry(
        path=f"/api/rules/{RULE}/versions", scopes=("inference", "config:read", "config:write"), other=404
    ),
    ("POST", "/api/rules/{id}/test"): Entry(
        path=f"/api/rules/{RULE}/test", scopes=("inference", "config:read", "config:write"), other=404
    ),
    ("POST", "/api/rules/{id}/replay"): Entry(
        path=f"/api/rules/{RULE}/replay",
        body={"cpu": 90},
        scopes=("inference", "config:read", "config:write"),
        other=404,
    ),
    ("POST", "/api/rules/{id}/undo"): Entry(
        path=f"/api/rules/{RULE}/undo", scopes=("config:write",), other=404
    ),
    ("POST", "/api/rules/{id}/approve"): Entry(
        path=f"/api/rules/{RULE}/approve", body={"version": 1}, scopes=("config:write",), other=404
    ),
    ("POST", "/api/rules/{id}/reject"): Entry(
        path=f"/api/rules/{RULE}/reject", body={}, scopes=("config:write",), other=404
    ),
    ("DELETE", "/api/rules/{id}"): Entry(path=f"/api/rules/{RULE}", scopes=("config:write",), other=404),
    ("DELETE", "/aggregated"): Entry(path="/aggregated", scopes=("config:write",), other=204),
    ("GET", "/api/chat-widget/clients"): Entry(
        path="/api/chat-widget/clients", scopes=("config:read", "config:write"), other=200
    ),
    ("GET", "/api/chat-widget/clients/{clientId}"): Entry(
        path="/api/chat-widget/clients/1", scopes=("config:read", "config:write"), other=404
    ),
    ("PUT", "/api/chat-widget/clients/{clientId}"): Entry(
        path="/api/chat-widget/clients/1",
        body={"time_zone": "Asia/Riyadh"},
        scopes=("config:write",),
        other=404,
    ),
    ("PUT", "/api/chat-widget/clients/{clientId}/limits"): Entry(
        path="/api/chat-widget/clients/1/limits",
        body={"daily_token_limit": 7},
        scopes=("admin",),
        other=404,
    ),
    ("POST", "/api/chat-widget/clients/{clientId}/reset-usage"): Entry(
        path="/api/chat-widget/clients/1/reset-usage", scopes=("admin",), other=404
    ),
    ("GET", "/api/chat-widget/clients/{clientId}/llm-usage"): Entry(
        path="/api/chat-widget/clients/1/llm-usage", scopes=("usage:read",), other=404
    ),
    ("GET", "/api/chat-widget/clients/{clientId}/widgets"): Entry(
        path="/api/chat-widget/clients/1/widgets", scopes=("config:read", "config:write"), other=404
    ),
    ("POST", "/api/chat-widget/clients/{clientId}/widgets"): Entry(
        path="/api/chat-widget/clients/1/widgets",
        body={"name": "Second"},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}"): Entry(
        path="/api/chat-widget/widgets/1", scopes=("config:read", "config:write"), other=404
    ),
    ("PUT", "/api/chat-widget/widgets/{widgetId}"): Entry(
        path="/api/chat-widget/widgets/1", body={"llmEnabled": False}, scopes=("config:write",), other=404
    ),
    ("PUT", "/api/chat-widget/widgets/{widgetId}/limits"): Entry(
        path="/api/chat-widget/widgets/1/limits",
        body={"daily_token_limit": 7},
        scopes=("admin",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/llm-analytics"): Entry(
        path="/api/chat-widget/widgets/1/llm-analytics", scopes=("usage:read",), other=404
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/knowledge/entries"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/entries", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/knowledge/entries/{entryId}"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/entries/1",
        scopes=("config:read", "config:write"),
        other=404,
    ),
    ("PUT", "/api/chat-widget/widgets/{widgetId}/knowledge/entries/{entryId}"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/entries/1",
        body={"state": "live"},
        scopes=("config:write",),
        other=404,
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/knowledge/entries/bulk"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/entries/bulk",
        body={"ids": [1], "change": {"addTags": ["bread"]}},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/knowledge/duplicates"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/duplicates",
        scopes=("config:read", "config:write"),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/knowledge/export"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/export", scopes=("config:read", "config:write"), other=404
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/knowledge/import"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/import",
        body=[{"question": "Is there rye?", "answer": "Yes."}],
        scopes=("config:write",),
        other=404,
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/knowledge/import-page"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/import-page",
        body={"url": PAGE, "preview": True},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/knowledge/versions"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/versions",
        scopes=("config:read", "config:write"),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/knowledge/versions/{version}"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/versions/1",
        scopes=("config:read", "config:write"),
        other=404,
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/knowledge/versions/{version}/restore"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/versions/1/restore", scopes=("config:write",), other=404
    ),
    ("DELETE", "/api/chat-widget/widgets/{widgetId}/knowledge/entries/{entryId}"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/entries/1", scopes=("config:write",), other=404
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/knowledge/entries"): Entry(
        path="/api/chat-widget/widgets/1/knowledge/entries",
        body={"phrasings": ["Is there cake?"], "answer": "On Sundays."},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/requests"): Entry(
        path="/api/chat-widget/widgets/1/requests", scopes=("usage:read",), other=404
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/answers"): Entry(
        path="/api/chat-widget/widgets/1/answers", scopes=("usage:read",), other=404
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/leads"): Entry(
        path="/api/chat-widget/widgets/1/leads", scopes=("config:read", "config:write"), other=404
    ),
    ("DELETE", "/api/chat-widget/widgets/{widgetId}/visitors/{visitorId}"): Entry(
        path="/api/chat-widget/widgets/1/visitors/vis_alpha", scopes=("config:write",), other=404
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/inbox"): Entry(
        path="/api/chat-widget/widgets/1/inbox", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/inbox/{conversationId}"): Entry(
        path="/api/chat-widget/widgets/1/inbox/1", scopes=("config:read", "config:write"), other=404
    ),
    ("PUT", "/api/chat-widget/widgets/{widgetId}/inbox/{conversationId}"): Entry(
        path="/api/chat-widget/widgets/1/inbox/1",
        body={"assignedTo": "ada"},
        scopes=("config:write",),
        other=404,
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/inbox/{conversationId}/replies"): Entry(
        path="/api/chat-widget/widgets/1/inbox/1/replies",
        body={"text": "Hello"},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/canned-answers"): Entry(
        path="/api/chat-widget/widgets/1/canned-answers", scopes=("config:read", "config:write"), other=404
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/canned-answers"): Entry(
        path="/api/chat-widget/widgets/1/canned-answers",
        body={"title": "Hi", "text": "Hello"},
        scopes=("config:write",),
        other=404,
    ),
    ("DELETE", "/api/chat-widget/widgets/{widgetId}/canned-answers/{answerId}"): Entry(
        path="/api/chat-widget/widgets/1/canned-answers/1", scopes=("config:write",), other=404
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/gaps"): Entry(
        path="/api/chat-widget/widgets/1/gaps", scopes=("config:read", "config:write"), other=404
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/gaps/drafts"): Entry(
        path="/api/chat-widget/widgets/1/gaps/drafts",
        body={"phrasings": ["Is there jam?"], "request_ids": [1]},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/chat-widget/widgets/{widgetId}/saved-questions"): Entry(
        path="/api/chat-widget/widgets/1/saved-questions", scopes=("config:read", "config:write"), other=404
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/saved-questions"): Entry(
        path="/api/chat-widget/widgets/1/saved-questions",
        body={"question": "Open?", "facts": ["9"]},
        scopes=("config:write",),
        other=404,
    ),
    ("POST", "/api/chat-widget/widgets/{widgetId}/saved-questions/run"): Entry(
        path="/api/chat-widget/widgets/1/saved-questions/run", scopes=("config:write",), other=404
    ),
    ("DELETE", "/api/chat-widget/widgets/{widgetId}/saved-questions/{questionId}"): Entry(
        path="/api/chat-widget/widgets/1/saved-questions/1", scopes=("config:write",), other=404
    ),
    ("DELETE", "/api/chat-widget/widgets/{widgetId}"): Entry(
        path="/api/chat-widget/widgets/1", scopes=("config:write",), other=404
    ),
    ("DELETE", "/api/chat-widget/clients/{clientId}"): Entry(
        path="/api/chat-widget/clients/1", scopes=("config:write",), other=404
    ),
    ("POST", "/api/chat-widget/clients"): Entry(
        path="/api/chat-widget/clients", body={"client_name": "New"}, scopes=("config:write",), other=201
    ),
    ("GET", "/api/model-aliases"): Entry(
        path="/api/model-aliases", scopes=("config:read", "config:write"), other=200
    ),
    ("DELETE", "/api/model-aliases/{name}"): Entry(
        path=f"/api/model-aliases/{ALIAS}", scopes=("config:write",), other=404
    ),
    ("PUT", "/api/model-aliases/{name}"): Entry(
        path=f"/api/model-aliases/{ALIAS}", body={"targets": ["mock"]}, scopes=("config:write",), other=200
    ),
    ("GET", "/api/prompts"): Entry(path="/api/prompts", scopes=("config:read", "config:write"), other=200),
    ("GET", "/api/prompts/{name}"): Entry(
        path=f"/api/prompts/{PROMPT}", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/prompts/{name}/versions"): Entry(
        path=f"/api/prompts/{PROMPT}/versions", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/prompts/{name}/diff"): Entry(
        path=f"/api/prompts/{PROMPT}/diff?old=own/1&new=own/1",
        scopes=("config:read", "config:write"),
        other=404,
    ),
    ("POST", "/api/prompts/{name}/preview"): Entry(
        path=f"/api/prompts/{PROMPT}/preview", body={}, scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/prompts/{name}/label-moves"): Entry(
        path=f"/api/prompts/{PROMPT}/label-moves", scopes=("config:read", "config:write"), other=404
    ),
    ("DELETE", "/api/prompts/{name}/labels/{label}"): Entry(
        path=f"/api/prompts/{PROMPT}/labels/production", scopes=("config:write",), other=404
    ),
    ("PUT", "/api/prompts/{name}/labels/{label}"): Entry(
        path=f"/api/prompts/{PROMPT}/labels/production",
        body={"version": "own/1"},
        scopes=("config:write",),
        other=404,
    ),
    ("POST", "/api/prompts/{name}/versions"): Entry(
        path=f"/api/prompts/{PROMPT}/versions",
        body={"system": "Another."},
        scopes=("config:write",),
        other=201,
    ),
    **{
        ("POST", path): Entry(path=path, body=body, scopes=("inference",), other=200)
        for path, body in WRITING.items()
    },
    ("GET", "/writer/drafts/{id}"): Entry(path=f"/writer/drafts/{DRAFT}", scopes=("inference",), other=404),
    ("POST", "/writer/drafts/{id}/feedback"): Entry(
        path=f"/writer/drafts/{DRAFT}/feedback",
        body={"outcome": "accepted"},
        scopes=("inference",),
        other=404,
    ),
    ("GET", "/writer/reliability"): Entry(path="/writer/reliability", scopes=("inference",), other=200),
    ("GET", "/writer/style-rules"): Entry(path="/writer/style-rules", scopes=("inference",), other=200),
    ("POST", "/writer/style-rules"): Entry(
        path="/writer/style-rules", body={"rule": "Be kind."}, scopes=("inference",), other=201
    ),
    ("PUT", "/writer/style-rules/{id}"): Entry(
        path=f"/writer/style-rules/{STYLE}", body={"is_on": False}, scopes=("inference",), other=404
    ),
    ("DELETE", "/writer/style-rules/{id}"): Entry(
        path=f"/writer/style-rules/{STYLE}", scopes=("inference",), other=404
    ),
    ("GET", "/api/prompts/{name}/golden-set"): Entry(
        path=f"/api/prompts/{PROMPT}/golden-set", scopes=("config:read", "config:write"), other=200
    ),
    ("PUT", "/api/prompts/{name}/golden-set"): Entry(
        path=f"/api/prompts/{PROMPT}/golden-set",
        body={"cases": [{"id": "a"}]},
        scopes=("config:write",),
        other=200,  # that of its own prompt of this name, which it has by then
    ),
    ("POST", "/api/prompts/{name}/golden-set/test"): Entry(
        path=f"/api/prompts/{PROMPT}/golden-set/test", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/prompts/{name}/experiments"): Entry(
        path=f"/api/prompts/{PROMPT}/experiments", scopes=("config:read", "config:write"), other=200
    ),
    ("POST", "/api/prompts/{name}/experiments"): Entry(
        path=f"/api/prompts/{PROMPT}/experiments",
        body={"variants": [{"version": "own/1"}, {"version": "own/2"}]},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/prompt-experiments/{id}"): Entry(
        path=f"/api/prompt-experiments/{EXPERIMENT}", scopes=("config:read", "config:write"), other=404
    ),
    ("POST", "/api/prompt-experiments/{id}/stop"): Entry(
        path=f"/api/prompt-experiments/{EXPERIMENT}/stop", scopes=("config:write",), other=404
    ),
    ("GET", "/api/prompt-files"): Entry(
        path="/api/prompt-files", scopes=("config:read", "config:write"), other=200
    ),
    ("POST", "/api/prompt-files"): Entry(
        path="/api/prompt-files", body={"files": []}, scopes=("config:write",), other=200
    ),
    ("GET", "/api/llm-config"): Entry(
        path="/api/llm-config", scopes=("config:read", "config:write"), other=200
    ),
    ("POST", "/api/llm-config"): Entry(
        path="/api/llm-config", body={"provider": "mock"}, scopes=("config:write",), other=201
    ),
    ("GET", "/api/llm-config/default"): Entry(
        path="/api/llm-config/default", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/llm-config/{id}"): Entry(
        path=f"/api/llm-config/{CONFIG}", scopes=("config:read", "config:write"), other=404
    ),
    ("GET", "/api/llm-config/{id}/versions"): Entry(
        path=f"/api/llm-config/{CONFIG}/versions", scopes=("config:read", "config:write"), other=404
    ),
    ("PUT", "/api/llm-config/{id}"): Entry(
        path=f"/api/llm-config/{CONFIG}", body={"temperature": 1}, scopes=("config:write",), other=404
    ),
    ("POST", "/api/llm-config/{id}/health-check"): Entry(
        path=f"/api/llm-config/{CONFIG}/health-check", scopes=("config:write",), other=404
    ),
    ("POST", "/config/refresh"): Entry(path="/config/refresh", scopes=("config:write",), other=200),
    ("GET", "/api/model-rules"): Entry(
        path="/api/model-rules", scopes=("config:read", "config:write"), other=200
    ),
    ("PUT", "/api/model-rules"): Entry(
        path="/api/model-rules",
        body={"retired": "refuse", "unknown_price": "refuse"},
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/api/model-policies"): Entry(path="/api/model-policies", scopes=("admin",), other=200),
    ("DELETE", "/api/model-policies/{subject}"): Entry(
        path=f"/api/model-policies/{POLICY}", scopes=("admin",), other=404
    ),
    ("PUT", "/api/model-policies/{subject}"): Entry(
        path=f"/api/model-policies/{POLICY}", body={"allowed": ["*"]}, scopes=("admin",), other=200
    ),
    ("DELETE", "/api/llm-config/{id}"): Entry(
        path=f"/api/llm-config/{CONFIG}", scopes=("config:write",), other=404
    ),
    ("GET", "/cashflow/config"): Entry(
        path="/cashflow/config",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("PUT", "/cashflow/config"): Entry(
        path="/cashflow/config",
        body={"time_zone": "UTC"},
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/cashflow/deals"): Entry(
        path="/cashflow/deals",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/cashflow/deals"): Entry(
        path="/cashflow/deals",
        body={"title": "New", "stage": "Order Received"},
        scopes=("config:write",),
        other=201,
    ),
    ("GET", "/cashflow/deals/{deal_id}"): Entry(
        path="/cashflow/deals/1",
        scopes=("inference", "config:read", "config:write"),
        other=404,
    ),
    ("PUT", "/cashflow/deals/{deal_id}"): Entry(
        path="/cashflow/deals/1",
        body={"value": "7"},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/cashflow/deals/{deal_id}/notes"): Entry(
        path="/cashflow/deals/1/notes",
        scopes=("inference", "config:read", "config:write"),
        other=404,
    ),
    ("POST", "/cashflow/deals/{deal_id}/notes"): Entry(
        path="/cashflow/deals/1/notes",
        body={"text": "A note."},
        scopes=("config:write",),
        other=404,
    ),
    ("DELETE", "/cashflow/deals/{deal_id}/notes/{note_id}"): Entry(
        path="/cashflow/deals/1/notes/1",
        scopes=("config:write",),
        other=404,
    ),
    ("POST", "/cashflow/deals/import/preview"): Entry(
        path="/cashflow/deals/import/preview",
        body=[{"title": "Imported", "stage": "Order Received"}],
        scopes=("config:write",),
        other=200,
    ),
    ("POST", "/cashflow/deals/import"): Entry(
        path="/cashflow/deals/import",
        body=[{"title": "Imported", "stage": "Order Received"}],
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/cashflow/deals.csv"): Entry(
        path="/cashflow/deals.csv",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("GET", "/cashflow/deals.xlsx"): Entry(
        path="/cashflow/deals.xlsx",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/cashflow/sample"): Entry(
        path="/cashflow/sample",
        body={"seed": 1, "closed_deals": 2, "open_deals": 1},
        scopes=("config:write",),
        other=200,
    ),
    ("GET", "/cashflow/customers"): Entry(
        path="/cashflow/customers",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("PUT", "/cashflow/customers/{customer_id}"): Entry(
        path="/cashflow/customers/1",
        body={"payment_terms_days": 30},
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/cashflow/pipelines"): Entry(
        path="/cashflow/pipelines",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/cashflow/predict"): Entry(
        path="/cashflow/predict",
        body={"horizon_days": 90},
        scopes=("inference",),
        other=200,
    ),
    ("GET", "/cashflow/explain"): Entry(
        path="/cashflow/explain",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("GET", "/cashflow/deals/{deal_id}/why"): Entry(
        path="/cashflow/deals/2/why",
        scopes=("inference", "config:read", "config:write"),
        other=404,
    ),
    ("GET", "/cashflow/signals"): Entry(
        path="/cashflow/signals",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("GET", "/cashflow/runs"): Entry(
        path="/cashflow/runs",
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("GET", "/cashflow/runs/{run_id}"): Entry(
        path="/cashflow/runs/1",
        scopes=("inference", "config:read", "config:write"),
        other=404,
    ),
    ("GET", "/cashflow/runs/{run_id}/score"): Entry(
        path="/cashflow/runs/1/score",
        scopes=("inference", "config:read", "config:write"),
        other=404,
    ),
    ("POST", "/cashflow/forecast"): Entry(
        path="/cashflow/forecast",
        body={"runs": 100},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/cashflow/forecast.xlsx"): Entry(
        path="/cashflow/forecast.xlsx",
        body={"runs": 100},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/cashflow/scenarios"): Entry(
        path="/cashflow/scenarios",
        body={"runs": 100, "changes": [{"kind": "lose_deal", "deal_id": 2}]},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("POST", "/cashflow/backtests"): Entry(
        path="/cashflow/backtests",
        body={"origins": ["2026-01-01"]},
        scopes=("inference", "config:read", "config:write"),
        other=200,
    ),
    ("DELETE", "/cashflow/deals/{deal_id}"): Entry(
        path="/cashflow/deals/1",
        scopes=("config:write",),
        other=404,
    ),
    ("GET", "/api/audit-log"): Entry(path="/api/audit-log", scopes=("admin",), other=200),
    ("GET", "/api/alert-destinations"): Entry(path="/api/alert-destinations", scopes=("admin",), other=200),
    ("POST", "/api/alert-destinations"): Entry(
        path="/api/alert-destinations",
        body={"kind": "email", "target": "ada@example.com"},
        scopes=("admin",),
        other=201,
    ),
    ("POST", "/api/alert-destinations/{id}/test"): Entry(
        path=f"/api/alert-destinations/{DESTINATION}/test", scopes=("admin",), other=404
    ),
    ("DELETE", "/api/alert-destinations/{id}"): Entry(
        path=f"/api/alert-destinations/{DESTINATION}", scopes=("admin",), other=404
    ),
}
"""In an order in which the owner can be served by each: what is deleted is made again afterwards."""


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """The server, with a mail server to which it may send."""
    url = database._url.render_as_string(hide_password=False)
    async with (
        mail_server(Mailbox()) as port,
        await asyncio.start_server(_serve_page, sock=_PAGES.dup()),
        open_house(
            tmp_path,
            url,
            smtp_url=f"smtp://127.0.0.1:{port}",
            allowed_private_hosts=f"127.0.0.1:{_PAGES_PORT}",
        ) as house,
    ):
        yield house


async def _serve_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    page = b"<h2>Is there parking?</h2><p>Behind the house.</p>"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n" % len(page)
    writer.write(head + b"connection: close\r\n\r\n" + page)
    await writer.drain()
    writer.close()


def test_every_route_has_an_entry() -> None:
    existing = all_routes()
    known = set(ENTRIES) | OPEN | GUIDE | CONSOLE | VISITORS | {METRICS}
    assert existing - known == set(), "Write an entry for each of these routes into ENTRIES."
    assert known - existing == set(), "These routes are gone: take out their entries."


def test_documented_scopes_are_those_that_are_tried() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text("utf-8")
    rows = re.findall(r"^\| (GET|POST|PUT|DELETE) \| `([^`]+)` \| .* \| (.*) \|$", page, re.MULTILINE)
    documented = {(method, path): needs for method, path, needs in rows}

    expected = {
        route: " or ".join(f"`{scope}`" for scope in entry.scopes) or "any key"
        for route, entry in ENTRIES.items()
    }

    assert {route: documented[route] for route in ENTRIES} == expected


async def _move_in(house: House) -> Resident:
    """The first tenant, with an alias and calls in the usage log."""
    alpha = await house.resident("Alpha")
    made = await alpha.ask("PUT", f"/api/model-aliases/{ALIAS}", {"targets": [f"mock/{TARGET}"]})
    assert made.status == 200
    limited = await alpha.ask("PUT", f"/api/model-policies/{POLICY}", {"allowed": [PATTERN]})
    assert limited.status == 200
    priced = await alpha.ask("PUT", f"/api/prices/openai/{PRICED}", {"input": "1", "output": "4"})
    assert priced.status == 200
    published = await alpha.ask(
        "POST", f"/api/prompts/{PROMPT}/versions", {"system": WORDING, "label": "production"}
    )
    second = await alpha.ask("POST", f"/api/prompts/{PROMPT}/versions", {"system": f"{WORDING} Again."})
    assert (published.status, second.status) == (201, 201)
    await _write(house, alpha)
    kept = await alpha.ask("PUT", "/api/usage/log-terms", {"contents": "all"})
    assert kept.status == 200
    question = {"model": ALIAS, "messages": HELLO, "user": USER}
    asked = await alpha.ask("POST", "/v1/chat/completions", question, headers={"x-request-id": REQUEST})
    assert asked.status == 200
    await house.parts.usage_log.flush()
    assert house.parts.content_keeper is not None
    await house.parts.content_keeper.flush()
    await _configure(house, alpha)
    await _limit(house, alpha)
    client = await alpha.ask("POST", "/api/chat-widget/clients", {"client_name": CLIENT})
    widget = await alpha.ask(
        "POST", "/api/chat-widget/clients/1/widgets", {"name": WIDGET, "allowed_origins": [SHOP]}
    )
    assert (client.status, client.json["id"], widget.status, widget.json["id"]) == (201, 1, 201, 1)
    await _be_visited(alpha, widget.json["widget_key"])
    known = await alpha.ask(
        "POST",
        "/api/chat-widget/widgets/1/knowledge/entries",
        {"phrasings": [QUESTION], "answer": "From 9 to 18."},
    )
    assert (known.status, known.json["id"]) == (201, 1)
    await _tell(alpha)
    await _seek_advice(house, alpha)
    catalogue = {**CATALOGUE, "action_types": ["PING", CAPABILITY]}
    assert (await alpha.ask("PUT", "/aggregated", catalogue)).status == 200
    await _sell(alpha)
    await _keep_rule(house, alpha)
    await DestinationStore(house.parts.database).add_destination(
        operator_of(alpha.tenant.id),
        Destination(
            id=DESTINATION,
            tenant_id=alpha.tenant.id,
            kind="email",
            target=ADDRESS,
            created_at=house.parts.clock.now(),
            created_by="test",
        ),
    )
    return alpha


async def _write(house: House, tenant: Resident) -> None:
    """Let the tenant have a draft, a rule of style and an experiment whose ids are known beforehand."""
    caller, now = operator_of(tenant.tenant.id), house.parts.clock.now()
    drafts = DraftStore(house.parts.database)
    await drafts.add(
        caller,
        Draft(
            id=DRAFT,
            owner_id="",
            kind="email",
            language="en",
            texts={"body": DRAFTED},
            raw_confidence=0.5,
            confidence=0.5,
            created_at=now,
            created_by="test",
        ),
    )
    rule = StyleRule(
        id=STYLE,
        owner_id="",
        habit="own:1",
        rule=DRAFTED,
        times=0,
        is_on=True,
        is_chosen=True,
        created_at=now,
        updated_at=now,
    )
    assert await drafts.add_rule(caller, rule)
    experiment = Experiment(
        id=EXPERIMENT,
        name=PROMPT,
        variants=(Variant(version="own/1"), Variant(version="own/2")),
        started_at=now,
        started_by="test",
        ended_at=now,
    )
    entry = AuditEntry(at=now, action="experiment.started", thing="experiment", thing_id=EXPERIMENT)
    await ExperimentStore(house.parts.database).add(caller, experiment, entry)


async def _be_visited(tenant: Resident, widget_key: str) -> None:
    """Let somebody ask the tenant's widget, and the tenant keep an answer ready."""
    path = f"/api/chat-widget/public/widget/{widget_key}/message"
    body = {"message_text": VISITED}
    said = await ask(tenant.house.app, "POST", path, body, headers={"origin": SHOP}, key=None)
    ready = await tenant.ask(
        "POST", "/api/chat-widget/widgets/1/canned-answers", {"title": "Hi", "text": VISITED}
    )
    saved = await tenant.ask(
        "POST", "/api/chat-widget/widgets/1/saved-questions", {"question": VISITED, "facts": ["jam"]}
    )
    assert (saved.status, saved.json["id"]) == (201, 1)
    assert (said.status, said.json["conversation_id"], ready.status, ready.json["id"]) == (200, 1, 201, 1)


async def _tell(tenant: Resident) -> None:
    """Let the tenant's advisers know something of its business."""
    told = [
        await tenant.ask("PUT", "/api/business-context/profile", {"industry": INDUSTRY}),
        await tenant.ask("POST", "/api/business-context/snapshots", {"asOf": "2026-01-01", "users": 9}),
        await tenant.ask(
            "POST", "/api/business-context/insights", {"module": MODULE, "key": "open", "text": INSIGHT}
        ),
    ]
    assert [reply.status for reply in told] == [200, 200, 200]


async def _seek_advice(house: House, tenant: Resident) -> None:
    """Let one of the tenant's keys ask an adviser, in a conversation whose ids are known beforehand."""
    parts = house.parts
    asked = await tenant.ask("POST", "/c-suite/ceo/chat", {"message": ASKED}, scopes=["inference"])
    assert (asked.headers["officium-conversation-id"], asked.headers["officium-message-id"]) == ("1", "2")

    async def producer() -> AsyncIterator[tuple[str, str]]:
        yield "message", "{}"

    # An answer is read by whoever began it: another key of the tenant has one of the same id.
    other = await parts.authenticator.authenticate(await tenant.key())
    await parts.live_answers.start(other, "msg_2", producer(), conversation_id=1)
    asker = await parts.authenticator.authenticate(await tenant.key("inference"))
    await parts.live_answers.start(asker, COMPARISON, producer())
    await parts.live_answers.start(other, COMPARISON, producer())
    comparison = Comparison(
        id=COMPARISON,
        owner=owner_of(asker),
        persona="ceo",
        model_a=COMPARED,
        model_b="mock/mock",
        prompt="persona.ceo",
        prompt_version="shipped",
        created_at=parts.clock.now(),
        sides={"a": {"model": COMPARED}},
    )
    await ComparisonStore(parts.database).add_comparison(asker, comparison)
    while parts.live_answers.running:
        await parts.live_answers.tick()
    await parts.usage_log.flush()
    decision = Decision(
        id=DECISION,
        text=DECIDED,
        metric="users",
        direction="up",
        due_on=date(2100, 1, 1),
        expected_value=10,
        persona=None,
        baseline=9,
        created_at=parts.clock.now(),
        created_by="test",
    )
    await DecisionStore(parts.database).add_decision(operator_of(tenant.tenant.id), decision)


async def _sell(tenant: Resident) -> None:
    """Give the tenant two deals, the first with a note."""
    for title in (DEAL, f"{DEAL}-2"):
        deal = {"title": title, "stage": "Order Received", "customer": CUSTOMER}
        assert (await tenant.ask("POST", "/cashflow/deals", deal)).status == 201
    noted = await tenant.ask("POST", "/cashflow/deals/1/notes", {"text": NOTE})
    assert (noted.status, noted.json["id"]) == (201, 1)
    predicted = await tenant.ask("POST", "/cashflow/predict", {"use_llm": False})
    assert (predicted.status, predicted.json["metadata"]["run_id"]) == (200, 1)


async def _keep_rule(house: House, tenant: Resident) -> None:
    """Give the tenant a rule whose id is known beforehand."""
    caller, now = operator_of(tenant.tenant.id), house.parts.clock.now()
    rule = SavedRule(
        id=RULE,
        tenant_id=caller.tenant_id,
        workflow_name=RULE_NAME,
        status="draft",
        version=1,
        approved_version=None,
        note="",
        created_at=now,
        updated_at=now,
        updated_by="test",
    )
    version = RuleVersion(
        version=1,
        workflow={**WORKFLOW, "workflow_name": RULE_NAME},
        intent="",
        method="written",
        model=None,
        tests=[],
        created_at=now,
        created_by="test",
    )
    entry = AuditEntry(at=now, action="rule.created", thing="rule", thing_id=RULE)
    await RuleStore(house.parts.database).add_rule(caller, rule, version, entry)


async def _configure(house: House, tenant: Resident) -> None:
    """Give the tenant a default configuration whose id is known beforehand."""
    caller, now = operator_of(tenant.tenant.id), house.parts.clock.now()
    draft = ConfigDraft(provider="mock", model=CONFIG_MODEL, is_default=True)
    made = make_config(
        draft, known_providers(), id=CONFIG, tenant_id=caller.tenant_id, owner_id=None, actor="test", now=now
    )
    entry = AuditEntry(at=now, action="llm_config.created", thing="llm_config", thing_id=CONFIG)
    ring = build_key_ring(house.parts.settings, ServerSecret(b"-" * 32), house.parts.database, SystemClock())
    await ConfigStore(house.parts.database, ring).add_config(caller, made, entry)


async def _limit(house: House, tenant: Resident) -> None:
    """Give one of the tenant's members a budget whose id is known beforehand."""
    caller, now = operator_of(tenant.tenant.id), house.parts.clock.now()
    budget = Budget(
        id=BUDGET,
        tenant_id=caller.tenant_id,
        subject=Subject("member", MEMBER),
        unit="tokens",
        period="day",
        limit=5,
        created_at=now,
        updated_at=now,
        updated_by="test",
    )
    await BudgetStore(house.parts.database).save_budgets(caller, [budget], [], now, [])


async def _ask_everything(house: House, key: str | None, body: object = None, **how: Any) -> dict[str, Reply]:
    """Every closed route, with this key; `body` replaces those of the entries."""
    return {
        f"{method} {path}": await ask(
            house.app, method, entry.path, entry.body if body is None else body, key=key, **how
        )
        for (method, path), entry in ENTRIES.items()
    }


async def _stranger(house: House, kind: str) -> str | None:
    tenant = await house.resident("Beta")
    match kind:
        case "no-key":
            return None
        case "unknown-key":
            async with open_house(house.parts.settings.data_dir / "elsewhere") as elsewhere:
                return await (await elsewhere.resident("Gamma")).key()
        case "mistyped-key":
            return (await tenant.key())[:-1] + "%"
        case "foreign-key":
            return "sk-proj-0123456789abcdef"
        case "unsigned-session":
            return "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
        case "revoked-key":
            return await tenant.revoked_key()
        case "expired-key":
            return await tenant.expired_key()
        case _:
            key = await tenant.key()
            await house.suspend(tenant)
            return key


STRANGERS = [
    pytest.param("no-key", 401, id="no-key"),
    pytest.param("unknown-key", 401, id="unknown-key"),
    pytest.param("mistyped-key", 401, id="mistyped-key"),
    pytest.param("foreign-key", 401, id="foreign-key"),
    pytest.param("unsigned-session", 401, id="unsigned-session"),
    pytest.param("revoked-key", 401, id="revoked-key"),
    pytest.param("expired-key", 401, id="expired-key"),
    pytest.param("suspended-tenant", 403, id="suspended-tenant"),
]


@pytest.mark.parametrize(("kind", "status"), STRANGERS)
async def test_stranger_gets_nothing(house: House, kind: str, status: int) -> None:
    alpha = await _move_in(house)
    aliases = (await alpha.ask("GET", "/api/model-aliases")).json
    key = await _stranger(house, kind)

    replies = await _ask_everything(house, key)
    by_header = await _ask_everything(house, None, headers={"x-api-key": key} if key else {})
    nonsense = await _ask_everything(house, key, b"{nonsense")

    for answers in (replies, by_header, nonsense):
        assert {route: reply.status for route, reply in answers.items()} == dict.fromkeys(answers, status)
    for route, reply in (*replies.items(), *by_header.items(), *nonsense.items()):
        assert set(reply.json) <= {"error", "type", "request_id"}, route
        assert not any(word.encode() in reply.body for word in (*SECRETS, alpha.tenant.id)), route
    assert (await alpha.ask("GET", "/api/model-aliases")).json == aliases


async def test_owner_is_served(house: House) -> None:
    alpha = await _move_in(house)

    replies = await _ask_everything(house, await alpha.key())

    assert {route: reply.status for route, reply in replies.items() if reply.status // 100 != 2} == {}
    assert USER.encode() in replies["GET /api/usage/calls"].body
    assert TARGET.encode() in replies["GET /api/model-aliases"].body
    assert PRICED.encode() in replies["GET /api/prices"].body
    assert CONFIG_MODEL.encode() in replies["GET /api/llm-config"].body
    assert PATTERN.encode() in replies["GET /api/model-policies"].body
    assert WORDING.encode() in replies["GET /api/prompts/{name}"].body
    assert CONFIG_MODEL.encode() in replies["POST /config/refresh"].body
    assert CONFIG_MODEL.encode() in replies["GET /api/audit-log"].body
    assert f'"{ALIAS}"'.encode() in replies["GET /v1/models"].body
    assert ADDRESS.encode() in replies["GET /api/alert-destinations"].body
    assert MEMBER.encode() in replies["GET /api/budgets"].body
    assert CLIENT.encode() in replies["GET /api/chat-widget/clients"].body
    assert WIDGET.encode() in replies["GET /api/chat-widget/clients/{clientId}/widgets"].body
    assert TARGET.encode() in replies["GET /api/usage/summary.csv"].body
    known = "GET /api/chat-widget/widgets/{widgetId}/knowledge/entries"
    assert QUESTION.encode() in replies[known].body


async def test_every_scope_that_suffices_suffices_alone(house: House) -> None:
    alpha = await _move_in(house)

    refused = {
        (path, scope): reply.json
        for (method, path), entry in ENTRIES.items()
        for scope in entry.scopes or sorted(SCOPES)
        if (reply := await alpha.ask(method, entry.path, entry.body, scopes=[scope])).status // 100 != 2
    }

    assert refused == {}


async def test_key_without_the_scope_is_refused_by_the_name_of_the_scope(house: House) -> None:
    alpha = await _move_in(house)
    aliases = (await alpha.ask("GET", "/api/model-aliases")).json

    for (method, path), entry in ENTRIES.items():
        if entry.scopes:
            others = SCOPES - {"admin", *entry.scopes}
            reply = await alpha.ask(method, entry.path, entry.body, scopes=sorted(others))

            assert reply.status == 403, path
            assert any(scope.encode() in reply.body for scope in entry.scopes), path
    assert (await alpha.ask("GET", "/api/model-aliases")).json == aliases


async def test_another_tenant_sees_nothing_of_the_first(house: House) -> None:
    alpha = await _move_in(house)
    beta = await house.resident("Beta")
    aliases = (await alpha.ask("GET", "/api/model-aliases")).json
    calls = (await alpha.ask("GET", "/api/usage/calls")).json

    replies = await _ask_everything(house, await beta.key())
    await house.parts.usage_log.flush()

    expected = {f"{method} {path}": entry.other for (method, path), entry in ENTRIES.items()}
    assert {route: reply.status for route, reply in replies.items()} == expected
    for route, reply in replies.items():
        hidden = (*SECRETS, alpha.tenant.id, (await alpha.key())[:14])
        assert not any(word.encode() in reply.body for word in hidden), route
    assert f'"{ALIAS}"'.encode() not in replies["GET /v1/models"].body
    assert replies["GET /api/model-aliases"].json == {"aliases": []}
    assert replies["GET /api/prices"].json == {"prices": []}
    assert replies["GET /api/usage/calls"].json == {"records": [], "next_before": None}
    assert replies["GET /api/llm-config"].json == {"configurations": [], "nextAfter": None}
    assert replies["GET /api/alert-destinations"].json == {"destinations": []}
    assert replies["GET /api/budgets"].json == {"budgets": [], "binds_first": None, "next_after": None}
    assert replies["GET /api/chat-widget/clients"].json == {"clients": [], "next_after": None}
    assert replies["GET /api/ledger/entries"].json == {"entries": [], "next_before": None}
    assert (await alpha.ask("GET", "/api/model-aliases")).json == aliases
    assert (await alpha.ask("GET", "/api/usage/calls")).json == calls


async def test_record_of_another_tenant_is_no_place_in_ones_own_log(house: House) -> None:
    alpha = await _move_in(house)
    beta = await house.resident("Beta")
    await beta.ask("POST", "/v1/chat/completions", {"model": "mock", "messages": HELLO})
    await alpha.ask("POST", "/v1/chat/completions", {"model": "mock", "messages": HELLO})
    await house.parts.usage_log.flush()
    newest = (await alpha.ask("GET", "/api/usage/calls")).json["records"][0]

    page = await beta.ask("GET", f"/api/usage/calls?before={newest['id']}")

    assert page.json["records"] == []


async def test_names_mean_to_each_tenant_its_own(house: House) -> None:
    alpha, beta = await _move_in(house), await house.resident("Beta")
    await beta.ask("PUT", f"/api/model-aliases/{ALIAS}", {"targets": ["mock/beta-target"]})

    answered = [
        await resident.ask("POST", "/v1/chat/completions", {"model": ALIAS, "messages": HELLO})
        for resident in (alpha, beta, alpha)
    ]

    assert [reply.headers["officium-model"] for reply in answered] == [TARGET, "beta-target", TARGET]


@pytest.mark.parametrize(("method", "path"), sorted(OPEN))
async def test_what_is_open_tells_of_no_tenant(house: House, method: str, path: str) -> None:
    alpha = await _move_in(house)

    reply = await ask(
        house.app, method, path.replace("{name}", "swagger-ui.css").replace("{language}", "de"), key=None
    )

    assert reply.status == 200
    assert not any(word.encode() in reply.body for word in (*SECRETS, alpha.tenant.id))


async def test_metrics_are_closed_unless_the_operator_opens_them(house: House) -> None:
    alpha = await _move_in(house)

    assert (await ask(house.app, "GET", "/metrics", key=None)).status == 403
    assert (await alpha.ask("GET", "/metrics")).status == 403


async def test_metrics_are_for_the_token_and_for_no_tenants_key(tmp_path: Path) -> None:
    async with open_house(tmp_path, metrics_token="the-operators-token") as house:
        alpha = await _move_in(house)

        assert (await ask(house.app, "GET", "/metrics", key=None)).status == 401
        assert (await alpha.ask("GET", "/metrics")).status == 401
        assert (await ask(house.app, "GET", "/metrics", key="the-operators-token")).status == 200


async def test_path_and_method_that_do_not_exist_are_the_same_for_everybody(house: House) -> None:
    alpha = await _move_in(house)

    for method, path in (("GET", "/api/nothing"), ("PATCH", "/api/model-aliases"), ("GET", "/v1/messages")):
        headers = {"x-request-id": "req_1"}
        known = await alpha.ask(method, path, headers=headers)
        unknown = await ask(house.app, method, path, headers=headers, key=None)

        assert (known.status, known.json) == (unknown.status, unknown.json)
        assert known.status in (404, 405)
