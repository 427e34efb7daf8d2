"""Every page of the widgets, in one place."""

from fastapi import APIRouter

from officium.web.console.frame import Frame
from officium.web.console.pages.widgets.ai_settings import add_ai_settings_page
from officium.web.console.pages.widgets.embed import add_embed_page
from officium.web.console.pages.widgets.general import add_general_page
from officium.web.console.pages.widgets.improving import add_improving_pages
from officium.web.console.pages.widgets.inbox import add_inbox_pages
from officium.web.console.pages.widgets.knowledge import add_knowledge_pages
from officium.web.console.pages.widgets.knowledge_history import add_history_pages
from officium.web.console.pages.widgets.knowledge_import import add_import_page
from officium.web.console.pages.widgets.listing import add_list_page
from officium.web.console.pages.widgets.room import WidgetRoom, WidgetServices
from officium.web.console.pages.widgets.usage import add_usage_page


def add_widget_pages(router: APIRouter, services: WidgetServices, frame: Frame) -> None:
    """Add them. Fixed paths come before those with an id in the same place."""
    room = WidgetRoom(services, frame)
    add_list_page(router, room)
    add_import_page(router, room)
    add_history_pages(router, room)
    add_knowledge_pages(router, room)
    add_ai_settings_page(router, room)
    add_embed_page(router, room)
    add_inbox_pages(router, room)
    add_improving_pages(router, room)
    add_usage_page(router, room)
    add_general_page(router, room)
