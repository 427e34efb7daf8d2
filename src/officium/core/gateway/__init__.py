"""The only way to a model: admit, call, account."""

from officium.core.gateway.accounting import Accountant
from officium.core.gateway.call import Answer, AnswerStream, CallContext, EmbeddingAnswer, ModelListing
from officium.core.gateway.directory import ModelDirectory
from officium.core.gateway.metrics import GatewayMetrics
from officium.core.gateway.models import ModelService, ProviderAccess
from officium.core.gateway.service import GatewayService
from officium.core.gateway.store import AliasStore
from officium.core.gateway.telemetry import CallTelemetry

__all__ = [
    "Accountant",
    "AliasStore",
    "Answer",
    "AnswerStream",
    "CallContext",
    "CallTelemetry",
    "EmbeddingAnswer",
    "GatewayMetrics",
    "GatewayService",
    "ModelDirectory",
    "ModelListing",
    "ModelService",
    "ProviderAccess",
]
