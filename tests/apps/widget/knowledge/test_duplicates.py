"""Which entries ask nearly the same."""

from datetime import UTC, datetime

from officium.apps.widget.knowledge.duplicates import find_duplicates
from officium.apps.widget.knowledge.entry import KnowledgeEntry

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def entry(id: int, *phrasings: str) -> KnowledgeEntry:
    return KnowledgeEntry(
        id=id,
        tenant_id="ten_a",
        widget_id=1,
        version=1,
        created_at=NOW,
        updated_at=NOW,
        updated_by="test",
        phrasings=phrasings,
        answer="x",
    )


def test_the_most_alike_come_first_and_each_pair_once():
    found = find_duplicates(
        [
            entry(1, "What are your opening hours?", "When do you open?"),
            entry(2, "what are your opening hours"),
            entry(3, "What are your openings hours?"),
            entry(4, "How do I pay?", "How do I pay ?"),
        ]
    )

    assert [(pair.first.id, pair.second.id) for pair in found] == [(1, 2), (1, 3), (2, 3)]
    assert found[0].similarity == 1.0
    assert found[0].first_phrasing == "What are your opening hours?"


def test_scripts_without_spaces_are_compared_as_well():
    found = find_duplicates(
        [entry(1, "営業時間は何時ですか"), entry(2, "営業時間は何時ですか?"), entry(3, "駐車場")]
    )

    assert [(pair.first.id, pair.second.id) for pair in found] == [(1, 2)]
