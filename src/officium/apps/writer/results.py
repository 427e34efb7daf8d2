"""What the writer gives back: one model for each kind of text, each with what its confidence rests on."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from officium.apps.writer.languages import Direction

ClaimKind = Literal["name", "amount", "date", "status"]
ComplianceStatus = Literal["compliant", "non_compliant", "needs_review"]


class DraftClaim(BaseModel):
    """A name, amount, date or status at `start` to `end` of a field, and whether the context has it."""

    model_config = ConfigDict(frozen=True)

    field: str
    start: int
    end: int
    text: str
    kind: ClaimKind
    is_supported: bool
    context_says: str | None = None


class Evidence(BaseModel):
    """What a confidence was made of. Each part lies between 0 and 1; `agreement` is there for bought samples.

    `schema_validity` is 1 where the first answer fitted, less where it had to be corrected or mended.
    `claims` is what the claim check leaves: each unsupported claim takes much of it. `completeness` is the
    share of what the text had to say and does. `suspicions` are texts of the record that give orders, and
    addresses in the draft that only a note or mail has. `raw_confidence` is what all make together, before
    what became of earlier drafts was taken into account.
    """

    model_config = ConfigDict(frozen=True)

    schema_validity: float = Field(ge=0, le=1)
    claims: float = Field(ge=0, le=1)
    claims_checked: int = Field(ge=0)
    claims_unsupported: int = Field(ge=0)
    completeness: float = Field(ge=0, le=1)
    agreement: float | None = Field(None, ge=0, le=1)
    suspicions: int = Field(0, ge=0)
    raw_confidence: float = Field(ge=0, le=1)


class Result(BaseModel):
    """What all kinds share.

    `confidence` is 0.0 for a text that was made without a model (`is_fallback`); `warnings` say what to look
    at before using it. `draft_id` names the draft for feedback, where it was kept.
    """

    confidence: float = Field(ge=0.0, le=1.0)
    warnings: list[str] = []
    claims: list[DraftClaim] = []
    evidence: Evidence | None = None
    is_fallback: bool = False
    language: str = "en"
    direction: Direction = "ltr"
    draft_id: str | None = None
    model: str | None = None
    prompt: str | None = None
    variant: str | None = None
    experiment: str | None = None

    def texts(self) -> dict[str, str]:
        """The texts that the reader is to believe, by field; lists are joined by lines."""
        raise NotImplementedError


class DraftEmailResult(Result):
    """A mail as text and as HTML that says the same; `suggestions` are for the sender alone."""

    subject: str
    body: str
    html: str
    suggestions: list[str] = []

    def texts(self) -> dict[str, str]:
        """Subject and body."""
        return {"subject": self.subject, "body": self.body}


class MessageLength(BaseModel):
    """How long a message is on its channel, and how long it may be there.

    `segments` are what an SMS is billed by; `encoding` decides how much one holds.
    """

    model_config = ConfigDict(frozen=True)

    characters: int
    limit: int
    encoding: Literal["gsm-7", "ucs-2"] | None = None
    segments: int | None = None


class DraftReminderResult(Result):
    """A reminder in a short and a long version; mails have a subject and HTML of the long one, too."""

    short_version: str
    long_version: str
    tags: list[str] = []
    channel: str = "email"
    subject: str | None = None
    html: str | None = None
    short_length: MessageLength | None = None
    long_length: MessageLength | None = None

    def texts(self) -> dict[str, str]:
        """Both versions, and the subject."""
        texts = {"short_version": self.short_version, "long_version": self.long_version}
        return texts if self.subject is None else {"subject": self.subject, **texts}


class DealSummaryResult(Result):
    """Where a deal stands, and what to do next."""

    summary: str
    next_action: str
    blockers: list[str] = []
    recommendations: list[str] = []
    missing_info: list[str] = []

    def texts(self) -> dict[str, str]:
        """Everything in it; what is recommended is advice and claims nothing."""
        return {
            "summary": self.summary,
            "next_action": self.next_action,
            "blockers": "\n".join(self.blockers),
            "missing_info": "\n".join(self.missing_info),
        }


class ComplianceResult(Result):
    """Whether a deal has what is required of it."""

    status: ComplianceStatus
    missing_items: list[str] = []
    issues: list[str] = []
    summary: str = ""

    def texts(self) -> dict[str, str]:
        """The summary, what is missing and what else is wrong."""
        return {
            "summary": self.summary,
            "missing_items": "\n".join(self.missing_items),
            "issues": "\n".join(self.issues),
        }


class OrderReceivedResult(Result):
    """Who the end user of an order is: the words of the record that say so, or what to ask."""

    end_user: str | None = None
    end_user_identified: bool = False
    quotes: list[str] = []
    summary: str = ""
    missing_info: list[str] = []
    next_action: str = ""

    def texts(self) -> dict[str, str]:
        """Everything in it."""
        return {
            "end_user": self.end_user or "",
            "quotes": "\n".join(self.quotes),
            "summary": self.summary,
            "missing_info": "\n".join(self.missing_info),
            "next_action": self.next_action,
        }


class ActionItem(BaseModel):
    """Something to be done, by whom and until when, where the notes say so."""

    model_config = ConfigDict(frozen=True)

    action: str
    owner: str | None = None
    due: str | None = None


class NoteSummaryResult(Result):
    """What notes say, what is to be done, and by whom."""

    summary: str
    action_items: list[ActionItem] = []
    owners: list[str] = []

    def texts(self) -> dict[str, str]:
        """Everything in it."""
        items = [" - ".join(filter(None, (one.action, one.owner, one.due))) for one in self.action_items]
        return {
            "summary": self.summary,
            "action_items": "\n".join(items),
            "owners": "\n".join(self.owners),
        }
