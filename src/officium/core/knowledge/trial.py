"""Asking a knowledge base many questions at once, from and to plain records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from officium.core.knowledge.calibrator import Calibrator
from officium.core.knowledge.encoder import Encoder
from officium.core.knowledge.entry import Entry
from officium.core.knowledge.index import KnowledgeIndex
from officium.kit.errors import InvalidRequest


def answer_all(
    entries: Sequence[Mapping[str, Any]],
    questions: Iterable[Mapping[str, Any]],
    phrasings: int | None,
    encoder: Encoder | None,
    calibrator: Calibrator | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield for each question its id, the ids of ten entries best first, and both probabilities.

    `entries` have id, phrasings and answer, `questions` id and text. Only the first `phrasings` are read.
    """
    try:
        numbered = [
            Entry(number, tuple(map(str, entry["phrasings"]))[:phrasings], entry.get("answer"))
            for number, entry in enumerate(entries)
        ]
        asked = [(question["id"], str(question["text"])) for question in questions]
        ids = [entry["id"] for entry in entries]
    except (KeyError, TypeError) as error:
        raise InvalidRequest("Entries need id, phrasings and answer; questions need id and text.") from error
    index = KnowledgeIndex.build(numbered, encoder, calibrator)
    for question_id, text in asked:
        found = index.search(text)
        yield {
            "id": question_id,
            "ranked": [ids[match.entry_id] for match in found.matches],
            "confidence": round(found.matches[0].confidence, 6) if found.matches else 0.0,
            "scope": round(found.scope, 6),
        }
