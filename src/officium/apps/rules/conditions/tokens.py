"""The text of a condition cut into tokens."""

import re
from dataclasses import dataclass
from typing import Final, Literal

TokenKind = Literal["path", "number", "text", "word", "keyword", "operator", "end", "bad"]

KEYWORDS: Final = {
    "AND": "AND",
    "OR": "OR",
    "NOT": "NOT",
    "IN": "IN",
    "IS": "IS",
    "TO": "TO",
    "BETWEEN": "BETWEEN",
    "CONTAINS": "CONTAINS",
    "STARTS_WITH": "STARTS_WITH",
    "STARTSWITH": "STARTS_WITH",
    "ENDS_WITH": "ENDS_WITH",
    "ENDSWITH": "ENDS_WITH",
    "MATCHES": "MATCHES",
    "TRUE": "TRUE",
    "FALSE": "FALSE",
    "NULL": "NULL",
}
"""Reserved words, in any mixture of upper and lower case, and what they mean."""

_SYNONYMS = {"=": "==", "<>": "!=", "&&": "AND", "||": "OR", "!": "NOT"}

_QUOTED = r""""(?:[^"\\\x00-\x1f]|\\.)*"|'(?:[^'\\\x00-\x1f]|\\.)*'"""
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_STEP = rf"\.{_NAME}|\[[0-9]{{1,9}}\]|\[(?:{_QUOTED})\]"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<path>\$(?:{_NAME}|\[(?:{_QUOTED})\])(?:{_STEP})*(?!\w))
    | (?P<number>(?!{_DATE})(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))
    | (?P<word>{_NAME}(?:-[A-Za-z0-9_]+)*(?!\w))
    | (?P<operator>==(?!=)|!=(?!=)|<=(?!>)|>=|<>|&&|\|\||[()\[\],<>+\-*/%!]|=(?![=<>]))
    | (?P<text>{_QUOTED})
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_STEPS = re.compile(rf"\.?(?P<name>{_NAME})|\[(?P<index>[0-9]+)\]|\[(?P<key>{_QUOTED})\]")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"\\": "\\", '"': '"', "'": "'", "/": "/", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Token:
    """One piece: `value` is what it means, `source` how it was written.

    A `bad` token is the first character that starts nothing: its `value` is the message and `hint` the
    suggestion. Nothing follows it.
    """

    kind: TokenKind
    value: object
    position: int
    source: str
    hint: str | None = None


