"""Prompts as files: front matter in YAML, a system section and a user section.

---
name: deal.summarize.v1
variables:
  title: {type: string}
  notes: {type: list, untrusted: true}
tier: balanced
---
# system
You summarize deals.
# user
{{ title }}: {{ notes|join("; ") }}
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Any

import msgspec
import yaml

from officium.core.prompts import render
from officium.core.prompts.errors import InvalidPrompt, PromptFileInvalid
from officium.core.prompts.prompt import Prompt, PromptVersion, Variable, shipped_version

_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_EDGE = "---"
_VARIABLES = "variables"
_SECTIONS = ("system", "user")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`\Z")
_QUOTED = re.compile(r"`([^`]+)`")
_Lines = dict[tuple[str, ...], int]


def read_folder(folder: Traversable) -> list[PromptVersion]:
    """The versions in a folder's `*.md` files, by file name. Raises PromptFileInvalid with file and line."""
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".md")), key=lambda file: file.name
    )
    return [read_file(file) for file in files]


def read_file(file: Traversable) -> PromptVersion:
    """The version in a file that is named for it: `<name>.md`, or `<name>@<version>.md`."""
    version = parse_file(file.read_text("utf-8"), file.name)
    name = version.prompt.name
    if file.name not in (f"{name}.md", f"{name}@{version.version}.md"):
        raise PromptFileInvalid(file.name, 1, f"The file of {name!r} must be named {name}.md.")
    return version


def parse_file(text: str, file: str) -> PromptVersion:
    """The version that a file's text describes; `file` is for errors. Raises PromptFileInvalid."""
    lines = text.splitlines()
    end = next((index for index, line in enumerate(lines) if index and line == _EDGE), None)
    if not lines or lines[0] != _EDGE or end is None:
        raise PromptFileInvalid(file, 1, f"A prompt begins with its front matter between two lines {_EDGE}.")
    fields, places = _FrontMatter(file).read("\n".join(lines[1:end]))
    sections = dict(_sections(lines, end + 1, file))
    prompt, number = _convert(fields, places, file)
    prompt = msgspec.structs.replace(prompt, **{name: body for name, (_, body) in sections.items()})
    try:
        render.check(prompt)
    except InvalidPrompt as error:
        raise PromptFileInvalid(file, _line_of(error, sections, places), error.message) from error
    return shipped_version(prompt, number)


def parse_variables(text: str) -> dict[str, Variable]:
    """The variables that a piece of YAML declares as front matter does, without the word `variables`.

    Raises InvalidPrompt with the line.
    """
    try:
        said, places = _FrontMatter(_VARIABLES).read(text)
        return {
            name: _struct({} if one is None else one, Variable, places, (name,), _VARIABLES)
            for name, one in said.items()
        }
    except PromptFileInvalid as error:
        line = max(1, int(str(error.fields["line"])) - 1)  # there is no line before the first here
        problem = error.message.partition(": ")[2]
        raise InvalidPrompt(f"Line {line}: {problem}", param=_VARIABLES, line=line) from error


def write_variables(variables: Mapping[str, Variable]) -> str:
    """The variables as `parse_variables` reads them."""
    return "".join(
        yaml.safe_dump({name: msgspec.to_builtins(one)}, allow_unicode=True, sort_keys=False, width=10_000)
        if msgspec.to_builtins(one)
        else f"{name}: {{}}\n"
        for name, one in variables.items()
    )


def _line_of(error: InvalidPrompt, sections: dict[str, tuple[int, str]], places: _Lines) -> int:
    param, line = str(error.fields.get("param")), error.fields.get("line")
    if param in sections and isinstance(line, int):
        return sections[param][0] + line - 1
    path = tuple(param.split("."))
    return places.get(path, places.get(path[:1], 1))


def _sections(lines: list[str], start: int, file: str) -> Iterator[tuple[str, tuple[int, str]]]:
    """Name, first line's number and text of each section."""
    heads = [index for index in range(start, len(lines)) if lines[index] in ("# system", "# user")]
    names = [lines[index][2:] for index in heads]
    if names != list(_SECTIONS):
        place = heads[-1] if heads else start
        raise PromptFileInvalid(
            file, place + 1, "After the front matter come `# system` and `# user`, once each, in this order."
        )
    stray = next((index for index in range(start, heads[0]) if lines[index].strip()), None)
    if stray is not None:
        raise PromptFileInvalid(file, stray + 1, "Nothing stands between the front matter and `# system`.")
    for name, head, end in zip(names, heads, (*heads[1:], len(lines)), strict=True):
        first = head + 1
        while first < end and not lines[first].strip():
            first += 1
        yield name, (first + 1, "\n".join(lines[first:end]).rstrip())


def _convert(fields: dict[str, Any], places: _Lines, file: str) -> tuple[Prompt, int]:
    number = fields.pop("version", 1)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise PromptFileInvalid(file, places[("version",)], "`version` is a whole number from 1 on.")
    for name in _SECTIONS:
        if name in fields:
            raise PromptFileInvalid(file, places[(name,)], f"`{name}` is a section, not front matter.")
    variables = fields.pop("variables", None) or {}
    if not isinstance(variables, dict):
        raise PromptFileInvalid(file, places[("variables",)], "`variables` maps names to what they are.")
    prompt = _struct(fields, Prompt, places, (), file)
    declared = {
        name: _struct({} if said is None else said, Variable, places, ("variables", name), file)
        for name, said in variables.items()
    }
    return msgspec.structs.replace(prompt, variables=declared), number


def _struct(value: Any, kind: type[Any], places: _Lines, path: tuple[str, ...], file: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        place = _PLACE.search(message) or _QUOTED.search(message)
        within = (*path, place.group(1).split(".")[0].split("[")[0]) if place else path
        line = places.get(within, places.get(path, 1))
        field = f"{within[-1]}: " if _PLACE.search(message) else ""
        raise PromptFileInvalid(file, line, f"{field}{_PLACE.sub('', message)}.") from error


class _FrontMatter:
    """Reads a small, strict part of YAML, and remembers the lines of keys."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._places: _Lines = {}

    def read(self, text: str) -> tuple[dict[str, Any], _Lines]:
        """The fields, and the line in the file of each key by its path."""
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            fields = self._value(loader, node, ()) if node is not None else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._error(mark, error.problem or "This is no YAML") from error
        except yaml.YAMLError as error:
            raise self._error(None, "This is no YAML") from error
        finally:
            loader.dispose()
        if not isinstance(fields, dict):
            raise self._error(None, "The front matter maps names to values")
        return fields, self._places

    def _value(self, loader: yaml.constructor.SafeConstructor, node: yaml.Node, path: tuple[str, ...]) -> Any:
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(loader, node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(loader, item, (*path, str(index))) for index, item in enumerate(node.value)]
        value = loader.construct_object(node)
        if value is not None and not isinstance(value, str | int | float | bool):
            return node.value  # a date, for example, is a text here
        return value

    def _pairs(
        self, loader: yaml.constructor.SafeConstructor, node: yaml.MappingNode, path: tuple[str, ...]
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        for key, value in node.value:
            name = loader.construct_object(key)
            if not isinstance(name, str):
                raise self._error(key.start_mark, "A key is a text")
            if name in seen:
                raise self._error(key.start_mark, f"`{name}` stands here twice")
            seen.add(name)
            self._places[(*path, name)] = key.start_mark.line + 2
            yield name, self._value(loader, value, (*path, name))

    def _error(self, mark: Any, problem: str) -> PromptFileInvalid:
        return PromptFileInvalid(self._file, mark.line + 2 if mark is not None else 1, f"{problem}.")
