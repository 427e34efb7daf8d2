"""The sheet on which a rule lies in the studio: it travels with every form, so nothing of it is kept here."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.rules.catalogue import Catalogue, ConditionType
from officium.apps.rules.conditions import parse_condition, paths_in
from officium.apps.rules.rule import WorkflowRules
from officium.apps.rules.rulebook import Draft, KeptRule
from officium.apps.rules.saved_rule import Method
from officium.apps.rules.service import Made, Options, Way
from officium.kit.errors import InvalidRequest

FORM_BYTES = 4 * 1024 * 1024
MOST_FIELDS_OF_FACTS = 30
_MOST_PAST = 20
_FACT = "fact:"


class Sheet(Struct, frozen=True, kw_only=True):
    """A rule that somebody works on: the workflow, where it came from, and what it was before.

    `context` is a catalogue for this rule alone, `way` and `ask` say who is to write, `rule` and `seen` are
    the id and the newest version where it is kept, `past` are the workflows before, with what was asked for.
    """

    workflow: Mapping[str, Any]
    intent: str = ""
    method: Method = "written"
    model: str = ""
    tests: Sequence[Mapping[str, Any]] = ()
    context: Mapping[str, Any] | None = None
    way: Way = "auto"
    ask: str = ""
    rule: str = ""
    seen: int = 0
    past: Sequence[Mapping[str, Any]] = ()

    def fields(self) -> dict[str, str]:
        """The sheet as fields of a form."""
        return {
            "workflow": as_json(self.workflow),
            "intent": self.intent,
            "method": self.method,
            "model": self.model,
            "tests": as_json(self.tests),
            "context": "" if self.context is None else as_json(self.context),
            "way": self.way,
            "ask": self.ask,
            "rule": self.rule,
            "seen": str(self.seen),
            "past": as_json(self.past),
        }

    def options(self) -> Options:
        """How its rules are to be written."""
        return Options(way=self.way, model=self.ask or None)

    def draft(self) -> Draft:
        """What is saved of it."""
        return Draft(
            workflow=self.workflow,
            intent=self.intent,
            method=self.method,
            model=self.model or None,
            tests=self.tests,
        )

    def made(self, made: Made) -> "Sheet":
        """The sheet with what was just written on it."""
        return replace(self, workflow=made.workflow_rules, method=made.method, model=made.model_used)

    def changed(self, workflow: Mapping[str, Any], asked: str, **others: Any) -> "Sheet":
        """The sheet with another workflow; the one before can be gone back to."""
        before = {
            "workflow": self.workflow,
            "asked": asked,
            "method": self.method,
            "model": self.model,
        }
        return replace(self, workflow=workflow, past=[*self.past, before][-_MOST_PAST:], **others)

    def undone(self) -> "Sheet":
        """The sheet before its last change."""
        if not self.past:
            return self
        *past, last = self.past
        return replace(
            self,
            workflow=_object(last.get("workflow"), "past"),
            method=_one_of(Method, last.get("method"), "written"),
            model=str(last.get("model", "")),
            past=past,
        )


def sheet_of(form: Mapping[str, str]) -> Sheet:
    """The sheet in a form. Raises InvalidRequest."""
    workflow = _object(read_json(form.get("workflow", ""), "workflow"), "workflow")
    tests = read_json(form.get("tests") or "[]", "tests")
    past = read_json(form.get("past") or "[]", "past")
    seen = form.get("seen", "0")
    if not isinstance(tests, list) or not all(isinstance(each, Mapping) for each in tests):
        raise InvalidRequest('Tests are a list: [{"given": {...}, "then": ["ACTION"]}].', param="tests")
    if not isinstance(past, list) or not all(isinstance(each, Mapping) for each in past):
        raise InvalidRequest("This page is too old. Load it again.", param="past")
    inner = workflow.get("workflow_rules")
    return Sheet(
        workflow=inner if isinstance(inner, dict) and "rules" not in workflow else workflow,
        intent=form.get("intent", ""),
        method=_one_of(Method, form.get("method"), "written"),
        model=plain_word(form.get("model", ""), 256),
        tests=tests,
        context=context_of(form),
        way=_one_of(Way, form.get("way"), "auto"),
        ask=plain_word(form.get("ask", ""), 256),
        rule=plain_word(form.get("rule", ""), 64),
        seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0,
        past=past[-_MOST_PAST:],
    )


def blank_sheet(form: Mapping[str, str]) -> Sheet:
    """The sheet of a form on which no rule lies yet."""
    return sheet_of({**form, "workflow": "{}", "tests": "[]", "past": "[]"})


def kept_sheet(kept: KeptRule) -> Sheet:
    """The sheet of a rule that is kept."""
    version = kept.version
    return Sheet(
        workflow=version.workflow,
        intent=version.intent,
        method=version.method,
        model=version.model or "",
        tests=version.tests,
        rule=kept.rule.id,
        seen=kept.rule.version,
    )


def context_of(form: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The catalogue that a form brings along. Raises InvalidRequest."""
    said = form.get("context", "").strip()
    return _object(read_json(said, "context"), "context") if said else None


