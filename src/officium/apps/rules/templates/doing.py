"""The part that says what is to be done: actions of the catalogue, and their parameters."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from officium.apps.rules.catalogue import ActionType, Catalogue
from officium.apps.rules.relevance import ranked
from officium.apps.rules.templates.understanding import NotUnderstood
from officium.apps.rules.words import stem, words_of

_JOINTS = re.compile(r"\s*(?:,\s*(?:and\s+)?(?:then\s+)?|\s+and\s+(?:then\s+)?|\s+then\s+|;\s*)")
_QUOTED = re.compile(r"[\"“](.+?)[\"”]|(?<!\w)'(.+?)'(?!\w)")
_SAYING = re.compile(
    r"\b(?:saying|that says|with the (?:text|message)|titled|called|named)\s+(.+)$", re.IGNORECASE
)
_TO = re.compile(
    r"\b(?:to|for)\s+(?P<who>(?:the\s+)?[#@\w.+-]+(?:@[\w.-]+)?(?:\s+(?!about\b|when\b|if\b|with\b|by\b|via\b|on\b"
    r"|in\b|that\b|saying\b)[\w-]+){0,3})",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"^(?:please\s+)?(?:alert|notify|tell|warn|inform|page|ping|email|e-mail|mail|text|message|call|remind)\s+"
    r"(?P<who>(?:the\s+|our\s+|my\s+)?[#@\w.+-]+(?:\s+(?!about\b|when\b|if\b|with\b|by\b|via\b|on\b|in\b|that\b"
    r"|saying\b|through\b)[\w-]+){0,3})",
    re.IGNORECASE,
)
_CHANNEL = re.compile(r"#([\w-]+)")
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(%|[A-Za-z]+)?")
_RECIPIENTS = ("to", "recipient", "recipients", "assignee", "owner", "team", "user", "from", "who")
_TEXTS = frozenset(
    ("message", "text", "title", "body", "subject", "description", "report", "summary", "content")
)
_LEADING = re.compile(r"^(?:please|then|also|automatically|immediately|just)\s+", re.IGNORECASE)


class Doing(Struct, frozen=True, kw_only=True):
    """The actions, in order, as rules say them."""

    calls: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()


_NOBODY = "team"
"""Who is told where a sentence names nobody."""


def doing(text: str, catalogue: Catalogue, sentence: str) -> Doing:
    """Read what is to be done. Raises NotUnderstood for what is no action of the catalogue."""
    calls, notes = [], []
    for piece in _pieces(text, catalogue):
        call, filled = _call(piece, catalogue, sentence)
        calls.append(call)
        if filled:
            notes.append(f"The sentence names nobody, so {call['action']} goes to {_NOBODY!r}.")
    return Doing(calls=tuple(calls), notes=tuple(notes))


def _pieces(text: str, catalogue: Catalogue) -> Iterator[str]:
    """The actions one by one: a piece that does not begin with a verb belongs to the one before."""
    verbs = {word for action in catalogue.action_types for word in words_of(action.name)}
    verbs |= {word for action in catalogue.action_types for word in words_of(action.description)[:1]}
    pending = ""
    last = 0
    for joint in [*_JOINTS.finditer(text), None]:
        piece = text[last : joint.start() if joint else len(text)]
        if pending and _begins_with_verb(piece, verbs):
            yield pending
            pending = piece
        else:
            pending = text[text.index(pending) : last + len(piece)] if pending else piece
        last = joint.end() if joint else len(text)
    yield pending


def _begins_with_verb(piece: str, verbs: set[str]) -> bool:
    first = _LEADING.sub("", piece).split()
    return bool(first) and len(first) > 1 and (set(words_of(first[0])) & verbs) != set()


def _call(text: str, catalogue: Catalogue, sentence: str) -> tuple[Mapping[str, Any], bool]:
    """The action that a phrase means, and whether somebody had to be told whom it does not name."""
    phrase = _LEADING.sub("", text.strip().strip("."))
    verb = words_of(phrase.split()[0])[:1] if phrase.split() else ()
    unquoted = _QUOTED.sub("", _SAYING.sub("", phrase))
    candidates = list(_candidates(unquoted, verb, catalogue))
    for fills in (False, True):
        for action in candidates:
            params = _params(action, phrase, sentence)
            required = set(action.parameters.get("required", ()))
            lacking = required - params.keys()
            if fills and lacking and lacking <= {"to", "recipient", "recipients"}:
                params |= dict.fromkeys(lacking, _NOBODY)
                lacking = set()
            is_right = not lacking and _is_covered(unquoted, action, params)
            if is_right and catalogue.validator_of(action).is_valid(params):
                return {"action": action.name, "params": params}, fills
    if not candidates:
        raise NotUnderstood(f"The catalogue has no action for {phrase!r}.")
    best = candidates[0]
    params = _params(best, phrase, sentence)
    if not _is_covered(unquoted, best, params):
        raise NotUnderstood(f"The catalogue has no action for {phrase!r}; the closest is {best.name}.")
    missing = sorted(set(best.parameters.get("required", ())) - params.keys())
    if missing:
        raise NotUnderstood(f"{best.name} needs {' and '.join(missing)}, which {phrase!r} does not say.")
    raise NotUnderstood(f"I cannot make out the parameters of {best.name} in {phrase!r}.")


def _is_covered(phrase: str, action: ActionType, params: Mapping[str, Any]) -> bool:
    """Whether the words of the phrase are the action's own, but for those that became parameters."""
    known = set(words_of(f"{action.name} {action.description}"))
    given = {word for name in params.keys() - _TEXTS for word in words_of(str(params[name]))}
    names = {word for name in params for word in words_of(name)}
    words = {word for word in words_of(phrase) if not word.isdigit()} - given - names - _ADVERBS
    return 3 * len(words - known) <= len(words & known)


