"""Letting a change of configuration be seen at once, everywhere."""

from officium.core.config import CONFIG_CHANGED, NoDefaultConfig
from officium.core.gateway.config_fetcher import LLMConfigFetcher
from officium.core.gateway.errors import ConfigFetchFailed
from officium.core.gateway.health import INVALID_KEY, HealthChecker, HealthReport
from officium.core.gateway.models import ModelService
from officium.core.llm.errors import LLMAuthenticationError
from officium.core.tenancy import Caller, require
from officium.kit.notices import Notices


class ConfigRefresh:
    """Forgets what every replica remembers of a tenant's configuration, reads it again and tries it."""

    def __init__(
        self, fetcher: LLMConfigFetcher, models: ModelService, checker: HealthChecker, notices: Notices
    ) -> None:
        self._fetcher = fetcher
        self._models = models
        self._checker = checker
        self._notices = notices

    async def refresh(self, caller: Caller, *, request_id: str) -> HealthReport:
        """What answers from now on where nobody names a model, and whether it does. Needs `config:write`.

        Raises NoDefaultConfig, ConfigFetchFailed, PermissionDenied, and LLMAuthenticationError where the
        provider refuses the key.
        """
        require(caller, "config:write")
        self._notices.publish(CONFIG_CHANGED, caller.tenant_id)
        try:
            await self._fetcher.refresh(caller)
        except NoDefaultConfig:
            pass  # the environment may have one
        except ConfigFetchFailed:
            if not (await self._models.reach_of(caller)).has_own_default:
                raise
        report = await self._checker.check_default(caller, request_id=request_id)
        if report.message == INVALID_KEY:
            raise LLMAuthenticationError(INVALID_KEY, provider=report.provider, model=report.model)
        return report
