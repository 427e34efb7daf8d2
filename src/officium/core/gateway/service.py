"""The only way to a model: admit, call, account."""

from collections.abc import AsyncIterator, Sequence

from msgspec.structs import replace

from officium.core.gateway.accounting import Accountant, OpenCall
from officium.core.gateway.cache import CachedStream, Lookup, RememberedStream, ResponseCache
from officium.core.gateway.call import Answer, AnswerStream, CallContext, EmbeddingAnswer, ModelListing
from officium.core.gateway.defaults import with_defaults
from officium.core.gateway.directory import ModelDirectory
from officium.core.gateway.keeper import StreamKeeper
from officium.core.gateway.models import ModelService
from officium.core.gateway.need import limit_output
from officium.core.llm.completion import CompletionRequest, Delta, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import DispatchedStream, Dispatcher
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.tokens import estimate_request_tokens
from officium.core.tenancy import Caller, require
from officium.core.usage.contents import Heard
from officium.core.usage.ledger import Amounts


class GatewayStream:
    """A streamed answer that is accounted for once, when it is closed."""

    def __init__(self, stream: DispatchedStream, call: OpenCall, notes: tuple[str, ...] = ()) -> None:
        self._stream = stream
        self.call = call
        self.deployment: Deployment = stream.deployment
        self.dialect: DialectName = stream.dialect
        self.notes: tuple[str, ...] = notes + stream.notes

    def __aiter__(self) -> AsyncIterator[list[Delta]]:
        heard = self.call.heard
        return self._stream.__aiter__() if heard is None else _Listening(self._stream, heard)

    @property
    def cost_nano_usd(self) -> int:
        return self.call.cost_nano_usd

    def cut(self) -> None:
        """End the answer here, as if it had reached the most tokens it may have."""
        self._stream.cut()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self.call.close()


class _Listening:
    """The batches of a stream, heard on their way by whoever keeps the answer."""

    def __init__(self, stream: DispatchedStream, heard: Heard) -> None:
        self._next = stream.__anext__
        self._add = heard.add

    def __aiter__(self) -> "_Listening":
        return self

    async def __anext__(self) -> list[Delta]:
        batch = await self._next()
        self._add(batch)
        return batch


class GatewayService:
    """Takes a caller's request to the deployments of its model, and records what came of it.

    Every call ends in the usage log, one record an attempt: answered, failed, refused or given up.
    """

    def __init__(
        self,
        models: ModelService,
        directory: ModelDirectory,
        dispatcher: Dispatcher,
        accountant: Accountant,
        cache: ResponseCache | None = None,
    ) -> None:
        self._cache = cache
        self._models = models
        self._directory = directory
        self._dispatcher = dispatcher
        self._accountant = accountant
        self._keeper = StreamKeeper(accountant)

    async def start(self) -> None:
        """Begin to watch over what open streams use."""
        self._keeper.start()

    async def close(self) -> None:
        """Stop watching."""
        await self._keeper.close()

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer:
        """The whole answer. Raises PermissionDenied, UnknownModel, ProviderNotConfigured and LLMError."""
        with self._accountant.open(caller, request, context) as call:
            deployments = await self._admit(call)
            lookup = await self._look_up(call, deployments)
            if lookup is not None and lookup.hit is not None:
                return lookup.hit.answer
            asked, notes = await self._hold(call, deployments)
            got = await self._dispatcher.complete(asked, deployments, call.attempts)
            call.answer = got.completion
            answer = Answer(completion=got.completion, deployment=got.deployment, dialect=got.dialect)
            if self._cache is not None and lookup is not None:
                answer = replace(answer, cache=await self._cache.store(caller, lookup, answer))
            if notes:
                completion = replace(answer.completion, notes=notes + answer.completion.notes)
                answer = replace(answer, completion=completion)
            return answer

    async def open_stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> AnswerStream:
        """The streamed answer, as soon as its first piece has come. Raises as `complete`."""
        call = self._accountant.open(caller, request, context)
        try:
            deployments = await self._admit(call)
            lookup = await self._look_up(call, deployments)
            if lookup is not None and lookup.hit is not None:
                call.close()
                return CachedStream(lookup.hit.answer)
            asked, notes = await self._hold(call, deployments)
            stream = await self._dispatcher.open_stream(asked, deployments, call.attempts)
        except BaseException as error:
            call.close(error)
            raise
        opened = GatewayStream(stream, call, notes)
        self._keeper.watch(opened)
        if self._cache is None or lookup is None or lookup.key is None or notes:
            return opened  # what credits cut short is nobody's answer but this caller's
        return RememberedStream(opened, self._cache, caller, lookup)

    async def embed(self, caller: Caller, request: EmbeddingRequest, context: CallContext) -> EmbeddingAnswer:
        """A vector for each input. Raises as `complete`."""
        with self._accountant.open(caller, request, context) as call:
            deployments = await self._admit(call)
            await self._accountant.hold(call, deployments)
            embeddings, deployment, notes = await self._dispatcher.embed(request, deployments, call.attempts)
            return EmbeddingAnswer(embeddings=embeddings, deployment=deployment, notes=notes)

    async def count_tokens(self, caller: Caller, request: CompletionRequest) -> int:
        """Estimate the input tokens of a request, without asking anybody. Raises as `complete` does."""
        require(caller, "inference")
        await self._models.resolve(caller, request.model)
        return estimate_request_tokens(request)

    async def quote(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Amounts:
        """The most a request may come to, as a call would set it aside; asks nobody. Raises as `complete`."""
        require(caller, "inference")
        deployments = await self._models.resolve(caller, request.model)
        call = self._accountant.open(caller, with_defaults(request, deployments), context)
        return await self._accountant.quote(call, deployments)

    async def list_models(self, caller: Caller) -> list[ModelListing]:
        """What the caller can ask for: the tenant's aliases, then the models of each configured provider."""
        return await self._models.list_own_models(caller) + await self._directory.list_models(caller)

    async def _look_up(self, call: OpenCall, deployments: Sequence[Deployment]) -> Lookup | None:
        """Complete the request from the configuration, and see whether its answer is known already."""
        assert isinstance(call.request, CompletionRequest)
        call.request = with_defaults(call.request, deployments)
        if self._cache is None:
            return None
        lookup = await self._cache.find(call.caller, call.request, call.context, deployments)
        call.hit = lookup.hit
        return lookup

    async def _hold(
        self, call: OpenCall, deployments: Sequence[Deployment]
    ) -> tuple[CompletionRequest, tuple[str, ...]]:
        """Set credits aside; gives the request that stays within them, and a note where that matters."""
        request = call.request
        assert isinstance(request, CompletionRequest)
        output_tokens = await self._accountant.hold(call, deployments)
        if output_tokens is None:
            return request, ()
        limited = limit_output(request, output_tokens)
        if call.hold is None or not call.hold.is_shrunk:
            return limited, ()
        return limited, (f"The answer has at most {output_tokens} tokens: your credits allow no more.",)

    async def _admit(self, call: OpenCall) -> tuple[Deployment, ...]:
        if self._accountant.contents is not None:
            await self._accountant.look_up_terms(call)
        require(call.caller, "inference")
        self._accountant.check_room()
        return await self._models.resolve(call.caller, call.request.model)
