"""A usage log with a past, for pages that show one."""

import random
from datetime import UTC, datetime, timedelta

from officium.core.usage import UsageRecord
from officium.main import Parts
from tests.support.records import a_record

_MODELS = (
    ("openai", "gpt-6-mini", 400, 2_000),
    ("anthropic", "claude-haiku-5-5", 700, 4_000),
    ("groq", "mixtral-8x7b-32768", 250, 270),
)
_APPS = ("gateway", "personas", "widget", "writer")


def a_past(tenant_id: str, count: int, days: int = 30, seed: int = 5) -> list[UsageRecord]:
    """Records of the last `days`, oldest first: most are well, some slow, a few failed or refused."""
    dice = random.Random(seed)
    now = datetime.now(UTC)
    moments = sorted(now - timedelta(seconds=dice.triangular(0, days * 86_400, 0)) for _ in range(count))
    return [_record(dice, tenant_id, moment, number) for number, moment in enumerate(moments)]


def _record(dice: random.Random, tenant_id: str, moment: datetime, number: int) -> UsageRecord:
    provider, model, ms, price = dice.choice(_MODELS)
    app = dice.choice(_APPS)
    fate = dice.random()
    status = "failed" if fate < 0.04 else "refused" if fate < 0.05 else "success"
    duration = int(dice.gauss(4 * ms, ms)) if status == "success" else 200
    taken, given = dice.randrange(50, 3000), dice.randrange(10, 800)
    is_well = status == "success"
    return a_record(
        created_at=moment,
        request_id=f"req_past_{number:07}",
        attempt=0 if status == "refused" else 1,
        tenant_id=tenant_id,
        actor=f"key:ak_{dice.randrange(4)}",
        app=app,
        provider=None if status == "refused" else provider,
        requested_model=f"{provider}/{model}",
        model=None if status == "refused" else model,
        input_tokens=taken if is_well else None,
        output_tokens=given if is_well else None,
        total_tokens=taken + given if is_well else None,
        cost_nano_usd=price * (taken + 4 * given) // 10 if is_well else 0,
        price_source="price-list" if is_well else "none",
        ttft_ms=max(1, duration // 5) if is_well else None,
        duration_ms=max(1, duration),
        status=status,
        error_code={"failed": "provider_unavailable", "refused": "out_of_credits"}.get(status),
        finish_reason="stop" if is_well else None,
        client_id=dice.randrange(1, 6) if app == "widget" else None,
        widget_id=dice.randrange(1, 9) if app == "widget" else None,
    )


async def fill_log(parts: Parts, tenant_id: str, count: int = 900, days: int = 30) -> None:
    """Write such a past into the log."""
    for record in a_past(tenant_id, count, days):
        parts.usage_log.append(record)
    await parts.usage_log.flush()
