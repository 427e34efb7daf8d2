"""The chat widgets of an agency: its clients, their widgets, and what these may use and used."""

from officium.apps.widget.client import Client, Limits
from officium.apps.widget.service import ClientService, WidgetChanges
from officium.apps.widget.store import WidgetStore
from officium.apps.widget.usage import LlmUsage, WidgetAnalytics, WidgetUsage
from officium.apps.widget.widget import Widget, WidgetSettings

__all__ = [
    "Client",
    "ClientService",
    "Limits",
    "LlmUsage",
    "Widget",
    "WidgetAnalytics",
    "WidgetChanges",
    "WidgetSettings",
    "WidgetStore",
    "WidgetUsage",
]
