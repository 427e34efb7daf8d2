"""Texts and contexts made to keep the server busy: 200,000 characters take less than a second of work.

The limits are twice that, for machines that others keep busy.
"""

import time

import pytest

from officium.core.grounding import Checker, read_facts

CONTEXT = {
    "recentAnalytics": {"sessions": 1500, "users": 450, "conversions": 23, "revenue": 12500.50},
    "deals": [{"title": f"Project {n}", "amount": n * 1000, "stage": "open"} for n in range(60)],
}
SIZE = 200_000
HOSTILE = {
    "digits": "1" * SIZE,
    "separators": "1,1.1" * (SIZE // 5),
    "spaced groups": "1 111 " * (SIZE // 6),
    "numbers": "7 " * (SIZE // 2),
    "spaces after a number": "1" + " " * (SIZE - 1),
    "signs": "$-$-" * (SIZE // 4),
    "months": "May 1 of May " * (SIZE // 13),
    "one word": "a" * SIZE,
    "dots": "." * SIZE,
    "bars": "| 1 |" * (SIZE // 5),
    "breaks": "\n" * SIZE,
    "named figures": "12 sessions and 13 users, " * (SIZE // 26),
    "sums": "Together 12, 13 and 14 sessions per user grew 3% to $5. " * (SIZE // 56),
    "titles": "Project 7 amount 12 " * (SIZE // 20),
    "percent": "%" * SIZE,
    "hyphens": "1-1-" * (SIZE // 4),
    "Arabic": "٤٥٠ مستخدم و" * (SIZE // 12),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_takes_a_second_at_most(text: str) -> None:
    checker = Checker(read_facts(CONTEXT))

    start = time.process_time()
    checker.check(text)

    assert time.process_time() - start < 2.0


def test_a_hostile_context_takes_seconds_at_most_and_not_minutes() -> None:
    deals = [{"title": f"Big deal {n}", "amount": 7, "count": 7, f"key{n}": 7} for n in range(4_000)]

    start = time.process_time()
    facts = read_facts({"deals": deals})
    Checker(facts).check("The deal has an amount of 7 and a count of 7. " * 1_000)

    assert not facts.is_complete
    assert time.process_time() - start < 8.0
