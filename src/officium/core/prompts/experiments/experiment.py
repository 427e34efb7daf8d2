"""An experiment: versions of one prompt, and who is given which."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

from officium.core.prompts.errors import InvalidPrompt
from officium.core.prompts.prompt import parse_ref

MOST_VARIANTS = 5
LARGEST_WEIGHT = 100


class Variant(Struct, frozen=True, kw_only=True):
    """A version such as `own/3`, and its share of the subjects in proportion to the other weights."""

    version: str
    weight: int = 1


class Experiment(Struct, frozen=True, kw_only=True):
    """Versions of the prompt `name` in use at once; the first is what the others are compared with."""

    id: str
    name: str
    variants: tuple[Variant, ...]
    started_at: datetime
    started_by: str
    ended_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether subjects are still given its variants."""
        return self.ended_at is None


def pick(experiment: Experiment, subject: str) -> Variant:
    """The variant of a subject: always the same one, and by weight over all subjects.

    By a SHA-256 of experiment and subject, so that neither process nor restart matters, and two experiments
    do not split alike.
    """
    digest = sha256(f"{experiment.id}\0{subject}".encode()).digest()
    place = int.from_bytes(digest[:8]) % sum(variant.weight for variant in experiment.variants)
    for variant in experiment.variants:
        place -= variant.weight
        if place < 0:
            return variant
    raise AssertionError("the weights add up to more than any place")


def check_variants(variants: Sequence[Variant]) -> None:
    """Raise InvalidPrompt unless these can be compared."""
    if not 2 <= len(variants) <= MOST_VARIANTS:
        raise InvalidPrompt(f"An experiment has 2 to {MOST_VARIANTS} variants.", param="variants")
    if len({variant.version for variant in variants}) < len(variants):
        raise InvalidPrompt("Each variant is another version.", param="variants")
    for variant in variants:
        parse_ref(variant.version)
        if not 1 <= variant.weight <= LARGEST_WEIGHT:
            raise InvalidPrompt(f"A weight lies between 1 and {LARGEST_WEIGHT}.", param="variants")
