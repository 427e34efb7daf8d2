"""Telling people that a budget runs out, by webhook and by mail."""

from officium.core.usage.alerts.courier import Courier, Mailer
from officium.core.usage.alerts.destination import Destination, NewDestination
from officium.core.usage.alerts.errors import DeliveryFailed
from officium.core.usage.alerts.post import AlertPost
from officium.core.usage.alerts.service import DestinationService
from officium.core.usage.alerts.signature import WebhookSecrets
from officium.core.usage.alerts.store import AlertStore, DestinationStore
from officium.core.usage.alerts.webhooks import GuardedWebhooks

__all__ = [
    "AlertPost",
    "AlertStore",
    "Courier",
    "DeliveryFailed",
    "Destination",
    "DestinationService",
    "DestinationStore",
    "GuardedWebhooks",
    "Mailer",
    "NewDestination",
    "WebhookSecrets",
]
