"""What a call may come to at most, and a request that cannot come to more.

How a hold is sized before the call, how the request is cut to what was granted, and what was used in
the end. Why holds are the worst case: docs/decisions/0009-the-ledger.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from officium.core.gateway.call import CallContext
from officium.core.llm.completion import CompletionRequest, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.message import Image
from officium.core.llm.tokens import estimate_request_tokens, estimate_tokens
from officium.core.tenancy import Caller
from officium.core.usage.ledger import THE_TENANT, Amounts, Need, Subject
from officium.core.usage.prices import UpperPrice
from officium.kit.clock import Clock

DEFAULT_OUTPUT_TOKENS = 4096
"""The most an answer may have under a budget where its request does not say."""
LEAST_OUTPUT_TOKENS = 64
"""An answer that would have to be shorter is refused instead."""
_EXTRA_TOKENS = 64
"""What providers put around a request that we do not see: their own system prompts, and marks."""
_EXTRA_IMAGE_TOKENS = 900
"""What the largest pictures take above the estimate."""
_LIMIT_NAMES: Mapping[DialectName, tuple[str, ...]] = {
    "openai-chat": ("max_tokens", "max_completion_tokens"),
    "openai-responses": ("max_output_tokens",),
    "anthropic-messages": ("max_tokens",),
}
_MOST_LEARNED = 4096
_LEARNED_FOR_S = 600.0


class InputBounds:
    """Upper bounds of the input tokens a provider will count, which learn from what it has counted.

    An estimate errs by a tenth on average; half as much again and a constant cover nearly every request.
    Where a provider counted more for a tenant (a search of its own, a long document by its address), the
    excess is added to that tenant's calls of the model for ten minutes: what one asks is not to be set aside
    by others, nor for ever.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._excess: dict[tuple[str, str], tuple[int, float]] = {}

    def bound(
        self, caller: Caller, request: CompletionRequest | EmbeddingRequest, deployments: Sequence[Deployment]
    ) -> int:
        """The most input tokens any of `deployments` should count for `request`."""
        excess = 0
        if self._excess:
            excess = max((self._excess_of(caller, deployment) for deployment in deployments), default=0)
        return _cold_bound(request) + excess

    def learn(
        self,
        caller: Caller,
        request: CompletionRequest | EmbeddingRequest,
        deployment: Deployment,
        counted: int,
        bound: int,
    ) -> None:
        """The provider has counted so many input tokens where `bound` was expected to be enough."""
        if counted <= bound:
            return
        # Of calls at the same time each finds the same excess, so the largest counts and not their sum.
        excess = max(counted - _cold_bound(request), self._excess_of(caller, deployment))
        key = (caller.tenant_id, deployment.name)
        self._excess.pop(key, None)
        if len(self._excess) >= _MOST_LEARNED:
            del self._excess[next(iter(self._excess))]
        self._excess[key] = (excess, self._clock.monotonic() + _LEARNED_FOR_S)

    def _excess_of(self, caller: Caller, deployment: Deployment) -> int:
        excess, ends = self._excess.get((caller.tenant_id, deployment.name), (0, 0.0))
        return excess if self._clock.monotonic() < ends else 0


def need_of(
    request: CompletionRequest | EmbeddingRequest,
    input_tokens: int,
    price: UpperPrice,
    default_output_tokens: int = DEFAULT_OUTPUT_TOKENS,
) -> Need:
    """The hold a call needs: its input and one request for certain, and what its answer may grow to."""
    fixed = Amounts(tokens=input_tokens, requests=1, nano_usd=price.per_call + input_tokens * price.input)
    if isinstance(request, EmbeddingRequest):
        return Need(fixed=fixed, output_tokens=0, least_output_tokens=0)
    asked = (default_output_tokens if request.max_tokens is None else request.max_tokens) * request.n
    least = max(LEAST_OUTPUT_TOKENS, _thinking_tokens(request) + 1) * request.n
    return Need(
        fixed=fixed,
        output_tokens=asked,
        least_output_tokens=min(asked, least),
        nano_usd_per_output_token=price.output,
    )


def most_of(need: Need) -> Amounts:
    """All that a need may come to."""
    return Amounts(
        tokens=need.fixed.tokens + need.output_tokens,
        requests=need.fixed.requests,
        nano_usd=need.fixed.nano_usd + need.output_tokens * need.nano_usd_per_output_token,
    )


def limit_output(request: CompletionRequest, output_tokens: int) -> CompletionRequest:
    """`request` with at most so many tokens in its answer, in our words and in its sender's own."""
    most = output_tokens // request.n
    if request.max_tokens is not None and request.max_tokens <= most:
        return request
    native = request.native
    if native is not None:
        names = _LIMIT_NAMES.get(native.dialect, ())
        said = [name for name in names if native.body.get(name) is not None] or names[:1]
        native = replace(native, body={**native.body, **dict.fromkeys(said, most)})
    return replace(request, max_tokens=most, native=native)


def subjects_of(caller: Caller, context: CallContext) -> tuple[Subject, ...]:
    """Whose budgets a call draws on."""
    subjects = [THE_TENANT]
    if caller.member_id is not None:
        subjects.append(Subject("member", caller.member_id))
    if caller.key_id is not None:
        subjects.append(Subject("key", caller.key_id))
    if context.client_id is not None:
        subjects.append(Subject("client", str(context.client_id)))
    if context.widget_id is not None:
        subjects.append(Subject("widget", str(context.widget_id)))
    if context.run is not None:
        subjects.append(Subject("run", context.run))
    return tuple(subjects)


def _cold_bound(request: CompletionRequest | EmbeddingRequest) -> int:
    if isinstance(request, EmbeddingRequest):
        estimate = sum(estimate_tokens(text) for text in request.inputs)
        return estimate + estimate // 2 + _EXTRA_TOKENS + len(request.inputs)
    images = sum(isinstance(part, Image) for message in request.messages for part in message.parts)
    estimate = estimate_request_tokens(request)
    return estimate + estimate // 2 + _EXTRA_TOKENS + images * _EXTRA_IMAGE_TOKENS


def _thinking_tokens(request: CompletionRequest) -> int:
    """The thinking budget that must stay below the answer's limit (Anthropic's rule)."""
    native = request.native
    thinking: Any = native.body.get("thinking") if native is not None else None
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    return budget if isinstance(budget, int) else 0
