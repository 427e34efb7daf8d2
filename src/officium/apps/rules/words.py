"""Words of sentences and of names, brought to one form so that they can be compared."""

import re
from functools import lru_cache

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "ed", "es", "er", "s")
_LAST_ENDINGS = (*_ENDINGS, "e")
_SMALL = """
a an and are as at be by do for from has have i if in into is it its me my of on or our please so than that
the their then there they this to up us was we when where which will with you your
"""
_STOP = frozenset(_SMALL.split())
_SAME = {
    "mail": "email",
    "alert": "notify",
    "notification": "notify",
    "warn": "notify",
    "inform": "notify",
    "tell": "notify",
    "ping": "notify",
    "text": "sms",
    "fetch": "retrieve",
    "get": "retrieve",
    "list": "retrieve",
    "find": "retrieve",
    "read": "retrieve",
    "make": "create",
    "add": "create",
    "new": "create",
    "remove": "delete",
    "erase": "delete",
    "modify": "update",
    "change": "update",
    "edit": "update",
    "repo": "repository",
    "db": "database",
    "ram": "memory",
    "pct": "percent",
    "pr": "pull",
}


def stem(word: str) -> str:
    """The word without its ending; rough, and the same for all forms of a regular English word."""
    return _SAME_STEMS.get(cut := _cut(word), cut)


def _cut(word: str) -> str:
    for ending in _LAST_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 4 and word[-1] == word[-2]:
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


_SAME_STEMS = {_cut(word): _cut(meant) for word, meant in _SAME.items()}


@lru_cache(maxsize=20_000)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text or a name (`camelCase`, `SNAKE_CASE`, `a.path`), stemmed, without small ones."""
    found = [piece.casefold() for piece in _PIECES.findall(text[:4000])]
    return tuple(stem(word) for word in found if word not in _STOP)
