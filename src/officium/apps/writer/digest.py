"""One mail for each owner of deals, put together from the summaries of theirs."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from officium.apps.writer.contexts import DealSummaryContext
from officium.apps.writer.languages import Direction, direction_of
from officium.apps.writer.letter import letter_html
from officium.apps.writer.phrases import phrases_for
from officium.apps.writer.results import DealSummaryResult

NOBODY = ""
"""Stands for the owner of deals that name none."""


class OwnerDigest(BaseModel):
    """A mail to the owner of deals. `confidence` is that of the least sure summary in it."""

    owner: str
    subject: str
    body: str
    html: str
    direction: Direction
    deals: int
    fallbacks: int
    confidence: float
    warnings: list[str] = []


def by_owner(deals: Sequence[DealSummaryContext]) -> dict[str, list[int]]:
    """The places of each owner's deals, owners in the order in which they first come."""
    found: dict[str, list[int]] = {}
    for place, deal in enumerate(deals):
        found.setdefault((deal.owner_name or NOBODY).strip(), []).append(place)
    return found


def digests(
    deals: Sequence[DealSummaryContext], results: Mapping[int, DealSummaryResult], language: str
) -> list[OwnerDigest]:
    """The mails. Deals that need something come first: those with blockers, then the longest in stage."""
    return [_mail(owner, places, deals, results, language) for owner, places in by_owner(deals).items()]


def _mail(
    owner: str,
    places: Sequence[int],
    deals: Sequence[DealSummaryContext],
    results: Mapping[int, DealSummaryResult],
    language: str,
) -> OwnerDigest:
    phrases, code = phrases_for(language)
    ordered = sorted(
        places, key=lambda one: (not results[one].blockers, -(deals[one].days_in_stage or 0), one)
    )
    greeting = phrases.greeting_by_name.format(name=owner) if owner else phrases.greeting
    body = "\n\n".join([greeting, *(_section(deals[one], results[one]) for one in ordered)])
    shown = [results[one] for one in ordered]
    return OwnerDigest(
        owner=owner,
        subject=f"{phrases.labels['deal_title']}: {len(places)}",
        body=body,
        html=letter_html(body, code),
        direction=direction_of(code),
        deals=len(places),
        fallbacks=sum(one.is_fallback for one in shown),
        confidence=min(one.confidence for one in shown),
        warnings=list(dict.fromkeys(warning for one in shown for warning in one.warnings)),
    )


def _section(deal: DealSummaryContext, result: DealSummaryResult) -> str:
    points = [f"- {point}" for point in (*result.blockers, *result.missing_info)]
    head = result.summary if deal.deal_title in result.summary else f"{deal.deal_title}: {result.summary}"
    return "\n".join([head, *points, f"→ {result.next_action}"])