_ADVERBS = frozenset(words_of("automatically immediately again once right away customer service it them"))


def _candidates(phrase: str, verb: tuple[str, ...], catalogue: Catalogue) -> Iterator[ActionType]:
    """The actions that have the phrase's verb, the best first, as long as they are close to the best."""
    order = ranked(catalogue.action_types, phrase, lambda action: action.name)
    top = order[0][0] if order else 0.0
    said = set(words_of(phrase))

    def rank(entry: tuple[float, int]) -> tuple[float, int]:
        return -entry[0], len(set(words_of(catalogue.action_types[entry[1]].name)) - said)

    for score, index in sorted(order, key=rank):
        action = catalogue.action_types[index]
        if score <= 0 or score < 0.6 * top:
            return
        if not verb or verb[0] in words_of(f"{action.name} {action.description}"):
            yield action


def _params(action: ActionType, phrase: str, sentence: str) -> dict[str, Any]:
    schema = action.parameters.get("properties", {})
    required = set(action.parameters.get("required", ()))
    found = _QUOTED.search(phrase)
    said = (found[1] or found[2]) if found else None
    if said is None and (saying := _SAYING.search(phrase)):
        said = saying[1].strip()
    bare = _QUOTED.sub("", phrase)
    texts = sorted((name for name in schema if name in _TEXTS), key=lambda name: name not in required)
    params: dict[str, Any] = {}
    for name, part in schema.items():
        if not isinstance(part, Mapping):
            continue
        is_first_text = name == texts[0] if texts else False
        value = _param(name, part, bare, said if name in required or is_first_text else None)
        if value is None and name in required and name in _TEXTS and part.get("type") == "string":
            value = said or _headline(sentence)
        elif value is None and name in required and part.get("type") in ("integer", "number"):
            value = _only_number(part["type"], bare)
        if value is not None:
            params[name] = value
    return params


def _param(name: str, part: Mapping[str, Any], phrase: str, said: str | None) -> Any:
    if "enum" in part:
        words = {stem(word.casefold()): word for word in re.findall(r"[\w-]+", phrase)}
        return next((value for value in part["enum"] if stem(str(value).casefold()) in words), None)
    kind = part.get("type")
    if kind in ("integer", "number"):
        return _count(name, kind, phrase)
    if kind == "boolean":
        if re.search(r"\b(on|true|enable\w*)\b", phrase):
            return True
        return False if re.search(r"\b(off|false|disable\w*)\b", phrase) else None
    if kind != "string":
        return None
    if name == "channel" and (channel := _CHANNEL.search(phrase)):
        return f"#{channel[1]}"
    if name in _RECIPIENTS:
        return _recipient(phrase)
    if name in _TEXTS:
        return said
    if name in ("tag", "list", "queue", "workflow", "version", "stage", "service", "url", "name"):
        return _named(name, phrase, said)
    return None


def _recipient(phrase: str) -> str | None:
    found = _TOLD.match(phrase) or _TO.search(phrase)
    if found is None:
        return None
    who = re.sub(r"^(?:the|our|my)\s+", "", found["who"].strip(), flags=re.IGNORECASE)
    return None if who.casefold() in ("a", "an", "it", "this") else who


def _named(name: str, phrase: str, said: str | None) -> str | None:
    """What follows the parameter's own name, or stands in quotes: `the tag urgent`, `tag "urgent"`."""
    if name == "url":
        found = re.search(r"https?://\S+", phrase)
        return found[0].rstrip(".,") if found else None
    found = re.search(rf"\b{name}\s+([\w.@-]+)", phrase, re.IGNORECASE)
    return found[1] if found else said


def _count(name: str, kind: str, phrase: str) -> float | int | None:
    """The number that stands with a word of the parameter's name, or the only one there is."""
    numbers = _NUMBER.findall(phrase)
    wanted = set(words_of(name))
    named = re.search(rf"\b{re.escape(name)}\s+(?:of\s+|to\s+|=\s*)?(\d+(?:\.\d+)?)", phrase, re.IGNORECASE)
    if named is not None:
        return float(named[1]) if kind == "number" and "." in named[1] else int(float(named[1]))
    for digits, unit in numbers:
        if set(words_of(unit or "")) & wanted or (unit == "%" and "percent" in name):
            return float(digits) if kind == "number" and "." in digits else int(float(digits))
    return None


def _only_number(kind: str, phrase: str) -> float | int | None:
    numbers = _NUMBER.findall(phrase)
    if len(numbers) != 1:
        return None
    digits = numbers[0][0]
    return float(digits) if kind == "number" and "." in digits else int(float(digits))


def _headline(sentence: str) -> str:
    text = " ".join(sentence.split()).rstrip(".")
    text = text[:1].upper() + text[1:]
    return text if len(text) <= 190 else f"{text[:189]}…"
