"""Labels: pointers to versions that move, and remember where they were."""

from datetime import datetime

from msgspec import Struct

from officium.core.prompts.prompt import Source

PRODUCTION = "production"
"""The version that is used where nobody asks for another."""


class Label(Struct, frozen=True, kw_only=True):
    """Where a label of a tenant's points, since when, and by whose hand."""

    name: str
    label: str
    source: Source
    version: int
    moved_at: datetime
    moved_by: str

    @property
    def ref(self) -> str:
        """The version it points at, such as `own/3`."""
        return f"{self.source}/{self.version}"


class LabelMove(Struct, frozen=True, kw_only=True):
    """A line of a label's history. Without source and version the label was taken away."""

    id: str
    name: str
    label: str
    source: Source | None
    version: int | None
    moved_at: datetime
    moved_by: str

    @property
    def ref(self) -> str | None:
        """The version it was moved to, such as `own/3`."""
        return None if self.source is None else f"{self.source}/{self.version}"
