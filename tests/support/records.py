"""Builders of usage records."""

from datetime import UTC, datetime

import msgspec

from officium.core.usage import UsageRecord


def a_record(**changes: object) -> UsageRecord:
    """A record of a successful call, with these fields changed."""
    record = UsageRecord(
        created_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
        request_id="req_1",
        attempt=1,
        is_last=True,
        tenant_id="ten_1",
        actor="key:key_1",
        user=None,
        app="gateway",
        prompt=None,
        prompt_version=None,
        provider="mock",
        requested_model="mock",
        model="mock",
        is_stream=False,
        input_tokens=10,
        cached_tokens=0,
        cache_write_tokens=None,
        output_tokens=5,
        reasoning_tokens=None,
        total_tokens=15,
        usage_source="provider",
        cost_nano_usd=0,
        price_source="scripted",
        ttft_ms=3,
        duration_ms=7,
        status="success",
        error_code=None,
        finish_reason="stop",
    )
    return msgspec.structs.replace(record, **changes)