class _Unreadable(Exception):
    """A token has the right outline and the wrong content."""

    def __init__(self, message: str, position: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint


def tokens_of(text: str) -> list[Token]:
    """Cut a text into tokens; the last one is `end`, or `bad` where the text cannot be cut."""
    tokens: list[Token] = []
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        if found is None:
            tokens.append(_bad(text, at))
            return tokens
        kind = found.lastgroup
        source = found.group(kind or 0)
        start = found.start(kind or 0)
        try:
            tokens.append(_token(kind, source, start))
        except _Unreadable as unreadable:
            tokens.append(Token("bad", unreadable.message, unreadable.position, source, unreadable.hint))
            return tokens
        if kind == "end":
            return tokens
        at = found.end()


def _token(kind: str | None, source: str, start: int) -> Token:
    match kind:
        case "path":
            return Token("path", _steps(source, start), start, source)
        case "number":
            return Token("number", _number(source, start), start, source)
        case "word":
            meaning = KEYWORDS.get(source.upper())
            return (
                Token("word", source, start, source)
                if meaning is None
                else Token("keyword", meaning, start, source)
            )
        case "operator":
            meaning = _SYNONYMS.get(source, source)
            return Token("operator" if meaning not in KEYWORDS else "keyword", meaning, start, source)
        case "text":
            return Token("text", unquoted(source, start), start, source)
        case _:
            return Token("end", None, start, source)


def _steps(source: str, start: int) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    for found in _STEPS.finditer(source, 1):
        match found.lastgroup:
            case "name":
                steps.append(found.group("name"))
            case "index":
                steps.append(int(found.group("index")))
            case _:
                steps.append(unquoted(found.group("key"), start + found.start("key")))
    return tuple(steps)


def _number(source: str, start: int) -> int | float:
    if source.isdigit():
        return int(source)
    value = float(source)
    if value in (float("inf"), float("-inf")):
        raise _Unreadable(f"The number {source[:20]} is too large.", start, "Numbers end at about 1.8e308.")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def unquoted(source: str, start: int) -> str:
    """The string that stands between quotes."""
    inner = source[1:-1]
    if "\\" not in inner and inner.isascii():
        return inner

    def unescaped(found: re.Match[str]) -> str:
        code = found.group(1)
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            place = start + 1 + found.start()
            hint = f"Write \\\\{code} for a backslash before {code}, as regular expressions have it."
            raise _Unreadable(f"\\{code} means nothing in a string.", place, hint)
        return _ESCAPED[code]

    value = _ESCAPE.sub(unescaped, inner)
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _Unreadable("The string holds half of a surrogate pair.", start) from None


def _bad(text: str, at: int) -> Token:
    """Say what is wrong with the characters from `at` on, which start no token."""
    blank = _BLANK.match(text, at)
    start = blank.end() if blank else at
    rest = text[start:]
    for outline, message, hint in _MISTAKES:
        found = outline.match(rest)
        if found is not None:
            shown = found.group()[:40]
            return Token("bad", message.format(shown), start, shown, hint and hint.format(shown))
    return Token("bad", f"{rest[0]!r} does not belong in a condition.", start, rest[0])


_MISTAKES: Final = [
    (re.compile(pattern), message, hint)
    for pattern, message, hint in (
        (r"\$(?![A-Za-z_\[])", "After $ comes the name of a path.", 'Like $metrics.cpu, or $["any name"].'),
        (r"\$\w+", "{} holds a letter outside a to z.", 'Such names stand in brackets: $["name"].'),
        (r"\$\[", "The path is not complete.", 'Like $items[0].price, or $["any name"].'),
        (
            r"\.",
            "A dot stands where none belongs.",
            'Names follow a dot, like $metrics.cpu; other names: $a["b.c"].',
        ),
        (rf"{_DATE}[0-9T:.Z+-]*", "The date {} needs quotes.", 'Write "{}".'),
        (r"\d+(?:\.\d+){2,}|\d+:\d\S*", "{} is no number.", 'Put quotes around it: "{}".'),
        (r"0\d+", "The number {} starts with a zero.", 'Leave the zero out, or put quotes around it: "{}".'),
        (r"\d[\w.]*", "{} is no number.", 'Leave the unit out, or put quotes around it: "{}".'),
        (
            r"[\"']",
            "The string that starts here has no end.",
            "Close it with the same quote on the same line.",
        ),
        (r"===", "{} is no operator.", "Write == to compare."),
        (r"!==", "{} is no operator.", "Write != to compare."),
        (r"=>", "{} is no operator.", "Write >= for 'at least'."),
        (r"=<", "{} is no operator.", "Write <= for 'at most'."),
        (r"<=>|=", "{} is no operator.", "Write == to compare."),
        (r"[&|]", "{} stands alone.", "Write AND or OR."),
        (
            r"[\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u2039\u203a]",
            "{} is a typographic quote.",
            "Use \" or ' around a string.",
        ),
        (r"[\u2264\u2265\u2260]", "{} is no operator.", "Write <=, >= or !=."),
        (r"[\u00d7\u00f7]", "{} is no operator.", "Write * or /."),
        (r"[\u2013\u2014\u2212]", "{} is a dash, not a minus.", "Write -."),
        (r"[^\W\d]\w*", "{} needs quotes.", 'Words with letters outside a to z stand in quotes: "{}".'),
        (r"[{}]", "{} does not belong in a condition.", "Group with round brackets; lists stand in [ ]."),
        (r"\^", "{} is no operator.", "There are + - * / and %."),
        (
            r";",
            "{} does not belong in a condition.",
            "A condition is one expression: join parts with AND or OR.",
        ),
    )
]
