"""What clients have left of their free credits, when these run out, and what came of them."""

from officium.apps.widget.credits.credits import AnswerCounts, ClientCredits, ClientDay
from officium.apps.widget.credits.service import CreditService
from officium.apps.widget.credits.store import CreditStore

__all__ = ["AnswerCounts", "ClientCredits", "ClientDay", "CreditService", "CreditStore"]
