"""The only way to a model: admit, call, account."""

from collections.abc import AsyncIterator

from officium.core.gateway.accounting import Accountant, OpenCall
from officium.core.gateway.call import Answer, CallContext, EmbeddingAnswer, ModelListing
from officium.core.gateway.directory import ModelDirectory
from officium.core.gateway.models import ModelService
from officium.core.llm.completion import CompletionRequest, Delta, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import DispatchedStream, Dispatcher
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.tokens import estimate_request_tokens
from officium.core.tenancy import Caller, require


class GatewayStream:
    """A streamed answer that is accounted for once, when it is closed."""

    def __init__(self, stream: DispatchedStream, call: OpenCall) -> None:
        self._stream = stream
        self._call = call
        self.deployment: Deployment = stream.deployment
        self.dialect: DialectName = stream.dialect
        self.notes: tuple[str, ...] = stream.notes

    def __aiter__(self) -> AsyncIterator[list[Delta]]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._call.close()


class GatewayService:
    """Takes a caller's request to the deployments of its model, and records what came of it.

    Every call ends in the usage log, one record an attempt: answered, failed, refused or given up.
    """

    def __init__(
        self, models: ModelService, directory: ModelDirectory, dispatcher: Dispatcher, accountant: Accountant
    ) -> None:
        self._models = models
        self._directory = directory
        self._dispatcher = dispatcher
        self._accountant = accountant

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer:
        """The whole answer. Raises PermissionDenied, UnknownModel, ProviderNotConfigured and LLMError."""
        with self._accountant.open(caller, request, context) as call:
            deployments = await self._admit(caller, request.model)
            answer = await self._dispatcher.complete(request, deployments, call.attempts)
            return Answer(completion=answer.completion, deployment=answer.deployment, dialect=answer.dialect)

    async def open_stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> GatewayStream:
        """The streamed answer, as soon as its first piece has come. Raises as `complete`."""
        call = self._accountant.open(caller, request, context)
        try:
            deployments = await self._admit(caller, request.model)
            stream = await self._dispatcher.open_stream(request, deployments, call.attempts)
        except BaseException as error:
            call.close(error)
            raise
        return GatewayStream(stream, call)

    async def embed(self, caller: Caller, request: EmbeddingRequest, context: CallContext) -> EmbeddingAnswer:
        """A vector for each input. Raises as `complete`."""
        with self._accountant.open(caller, request, context) as call:
            deployments = await self._admit(caller, request.model)
            embeddings, deployment, notes = await self._dispatcher.embed(request, deployments, call.attempts)
            return EmbeddingAnswer(embeddings=embeddings, deployment=deployment, notes=notes)

    async def count_tokens(self, caller: Caller, request: CompletionRequest) -> int:
        """Estimate the input tokens of a request, without asking anybody. Raises as `complete` does."""
        require(caller, "inference")
        await self._models.resolve(caller, request.model)
        return estimate_request_tokens(request)

    async def list_models(self, caller: Caller) -> list[ModelListing]:
        """What the caller can ask for: the tenant's aliases, then the models of each configured provider."""
        return await self._models.list_own_models(caller) + await self._directory.list_models()

    async def _admit(self, caller: Caller, model: str) -> tuple[Deployment, ...]:
        require(caller, "inference")
        self._accountant.check_room()
        return await self._models.resolve(caller, model)
