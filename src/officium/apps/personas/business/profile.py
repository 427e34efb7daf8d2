"""What a business says of itself."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from officium.apps.personas.business.errors import InvalidProfile
from officium.apps.personas.business.words import MOST_EXTRAS, has_names, is_figure, is_line

MAX_LINE = 500
MOST_GOALS = 20
Detail = str | int | float | bool


class BusinessProfile(Struct, frozen=True, kw_only=True):
    """A business in its own words; what is not known is `None`, empty or left out."""

    industry: str | None = None
    size: str | None = None
    stage: str | None = None
    revenue: str | None = None
    goals: tuple[str, ...] = ()
    extra: Mapping[str, Detail] = field(default_factory=dict)


class SavedProfile(BusinessProfile, frozen=True, kw_only=True):
    """A profile as it is kept."""

    updated_at: datetime
    updated_by: str


def check_profile(profile: BusinessProfile) -> None:
    """Raise InvalidProfile unless this can be told to an adviser."""
    for name in ("industry", "size", "stage", "revenue"):
        said = getattr(profile, name)
        if said is not None and not is_line(said, MAX_LINE):
            raise InvalidProfile(f"`{name}` is one line of 1 to {MAX_LINE} characters.", param=name)
    if len(profile.goals) > MOST_GOALS or not all(is_line(goal, MAX_LINE) for goal in profile.goals):
        raise InvalidProfile(
            f"There are at most {MOST_GOALS} goals, each one line of 1 to {MAX_LINE} characters.",
            param="goals",
        )
    if not has_names(profile.extra) or not all(map(_is_detail, profile.extra.values())):
        raise InvalidProfile(
            f"`extra` has at most {MOST_EXTRAS} details under short names; each is a line or a number.",
            param="extra",
        )


def _is_detail(value: Detail) -> bool:
    if isinstance(value, str):
        return is_line(value, MAX_LINE)
    return isinstance(value, bool) or is_figure(value)
