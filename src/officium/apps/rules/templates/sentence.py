"""A sentence taken apart: when it is looked at, under which condition, and what is done then."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from officium.apps.rules.catalogue import Catalogue, Trigger
from officium.apps.rules.templates.comparison import Compared, compared
from officium.apps.rules.templates.doing import doing
from officium.apps.rules.templates.schedule import Timing, timing_of
from officium.apps.rules.templates.understanding import NotUnderstood
from officium.apps.rules.words import words_of

LONGEST_SENTENCE = 500
_IF = r"(?:when(?:ever)?|if|once|as soon as|in case|every time|each time|any time)"
_IF_FIRST = re.compile(
    rf"^{_IF}\s+(?P<condition>.+?)\s*(?:,\s*then\s+|,\s+|\s+then\s+)(?P<doing>.+)$", re.IGNORECASE
)
_IF_LAST = re.compile(rf"^(?P<doing>.+?)\s*,?\s+(?P<word>{_IF}|unless)\s+(?P<condition>.+)$", re.IGNORECASE)
_UNLESS_FIRST = re.compile(r"^unless\s+(?P<condition>.+?)\s*,\s+(?P<doing>.+)$", re.IGNORECASE)
_NAME_WORDS = re.compile(r"[A-Za-z0-9]+")


class TemplateRule(Struct, frozen=True, kw_only=True):
    """A workflow as a sentence says it, and what had to be chosen without its help."""

    said: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def write_by_template(sentence: str, catalogue: Catalogue) -> TemplateRule:
    """Make a workflow of a sentence without any model. Raises NotUnderstood: it says what has no place."""
    text = " ".join(sentence.split()).rstrip(".!")
    if not text or len(text) > LONGEST_SENTENCE:
        raise NotUnderstood(f"A sentence has 1 to {LONGEST_SENTENCE} characters.")
    timing = timing_of(text)
    condition_text, doing_text, is_opposite = _split(timing.rest)
    condition_text, _, exception = condition_text.partition(" unless ")
    done = doing(doing_text, catalogue, text)
    found = compared(condition_text, catalogue) if condition_text else None
    if found is None and not timing.is_periodic:
        raise NotUnderstood("I see neither a time nor a condition: say when, such as `if … then …`.")
    trigger, params, notes = _trigger(timing, found, catalogue)
    condition = "true" if found is None else found.condition
    if is_opposite:
        condition = f"NOT ({condition})"
    if exception:
        condition = f"({condition}) AND NOT ({compared(exception, catalogue).condition})"
    name = _name(found, doing_text)
    rule = {
        "name": f"check-{name}" if found is not None and found.facts else name,
        "condition": condition if is_opposite or exception or condition == "true" else f"({condition})",
        "then": [dict(call) for call in done.calls],
    }
    said: dict[str, Any] = {"workflow_name": _workflow_name(name, doing_text), "trigger": trigger.name}
    if params:
        said["trigger_params"] = params
    return TemplateRule(said={**said, "rules": [rule]}, notes=(*notes, *done.notes))


def _split(text: str) -> tuple[str, str, bool]:
    """The condition's part, the actions' part, and whether the condition is turned round."""
    if found := _UNLESS_FIRST.match(text):
        return found["condition"], found["doing"], True
    if found := _IF_FIRST.match(text):
        return found["condition"], found["doing"], False
    if found := _IF_LAST.match(text):
        return found["condition"], found["doing"], found["word"].casefold() == "unless"
    return "", text, False


def _trigger(
    timing: Timing, found: Compared | None, catalogue: Catalogue
) -> tuple[Trigger, dict[str, Any], list[str]]:
    """The trigger, its parameters, and what was chosen without the sentence's help."""
    wanted = timing.params()
    notes: list[str] = []
    if found is not None and found.trigger is not None and not timing.is_periodic:
        chosen = found.trigger
    elif timing.is_periodic:
        chosen = _first_that_takes(catalogue, "periodic", wanted)
    else:
        chosen = _by_facts(found, catalogue, wanted, notes)
    taken = set(chosen.parameters.get("properties", {}))
    if not wanted.keys() <= taken:
        lacking = " and ".join(sorted(wanted.keys() - taken))
        raise NotUnderstood(f"The trigger {chosen.name} takes no {lacking}.")
    return chosen, wanted, notes


def _first_that_takes(catalogue: Catalogue, kind: str, wanted: Mapping[str, Any]) -> Trigger:
    for trigger in catalogue.triggers:
        required = set(trigger.parameters.get("required", ()))
        if (
            trigger.kind == kind
            and wanted.keys() <= set(trigger.parameters.get("properties", {}))
            and (required <= wanted.keys())
        ):
            return trigger
    needs = " and ".join(wanted)
    raise NotUnderstood(f"The catalogue has no {kind} trigger that takes {needs}.")


def _by_facts(
    found: Compared | None, catalogue: Catalogue, wanted: Mapping[str, Any], notes: list[str]
) -> Trigger:
    assert found is not None
    if any(fact.is_measured for fact in found.facts):
        measured = [trigger for trigger in catalogue.triggers if trigger.kind == "metric"]
        if measured:
            return measured[0]
    else:
        subject = set(words_of(" ".join(fact.path.split(".", 1)[0] for fact in found.facts)))
        events = [each for each in catalogue.triggers if subject & set(words_of(each.name))]
        if events:
            changing = [each for each in events if {"chang", "updat"} & set(words_of(each.name))]
            chosen = (changing or events)[0]
            if len(events) > 1:
                others = " or ".join(each.name for each in events if each is not chosen)
                notes.append(f"{chosen.name} was chosen; {others} would be possible, too.")
            return chosen
    for kind in ("metric", "periodic", "event"):  # the sooner it sees a change, the better
        for trigger in catalogue.triggers:
            if trigger.kind == kind and not trigger.parameters.get("required"):
                notes.append(f"{trigger.name} was chosen, since the sentence names no moment.")
                return trigger
    raise NotUnderstood("The catalogue has no trigger for that.")


def _name(found: Compared | None, doing_text: str) -> str:
    if found is None:
        return _kebab(doing_text, 4)
    return _kebab(found.subject, 4)


def _workflow_name(name: str, doing_text: str) -> str:
    first = words_of(doing_text)[:1]
    suffix = "alert" if first == words_of("alert") else "rule"
    return f"{name}-{suffix}"


def _kebab(text: str, most: int) -> str:
    small = {"the", "a", "an", "is", "are", "of", "to", "in", "on", "and", "or", "it", "has", "have", "was"}
    return "-".join(_named(text, small, most)) or "rule"


def _named(text: str, small: set[str], most: int) -> Iterator[str]:
    words = [word.casefold() for word in _NAME_WORDS.findall(text) if word.casefold() not in small]
    yield from words[:most]
