"""Which widgets need a look: those without credits, and those that are asked in vain."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from officium.apps.widget.widget import Widget
from officium.core.tenancy.caller import Caller

_FEWEST_GAPS = 3
_MOST = 20


class ExhaustedWidgets(Protocol):
    """Knows which widgets may ask no model any more."""

    async def list_exhausted_widgets(self, caller: Caller, *, limit: int = ...) -> Sequence[Widget]: ...


class Gaps(Protocol):
    """Knows what visitors ask in vain."""

    async def list_most_unanswered(
        self, caller: Caller, *, fewest: int, limit: int
    ) -> Sequence[tuple[Widget, int]]: ...


class WidgetConcern(Struct, frozen=True, kw_only=True):
    """A widget to look at; shaped like the concerns that the gateway knows."""

    subject: Literal["widget_credits", "widget_gaps"]
    name: str
    is_urgent: bool
    figures: Mapping[str, int]


class WidgetAttention:
    """Looks through the widgets."""

    def __init__(self, widgets: ExhaustedWidgets, gaps: Gaps) -> None:
        self._widgets = widgets
        self._gaps = gaps

    async def list_concerns(self, caller: Caller) -> list[WidgetConcern]:
        """Widgets whose credits are used up, then those with most questions nobody answered."""
        exhausted = await self._widgets.list_exhausted_widgets(caller, limit=_MOST)
        unanswered = await self._gaps.list_most_unanswered(caller, fewest=_FEWEST_GAPS, limit=_MOST)
        return [
            *(
                WidgetConcern(
                    subject="widget_credits", name=one.name, is_urgent=True, figures={"widget": one.id}
                )
                for one in exhausted
            ),
            *(
                WidgetConcern(
                    subject="widget_gaps",
                    name=one.name,
                    is_urgent=False,
                    figures={"widget": one.id, "count": count},
                )
                for one, count in unanswered
            ),
        ]
