"""The only way to a model: admit, call, account."""

from officium.core.gateway.accounting import Accountant
from officium.core.gateway.call import Answer, AnswerStream, CallContext, EmbeddingAnswer, ModelListing
from officium.core.gateway.config_fetcher import LLMConfigFetcher, RemoteDefault, StoredDefault
from officium.core.gateway.defaults import with_defaults
from officium.core.gateway.directory import ModelDirectory
from officium.core.gateway.health import HealthChecker
from officium.core.gateway.metrics import GatewayMetrics
from officium.core.gateway.model_rules import ModelRuleService
from officium.core.gateway.models import ModelService
from officium.core.gateway.policies import PolicyService
from officium.core.gateway.reach import ProviderAccess
from officium.core.gateway.refresh import ConfigRefresh
from officium.core.gateway.service import GatewayService
from officium.core.gateway.store import AliasStore, ModelRuleStore, PolicyStore
from officium.core.gateway.telemetry import CallTelemetry

__all__ = [
    "Accountant",
    "AliasStore",
    "Answer",
    "AnswerStream",
    "CallContext",
    "CallTelemetry",
    "ConfigRefresh",
    "EmbeddingAnswer",
    "GatewayMetrics",
    "GatewayService",
    "HealthChecker",
    "LLMConfigFetcher",
    "ModelDirectory",
    "ModelListing",
    "ModelRuleService",
    "ModelRuleStore",
    "ModelService",
    "PolicyService",
    "PolicyStore",
    "ProviderAccess",
    "RemoteDefault",
    "StoredDefault",
    "with_defaults",
]
