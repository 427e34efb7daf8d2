"""The claims of a text, compared with the context it was written from."""

from collections.abc import Iterator, Sequence

from officium.apps.writer.contexts import Context
from officium.apps.writer.results import DraftClaim, Result
from officium.core.grounding import check_claims

_NOT_CLAIMED = {"language", "samples", "max_items", "channel", "tone"}


def claims_of(result: Result, context: Context) -> list[DraftClaim]:
    """The claims in all texts of a result, in order."""
    record = context.model_dump(exclude=_NOT_CLAIMED)
    return [claim for field, text in result.texts().items() for claim in _claims(field, text, record)]


def _claims(field: str, text: str, record: object) -> Iterator[DraftClaim]:
    for claim in check_claims(text, record):
        yield DraftClaim(
            field=field,
            start=claim.start,
            end=claim.end,
            text=claim.text,
            kind=claim.kind,
            is_supported=claim.is_matched,
            context_says=claim.said,
        )


def warnings_of(claims: Sequence[DraftClaim]) -> list[str]:
    """A sentence for each unsupported claim, once."""
    found = {}
    for claim in claims:
        if not claim.is_supported:
            says = f" The context says {claim.context_says}." if claim.context_says else ""
            unsupported = f"Nothing in the context supports the {claim.kind} {claim.text!r}."
            found[claim.kind, claim.text] = unsupported + says
    return list(found.values())
