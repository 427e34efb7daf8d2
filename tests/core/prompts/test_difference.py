from time import thread_time

from officium.core.prompts import Prompt
from officium.core.prompts.difference import difference
from officium.core.prompts.prompt import PromptVersion, shipped_version


def version(system: str, number: int = 1) -> PromptVersion:
    return shipped_version(Prompt(name="a", system=system), number)


def test_lines_are_shown_with_what_is_around_them() -> None:
    old = version("one\ntwo\nthree\nfour\nfive\nsix\nseven\neight")
    new = version("one\ntwo\nthree\nfour\nfünf\nsix\nseven\neight", 2)

    lines = difference(old, new).split("\n")

    start = ["--- shipped/1", "+++ shipped/2"]
    around = [" two", " three", " four", "-five", "+fünf", " six", " seven", " eight"]
    assert lines[:2] == start
    assert lines[3:] == around
    assert lines[2].startswith("@@ -")


def test_places_count_from_the_beginning() -> None:
    lines = [f"line {number}" for number in range(100)]
    changed = [*lines[:90], "new", *lines[91:]]

    shown = difference(version("\n".join(lines)), version("\n".join(changed), 2)).split("\n")

    first_line = int(shown[2].split()[1].split(",")[0][1:])
    header = difference(version("x"), version("y")).split("\n")
    offset = int(header[2].split()[1].split(",")[0][1:]) + header[3:].index("-x")
    assert first_line + shown[3:].index("-line 90") == offset + 90


def test_nothing_changed_is_nothing() -> None:
    assert difference(version("same"), version("same", 2)) == ""


def test_texts_that_are_hard_to_compare_are_shown_as_replaced() -> None:
    words = [f"w{number % 150}" for number in range(1900)]
    old, new = version("\n".join(words)), version("\n".join(reversed(words)), 2)
    started = thread_time()

    lines = difference(old, new).split("\n")

    assert thread_time() - started < 1
    assert sum(line.startswith("-") for line in lines) == sum(line.startswith("+") for line in lines)
