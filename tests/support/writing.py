"""A writer whose model says what a test tells it to."""

import json
from typing import Any

from officium.core.llm.client import LLMClient
from officium.library import load_prompt_registry
from officium.testing import ScriptedTransport
from officium.testing.scripted import Act
from officium.writing import WriterService

EMAIL = {
    "recipients": ["john@example.com"],
    "subject_intent": "Follow-up on overdue deals",
    "deal_contexts": [
        {
            "title": "Project Alpha",
            "pipeline": "Aramco Projects",
            "stage": "Order Received",
            "issue": "Overdue 14 days, missing survey checklist",
        }
    ],
    "tone": "professional",
    "language": "en",
}
"""The documented example."""
DEAL = {
    "deal_id": 12345,
    "deal_title": "Project Alpha",
    "stage": "Order Received",
    "owner_name": "John Doe",
    "days_in_stage": 14,
    "notes": [
        "Customer requested quote revision",
        "Waiting for technical specs",
        "End user not yet identified",
    ],
}
"""The documented example."""
MAIL_ANSWER = {
    "subject": "Follow-up on overdue deals",
    "body": "Dear John,\n\nProject Alpha in the Aramco Projects pipeline is overdue by 14 days. "
    "The survey checklist is still missing.\n\nCould you please send it?\n\nKind regards",
    "suggestions": ["Name a date by which you need the checklist."],
}
SUMMARY_ANSWER = {
    "summary": "Project Alpha has been in Order Received for 14 days, waiting for technical specs.",
    "next_action": "Identify end user and obtain specs",
    "blockers": ["Missing technical specs", "End user unknown"],
    "recommendations": ["Ask the customer about the quote revision."],
    "missing_info": ["End user contact", "Technical requirements"],
}


def a_client(*said: Any) -> LLMClient:
    """A client whose model answers with these in turn: an act, a text, or an object as JSON."""
    acts = [one if isinstance(one, Act | str) else json.dumps(one, ensure_ascii=False) for one in said]
    return LLMClient("mock", transport=ScriptedTransport(acts), max_retries=0)


def a_writer(*said: Any, style: tuple[str, ...] = ()) -> WriterService:
    """A writer whose model answers with these in turn."""
    return WriterService(a_client(*said), load_prompt_registry(), style=style)