def plain_word(said: str, longest: int) -> str:
    """A name or an id as it may be looked for: cut, and without what no database takes."""
    return said.strip().replace("\0", "")[:longest]


def as_json(value: object, *, is_pretty: bool = False) -> str:
    """A value as JSON."""
    encoded = msgspec.json.encode(value)
    return (msgspec.json.format(encoded, indent=2) if is_pretty else encoded).decode()


def read_json(text: str, param: str) -> Any:
    """The value of a JSON text. Raises InvalidRequest that says where it goes wrong."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidRequest(f"This is no JSON: {_plain(str(error))}.", param=param) from error


class FactField(Struct, frozen=True, kw_only=True):
    """A field for one fact that a rule reads."""

    name: str
    path: str
    fact: ConditionType | None


def fact_fields(workflow: WorkflowRules, catalogue: Catalogue) -> list[FactField]:
    """A field for each path that the rules read; those with an index can only be told as JSON."""
    read = [path for rule in workflow.rules for path in paths_in(parse_condition(rule.condition))]
    return [
        FactField(name=f"{_FACT}{path}", path=path, fact=catalogue.fact_by_path.get(path))
        for path in dict.fromkeys(read)
        if "[" not in path
    ][:MOST_FIELDS_OF_FACTS]


def facts_of(form: Mapping[str, str], catalogue: Catalogue) -> dict[str, Any]:
    """The facts in a form: as JSON, or a field for each; an empty field is a fact that is missing.

    Raises InvalidRequest.
    """
    if "facts" in form:
        return _object(read_json(form["facts"].strip() or "{}", "facts"), "facts")
    facts: dict[str, Any] = {}
    for name, said in form.items():
        if name.startswith(_FACT) and said.strip():
            path = name.removeprefix(_FACT)
            *above, last = path.split(".")
            holder = facts
            for step in above:
                holder = holder.setdefault(step, {})
                if not isinstance(holder, dict):
                    raise InvalidRequest(f"{path} lies below a fact that has a value.", param=path)
            holder[last] = _fact(path, said.strip(), catalogue.fact_by_path.get(path))
    return facts


def _fact(path: str, said: str, fact: ConditionType | None) -> Any:
    kind = "any" if fact is None else fact.type
    if kind in ("number", "integer"):
        try:
            return int(said) if said.lstrip("+-").isdigit() else float(said)
        except ValueError:
            raise InvalidRequest(f"{path} is a number, such as 42 or 0.5.", param=path) from None
    if kind == "boolean":
        return said == "true"
    if kind == "list":
        return [part.strip() for part in said.split(",") if part.strip()]
    if kind in ("object", "any"):
        try:
            return msgspec.json.decode(said)
        except msgspec.DecodeError:
            return said
    return said


def _object(said: Any, param: str) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise InvalidRequest("This must be a JSON object: { ... }.", param=param)
    return said


def _one_of(kind: Any, said: Any, usual: Any) -> Any:
    return said if said in get_args(kind) else usual


def _plain(message: str) -> str:
    return message.removeprefix("JSON is malformed: ").rstrip(".")
