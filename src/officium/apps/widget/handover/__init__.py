"""When a person takes over: the agency's inbox, ready answers, and who is told that a visitor waits."""

from officium.apps.widget.handover.inbox import CannedAnswer, InboxConversation
from officium.apps.widget.handover.service import HandoverService, LiveEvent
from officium.apps.widget.handover.store import HandoverStore

__all__ = ["CannedAnswer", "HandoverService", "HandoverStore", "InboxConversation", "LiveEvent"]
