"""The pages of chat widgets: the list, and one widget with its tabs."""

from officium.web.console.pages.widgets.all import add_widget_pages
from officium.web.console.pages.widgets.room import WidgetServices

__all__ = ["WidgetServices", "add_widget_pages"]
