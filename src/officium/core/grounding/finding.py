"""What was found out about a figure in a text."""

from typing import Literal

from msgspec import Struct

from officium.core.grounding.figure import Figure

Status = Literal["matched", "computed", "proposed", "unmatched"]


class Finding(Struct, frozen=True, kw_only=True):
    """What was found out about a figure. `source` is the fact's path, or the step that gives the figure.

    `said` is what the context says instead, where the text gives the figure a name the context knows.
    """

    figure: Figure
    status: Status
    source: str | None = None
    said: str | None = None
