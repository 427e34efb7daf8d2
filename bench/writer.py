"""Measure what the writer itself costs: everything but the model.

    python -m bench.writer [--deals 200]

Prints how long a batch of deal summaries takes when each answer takes the model 50 ms, what a mail costs the
process, and how long its claim check takes. The model is the scripted provider.
"""

import argparse
import asyncio
import json
import logging
from time import perf_counter, process_time

import structlog

from officium.apps.writer import ClientAuthor, WriterService
from officium.core.grounding import check_claims
from officium.core.llm.client import LLMClient
from officium.library import load_prompt_registry
from officium.testing import ScriptedTransport
from officium.testing.scripted import Act

MODEL_S = 0.05
MAILS = 200
NOTES = ["Customer requested quote revision", "Waiting for technical specs", "End user not yet identified"]
SUMMARY = {
    "summary": "Project Alpha has been in Order Received for 14 days, waiting for technical specs.",
    "next_action": "Identify end user and obtain specs",
    "blockers": ["Missing technical specs"],
    "recommendations": [],
    "missing_info": ["End user contact"],
}
MAIL = {
    "subject": "Follow-up on overdue deals",
    "body": "Dear John,\n\nProject Alpha in the Aramco Projects pipeline is overdue by 14 days. "
    "The survey checklist is still missing.\n\nCould you please send it?\n\nKind regards",
    "suggestions": [],
}
DEAL = {"deal_title": "Project Alpha", "stage": "Order Received", "days_in_stage": 14, "notes": NOTES}
EMAIL = {
    "recipients": ["john@example.com"],
    "subject_intent": "Follow-up on overdue deals",
    "deal_contexts": [
        {
            "title": "Project Alpha",
            "pipeline": "Aramco Projects",
            "issue": "Overdue 14 days, missing survey checklist",
        }
    ],
}


def a_writer(answer: object, delay_s: float, count: int) -> WriterService:
    """A writer whose model gives this answer, so long after it was asked."""
    act = Act(text=json.dumps(answer), delay=delay_s)
    client = LLMClient("mock", transport=ScriptedTransport([act] * count), max_connections=100)
    return WriterService(ClientAuthor(client, load_prompt_registry()))


async def measure(deals: int) -> None:
    """Print the figures."""
    for at_once in (1, 5, 20):
        count = deals if at_once > 1 else min(deals, 40)
        started = perf_counter()
        results = await a_writer(SUMMARY, MODEL_S, count).batch_summarize_deals([DEAL] * count, at_once)
        took = perf_counter() - started
        assert not any(result.is_fallback for result in results)
        least = count * MODEL_S / at_once
        print(f"{count} deals, {at_once:2} at once: {took:5.2f} s (the model alone {least:5.2f} s)")
    writer = a_writer(MAIL, 0, MAILS)
    started, busy = perf_counter(), process_time()
    for _ in range(MAILS):
        await writer.draft_email(EMAIL)
    wall, busy = (perf_counter() - started) / MAILS, (process_time() - busy) / MAILS
    print(f"a mail: {wall * 1000:.1f} ms, {busy * 1000:.1f} ms of a processor")
    started = process_time()
    for _ in range(MAILS):
        check_claims(str(MAIL["body"]), EMAIL)
    print(f"its claim check: {(process_time() - started) / MAILS * 1000:.1f} ms of a processor")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--deals", type=int, default=200)
    logging.disable()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(measure(parser.parse_args().deals))


if __name__ == "__main__":
    main()
