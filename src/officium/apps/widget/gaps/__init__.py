"""What visitors ask and the knowledge base does not answer."""

from officium.apps.widget.gaps.gap import Gap, UnansweredQuestion
from officium.apps.widget.gaps.service import GapService
from officium.apps.widget.gaps.store import GapStore

__all__ = ["Gap", "GapService", "GapStore", "UnansweredQuestion"]
