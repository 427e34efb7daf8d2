"""What can go wrong between us and a provider, by name.

Each class says whether another try may help (`is_retryable`) and whether another deployment may
(`allows_fallback`). Adapters keep what the provider said in `provider_code` and the message.
"""

from typing import ClassVar

from officium.kit.errors import NotFound, OfficiumError


class LLMError(OfficiumError):
    """A call to a model failed. Base of all errors of the LLM core.

    `status` is the provider's HTTP status (`None` where there was none; for an error inside a 200 the one it
    names there, else 200), `provider_code` its own code or type, `retry_after_s` the delay it asked for.
    """

    code: ClassVar[str] = "llm_error"
    is_retryable: bool = False
    allows_fallback: bool = True

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        provider_code: str | None = None,
        retry_after_s: float | None = None,
        is_retryable: bool | None = None,
        **fields: object,
    ) -> None:
        super().__init__(message, **fields)
        self.provider = provider
        self.model = model
        self.status = status
        self.provider_code = provider_code
        self.retry_after_s = retry_after_s
        if is_retryable is not None:
            self.is_retryable = is_retryable


class LLMRateLimitError(LLMError):
    """The provider asks us to slow down (429, Groq 498)."""

    code = "provider_rate_limited"
    is_retryable = True


class LLMQuotaError(LLMError):
    """Our account with the provider has no money or quota left (402, `insufficient_quota`)."""

    code = "provider_quota_exhausted"


class LLMAuthenticationError(LLMError):
    """The provider refuses our key (401, a bad Gemini key's 400, 403 for a missing one)."""

    code = "provider_key_refused"


class LLMRequestError(LLMError):
    """The provider refuses the request itself (400, 413, 422): asking again will not help."""

    code = "provider_rejected_request"
    allows_fallback = False


class ContextTooLong(LLMRequestError):
    """The messages do not fit the model's context."""

    code = "context_too_long"
    allows_fallback = True


class ModelNotFound(LLMError):
    """The provider does not know the model, or not any more (404)."""

    code = "model_not_found"


class ModelRetired(NotFound):
    """The provider no longer serves the model; `since` says when it ended, `successor` what follows it."""

    code = "model_retired"


class ContentFiltered(LLMError):
    """The provider's policy declined the request (moderation, safety)."""

    code = "content_filtered"
    allows_fallback = False


class LLMUnavailableError(LLMError):
    """The provider is busy or broken (5xx, 529), or its circuit is open."""

    code = "provider_unavailable"
    is_retryable = True


class LLMConnectionError(LLMUnavailableError):
    """No connection: refused, reset, name unknown, TLS failure."""

    code = "provider_unreachable"


class AddressRefused(LLMError):
    """A tenant's own address leads where it must not; `host` names it. Nothing was sent."""

    code = "address_refused"


class LLMTimeoutError(LLMUnavailableError):
    """Too slow; `phase` is `connect`, `first_byte`, `idle` or `total`."""

    code = "provider_timeout"


class LLMProtocolError(LLMError):
    """The provider's answer makes no sense: no JSON, the wrong content type, cut short, too large."""

    code = "provider_garbled"
    is_retryable = True


class LLMValidationError(LLMError):
    """The answer does not fit the schema asked for; `raw_text` is what the model wrote."""

    code = "output_invalid"

    def __init__(self, message: str, *, raw_text: str = "", **fields: object) -> None:
        super().__init__(message, **fields)  # type: ignore[arg-type]
        self.raw_text = raw_text


class NotExpressible(LLMError):
    """The request asks for something the provider's dialect has no word for; `param` names it."""

    code = "not_expressible"
