"""What the writer is told: one model for each kind of text, in either spelling of its fields.

Whatever stands in a context may be said in the text; nothing else may. So the contexts are also what the
claims of a draft are compared with.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from officium.apps.writer.languages import LANGUAGE

LARGEST_CONTEXT_BYTES = 128 * 1024
"""A context as JSON is at most this large; a prompt with more would not be read with care anyway."""
MOST_SAMPLES = 5
MOST_NOTES = 200
MOST_DEALS = 50

Tone = Literal["professional", "friendly", "formal", "concise", "urgent", "apologetic", "persuasive"]
Channel = Literal["email", "whatsapp", "sms"]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE)]
Amount = Annotated[Decimal, Field(max_digits=18, decimal_places=4)]


class _Told(BaseModel):
    """Understands `deal_title` and `dealTitle`, and keeps what else a program's record says."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="allow"
    )

    def record(self) -> dict[str, Any]:
        """What it says, as JSON values under snake_case names; what is empty is left out."""
        said = self.model_dump(mode="json", exclude=_NOT_OF_THE_RECORD)
        return {name: value for name, value in said.items() if value not in (None, "", [], {})}


_NOT_OF_THE_RECORD = {"tone", "language", "channel", "samples", "max_items"}


class Context(_Told):
    """What all kinds share.

    `language` is the code of the language to write in. `samples` above 1 buys that many answers and compares
    them: it costs as many times as much, and makes the confidence worth more.
    """

    language: Language = "en"
    samples: int = Field(1, ge=1, le=MOST_SAMPLES)

    @model_validator(mode="after")
    def _is_not_too_large(self) -> "Context":
        if len(to_json(self.model_dump(mode="json"))) > LARGEST_CONTEXT_BYTES:
            raise ValueError(f"a context has at most {LARGEST_CONTEXT_BYTES // 1024} KB")
        return self


class DealContext(_Told):
    """A deal as a mail speaks of it. Other fields than these are told, too."""

    deal_id: int | None = None
    title: Line
    pipeline: Line | None = None
    stage: Line | None = None
    issue: Line | None = None
    owner_name: Line | None = None
    amount: Amount | None = None
    currency: Line | None = None
    due_date: date | None = None


class EmailDraftContext(Context):
    """A mail to be written. `previous_mail` is what it answers, `notes` what is known besides the deals."""

    recipients: list[Line] = Field(min_length=1, max_length=50)
    subject_intent: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    deal_contexts: list[DealContext] = Field([], max_length=MOST_DEALS)
    tone: Tone = "professional"
    sender_name: Line | None = None
    notes: list[Text] = Field([], max_length=MOST_NOTES)
    previous_mail: Text | None = None


class ReminderDraftContext(Context):
    """A reminder of something that is due, for one channel."""

    channel: Channel = "email"
    recipient_name: Line | None = None
    about: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    deal_title: Line | None = None
    stage: Line | None = None
    due_date: date | None = None
    days_overdue: int | None = Field(None, ge=0, le=36_500)
    amount: Amount | None = None
    currency: Line | None = None
    missing_items: list[Line] = Field([], max_length=50)
    tone: Tone = "professional"
    sender_name: Line | None = None
    notes: list[Text] = Field([], max_length=MOST_NOTES)


class _OfDeal(Context):
    """A deal's record."""

    deal_id: int | None = None
    deal_title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    pipeline: Line | None = None
    stage: Line | None = None
    owner_name: Line | None = None
    customer_name: Line | None = None
    amount: Amount | None = None
    currency: Line | None = None
    days_in_stage: int | None = Field(None, ge=0, le=36_500)
    notes: list[Text] = Field([], max_length=MOST_NOTES)


class DealSummaryContext(_OfDeal):
    """A deal to be summed up."""

    expected_close: date | None = None


class ComplianceContext(_OfDeal):
    """A deal to be checked: `required_items` are asked for, `present_items` are there."""

    required_items: list[Line] = Field([], max_length=100)
    present_items: list[Line] = Field([], max_length=100)


class OrderReceivedContext(_OfDeal):
    """An order that came in, of which it is not always said who will use the goods in the end."""

    order_number: Line | None = None
    order_date: date | None = None
    emails: list[Text] = Field([], max_length=50)


class Note(_Told):
    """A note with who wrote it and when, where that is known."""

    text: Text
    author: Line | None = None
    written_on: date | None = None


class NoteSummaryContext(Context):
    """Notes to be summed up."""

    title: Line | None = None
    notes: list[Note | Text] = Field(min_length=1, max_length=MOST_NOTES)
    max_items: int = Field(10, ge=1, le=50)
