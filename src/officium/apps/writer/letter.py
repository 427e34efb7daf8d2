"""A mail's text, and the HTML that says the same: paragraphs, lists and nothing else."""

import re
from html import escape
from itertools import groupby

from officium.apps.writer.languages import direction_of

_ITEM = re.compile(r"[ \t]*[-*•][ \t]+(?=\S)")
"""Numbered lines stay lines: their numbers may be spoken of."""
_BLANKS = re.compile(r"\n{3,}")
_LONGEST_SUBJECT = 200
_REPLY = re.compile(r"(?:re|fw|fwd|aw|wg)\s*:\s*", re.IGNORECASE)


def tidy_body(text: str) -> str:
    """The text without stray blanks: lines end where their words do, and one empty line parts paragraphs."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip()


def tidy_subject(subject: str) -> str:
    """The subject in one line, without saying its beginning twice.

    `Follow-up: Follow-up on overdue deals` is `Follow-up on overdue deals`; `Re:` is no such beginning.
    """
    line = " ".join(subject.split())[:_LONGEST_SUBJECT]
    head, colon, rest = line.partition(":")
    plain = _plain(head)
    if colon and plain and not _REPLY.fullmatch(f"{head}:") and _plain(rest).startswith(plain):
        return rest.strip()
    return line


def with_prefix(prefix: str, intent: str) -> str:
    """The intent behind a prefix, unless it begins with these words already."""
    return intent if _plain(intent).startswith(_plain(prefix)) else f"{prefix}: {intent}"


def letter_html(text: str, language: str) -> str:
    """The text as HTML, read in its language's direction. What looks like markup in it stays text."""
    direction = direction_of(language)
    blocks = [_block(block) for block in re.split(r"\n{2,}", tidy_body(text)) if block.strip()]
    body = "\n".join(blocks)
    return f'<div lang="{escape(language)}" dir="{direction}">\n{body}\n</div>'


def _block(block: str) -> str:
    parts = []
    for is_list, lines in groupby(block.split("\n"), key=lambda line: bool(_ITEM.match(line))):
        if is_list:
            items = "".join(f"<li>{escape(_ITEM.sub('', line, count=1))}</li>" for line in lines)
            parts.append(f"<ul>{items}</ul>")
        else:
            parts.append(f"<p>{'<br>'.join(escape(line.strip()) for line in lines)}</p>")
    return "\n".join(parts)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
