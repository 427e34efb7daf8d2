"""How far answers stand on the knowledge base: what counts as supported, in several languages."""

import pytest

from officium.apps.widget.answers.support import GROUNDED, UNGROUNDED, measure_support

HOURS = "What are your hours?\nWe are open from 9:00 to 18:00, Monday to Saturday."
RETURNS = "Can I return goods?\nYou can return unused goods within 30 days. We do not accept opened food."
DELIVERY = "Do you deliver?\nDelivery costs 3.50 euros within 5 km of the shop."
EVIDENCE = [HOURS, RETURNS, DELIVERY]


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("We are open from 9:00 to 18:00, Monday to Saturday.", 0),
        ("Hello! We're open Monday to Saturday from 9:00 to 18:00. Anything else?", 0),
        ("Unused goods can be returned within 30 days.", 1),
        ("We do not accept opened food.", 1),
        ("Within 5 km of the shop delivery costs €3.50.", 2),
    ],
)
def test_what_the_evidence_says_is_grounded(answer: str, source: int):
    found = measure_support(answer, EVIDENCE)

    assert (found.confidence, found.confidence_source) == (GROUNDED, "grounded")
    assert found.sources[0] == source


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("We are open from 7:00 to 23:00, Monday to Saturday.", id="other-times"),
        pytest.param("You can return unused goods within 60 days.", id="another-figure"),
        pytest.param("We accept opened food.", id="the-contrary"),
        pytest.param("We are not open Monday to Saturday.", id="denied"),
        pytest.param("Our bakery was founded by two sisters in Marseille.", id="made-up"),
        pytest.param("Delivery costs 30 euros within 5 km of the shop.", id="figure-of-another-entry"),
    ],
)
def test_what_the_evidence_does_not_say_is_not_grounded(answer: str):
    assert measure_support(answer, EVIDENCE).confidence < 0.85


def test_a_part_is_worth_less_than_the_whole():
    found = measure_support(
        "We are open from 9:00 to 18:00, Monday to Saturday. Our founder comes from Marseille in France.",
        EVIDENCE,
    )

    assert found.confidence_source == "partly_grounded"
    assert UNGROUNDED < found.confidence < 0.85


def test_nothing_supports_an_answer_without_evidence():
    assert measure_support("We are open all day.", []).confidence == UNGROUNDED
    assert measure_support("", EVIDENCE).confidence == UNGROUNDED


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        (
            "Wir haben montags bis samstags von 9 bis 18 Uhr geöffnet.",
            "Montag bis Samstag von 9 bis 18 Uhr geöffnet.",
        ),
        ("営業時間は9時から18時までです。", "営業時間は月曜から土曜の9時から18時までです。"),
        ("نحن مفتوحون من الساعة 9 إلى 18.", "المحل مفتوح من الساعة 9 إلى 18 كل يوم. نحن مفتوحون طوال العام."),
    ],
)
def test_other_languages_are_compared_as_well(answer: str, evidence: str):
    assert measure_support(answer, [evidence]).confidence == GROUNDED
