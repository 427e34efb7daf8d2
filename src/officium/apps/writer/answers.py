"""What a model is asked for: the same fields as the `output_schema` of the prompt has.

A test holds each of these against its prompt's file.
"""

from pydantic import BaseModel, ConfigDict

from officium.apps.writer.results import ActionItem, ComplianceStatus


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class EmailAnswer(_Answer):
    """A mail, and hints for its sender."""

    subject: str
    body: str
    suggestions: list[str]


class ReminderAnswer(_Answer):
    """A message in two lengths, and words to file it under."""

    short_version: str
    long_version: str
    tags: list[str]


class ReminderEmailAnswer(ReminderAnswer):
    """The same, with a subject."""

    subject: str


class DealSummaryAnswer(_Answer):
    """Where a deal stands."""

    summary: str
    next_action: str
    blockers: list[str]
    recommendations: list[str]
    missing_info: list[str]


class ComplianceAnswer(_Answer):
    """What is missing."""

    status: ComplianceStatus
    missing_items: list[str]
    issues: list[str]
    summary: str


class OrderReceivedAnswer(_Answer):
    """Who will use the goods, with the words that say so."""

    end_user: str | None
    quotes: list[str]
    summary: str
    missing_info: list[str]
    next_action: str


class NoteSummaryAnswer(_Answer):
    """What notes say and ask for."""

    summary: str
    action_items: list[ActionItem]
    owners: list[str]
