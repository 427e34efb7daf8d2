"""Whether a model is still served, and what to do when it is not.

Pure: the rows are in `models.toml`, the day is handed in. Why a retired name is answered by its successor
unless the operator says otherwise: docs/decisions/0013-model-lifecycle.md.
"""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.errors import ModelRetired
from officium.core.llm.known_models import KNOWN_MODELS, KnownModel, State
from officium.core.llm.providers.catalog import PROVIDERS, find_provider, find_traits

RetiredPolicy = Literal["try", "successor", "refuse"]
"""A request for a retired model is tried all the same, answered by its successor, or by nobody."""
RETIRED_POLICIES: tuple[RetiredPolicy, ...] = get_args(RetiredPolicy)
"""The strictest comes last."""

_SNAPSHOT = re.compile(r"-latest|[-@]\d{8}|-\d{4}-\d{2}-\d{2}|-\d{4}|-\d{3}")
_LONGEST_CHAIN = 8


class Lifecycle(Struct, frozen=True, kw_only=True):
    """What a day means for a model: its state then, and the successor that is served then."""

    model: KnownModel
    state: State
    successor: str | None

    @property
    def since(self) -> str:
        """When its end was or will be, in words to follow a verb: `on 2026-10-23`, `by 2026-07-15`."""
        if self.model.ends is None:
            return ""
        return f"{'by' if self.model.is_reported else 'on'} {self.model.ends.isoformat()}"


def find_known_model(provider: str, model: str) -> KnownModel | None:
    """The row of `model` or of the model it is a dated snapshot of; `None` where nobody wrote one down."""
    row = find_provider(provider)
    return _find(row.name if row is not None else provider, model)


def find_lifecycle(provider: str, model: str, on: date) -> Lifecycle | None:
    """Whether `model` is served by `provider` on that day; `None` where nothing is known of it."""
    known = find_known_model(provider, model)
    if known is None:
        return None
    return Lifecycle(model=known, state=known.state_on(on), successor=_living_successor(known, on))


def find_only_provider(model: str) -> Provider | None:
    """The provider at which alone a model of this name is known; `None` where none is, or several are."""
    found = {provider for provider, name in _BY_NAME if name == model}
    return PROVIDERS.get(found.pop()) if len(found) == 1 else None


def tell_end(provider: str, model: str, today: date) -> str:
    """A sentence on the end of a model that is no longer served, or soon will not be; else empty."""
    found = find_lifecycle(provider, model, today)
    if found is None or found.state == "active":
        return ""
    return f"{found.model.provider}/{model} {_end(found)}.{_use(found)}"


def apply_lifecycle(
    deployment: Deployment, policy: RetiredPolicy, today: date
) -> tuple[Deployment, tuple[str, ...]]:
    """The deployment to ask on `today`, and what its caller should know. Raises ModelRetired.

    Names mean what the provider says at its own address alone: behind another one (a proxy, a server of the
    operator's) nothing is known of them. A retired model without a successor is refused rather than replaced.
    """
    if deployment.base_url != deployment.provider.base_url:
        return deployment, ()
    found = find_lifecycle(deployment.provider.name, deployment.model, today)
    if found is None or found.state == "active":
        return deployment, ()
    if found.state == "deprecated":
        return deployment, (f"{deployment.name} {_end(found)}.{_use(found)}",)
    if policy == "try":
        return deployment, (f"{deployment.name} {_end(found)}; it was asked all the same.{_use(found)}",)
    if policy == "refuse" or found.successor is None:
        raise _retired(deployment, found)
    note = f"{deployment.name} {_end(found)}; its successor {found.successor} was asked instead."
    return _succeed(deployment, found.successor), (note,)


def stricter_policy(one: RetiredPolicy, other: RetiredPolicy | None) -> RetiredPolicy:
    """The stricter of two; `None` says nothing."""
    return one if other is None else max(one, other, key=RETIRED_POLICIES.index)


def keep_served(
    deployments: Sequence[Deployment], policy: RetiredPolicy, today: date
) -> tuple[Deployment, ...]:
    """The deployments to ask on `today` in the place of these, each with its notes.

    One that is refused is passed over as long as another is left; else raises ModelRetired.
    """
    kept: list[Deployment] = []
    refused: ModelRetired | None = None
    for deployment in deployments:
        try:
            served, notes = apply_lifecycle(deployment, policy, today)
        except ModelRetired as error:
            refused = error
        else:
            kept.append(replace(served, notes=served.notes + notes) if notes else served)
    if not kept and refused is not None:
        raise refused
    return tuple(kept)


def _end(found: Lifecycle) -> str:
    if found.state == "deprecated":
        said = "is said to be" if found.model.is_reported else "will be"
    else:
        said = "is said to have been" if found.model.is_reported else "was"
    return f"{said} shut down {found.since}"


def _use(found: Lifecycle) -> str:
    return f" Use {found.successor}." if found.successor else ""


def _retired(deployment: Deployment, found: Lifecycle) -> ModelRetired:
    return ModelRetired(
        f"{deployment.name} {_end(found)}.{_use(found) or ' Use another model.'}",
        param="model",
        model=deployment.name,
        since=found.model.ends.isoformat() if found.model.ends else None,
        successor=found.successor,
    )


def _succeed(deployment: Deployment, model: str) -> Deployment:
    return replace(deployment, model=model, traits=find_traits(deployment.provider.name, model))


def _living_successor(known: KnownModel, on: date) -> str | None:
    """The first of those that follow which is served on that day."""
    name = known.successor
    for _ in range(_LONGEST_CHAIN):
        following = _find(known.provider, name) if name else None
        if following is None or following.state_on(on) != "retired":
            return name
        name = following.successor
    return name


def _index(rows: Sequence[KnownModel]) -> dict[tuple[str, str], KnownModel]:
    return {(row.provider, name): row for row in rows for name in (row.name, *row.also)}


_BY_NAME = _index(KNOWN_MODELS)


@lru_cache(maxsize=4096)
def _find(provider: str, model: str) -> KnownModel | None:
    known = _BY_NAME.get((provider, model))
    if known is not None or provider not in PROVIDERS:
        return known
    for mark in _SNAPSHOT.finditer(model):
        if mark.end() == len(model):
            return _BY_NAME.get((provider, model[: mark.start()]))
    return None
