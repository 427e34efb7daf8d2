"""Notes and mails that speak to the writer instead of telling it something, and what drafts take from them.

Fences tell a model what is data; whether it listens is not ours to say. So texts that look like orders to a
model are named to whoever reads the draft, and so is every address in a draft that only such a text has.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from officium.apps.writer.contexts import Context, Note

_SHOWN = 80
_LONGEST = 20_000
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SPACED = re.compile(r"\b(?:\w ){5,}\w\b")
_LOOKALIKES = str.maketrans("аеорсухіјѕ", "aeopcyxijs")
_LINK = re.compile(
    r"https?://[^\s<>\"')]+|www\.[^\s<>\"')]+|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}"
    r"|\b[A-Z]{2}\d{2}(?: ?[\dA-Z]{4}){2,7}\b|\+\d[\d ]{7,18}\d"
)

_WHAT = {
    "en": r"instructions?|rules?|prompts?|guidelines?|the above|everything above|the record|the system",
    "de": r"anweisung\w*|regeln|systemprompt|vorherige\w*|vorgaben",
    "fr": r"instructions?|règles|consignes|qui précède|prompt",
    "es": r"instrucciones|reglas|lo anterior|prompt|indicaciones",
    "it": r"istruzioni|regole|prompt|quanto sopra",
    "ar": r"التعليمات|القواعد|الأوامر",
}
_ORDERS = {
    "en": r"ignore|disregard|forget|override|bypass|(?:do|must) not follow|stop following",
    "de": r"ignorier\w*|vergiss|missachte\w*|beachte",
    "fr": r"ignore[rz]?|oublie[rz]?|ne tiens pas compte|ne tenez pas compte",
    "es": r"ignora|olvida|no hagas caso|haz caso omiso",
    "it": r"ignora|dimentica|non seguire",
    "ar": r"تجاهل|انس|لا تتبع",
}
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        *(rf"(?<!\w)(?:{_ORDERS[one]})\s(?:[^.!?\n]{{0,40}}\s)?(?:{_WHAT[one]})(?!\w)" for one in _ORDERS),
        r"\b(?:instructions?|rules?|anweisungen)\b[^.!?\n]{0,30}"
        r"\b(?:no longer apply|are outdated|gelten nicht)",
        r"\byou are (?:now|no longer)\b|\bfrom (?:now|here) on,? you\b|\bdu bist (?:jetzt|nun)\b"
        r"|\btu es maintenant\b|\bahora eres\b|\bsei ora\b|أنت الآن",
        r"(?:^|[.!?]\s)(?:act as|pretend to be|simulate|you are a)\b|\bdeveloper mode and\b",
        r"\b(?:as|if you are) an ai\b"
        r"|\b(?:dear|to the|note to the)\s(?:language )?(?:ai|model|llm|assistant)\b",
        r"(?:^|[.!?\n]\s*)(?:ai|llm|assistant|system|human|ai assistant)(?:\smessage)?\s?[,:]",
        r"\ban die ki\b|\bà l['’]ia\b|\ba la ia\b|إلى الذكاء الاصطناعي",
        r"[<‹＜]\s*/?\s*(?:data|system)\b|\[/?inst\]|<\|\w|#{2,}\s*system|```\s*system"
        r"|\"role\"\s*:\s*\"system\"",
        r"(?:reveal|repeat|print|output|show|affiche|muestra|mostra|gib)\b[^.!?\n]{0,30}"
        r"(?:prompt|your (?:instructions|configuration|rules))",
        r"\byour new task\b|\bbegin instructions\b|\bend of record\b|\bignore_\w*instructions",
        r"\bthe (?:language )?model (?:must|should|has to)\b|\bwhoever or whatever processes\b",
        r"\{\{.*?\}\}|\{%.*?%\}",
        r"\b(?:decode|entschlüssle|décode|decodifica)\b[^.!?\n]{0,60}\b(?:obey|do what|follow|and do)\b",
    )
)


def orders_in(text: str) -> str | None:
    """The words of a text that look like an order to a model, if there are any."""
    plain = _plain(text[:_LONGEST])
    for pattern in _PATTERNS:
        if match := pattern.search(plain):
            return " ".join(plain[match.start() : match.end() + _SHOWN].split())[:_SHOWN]
    return None


def suspicious_texts(context: Context) -> list[str]:
    """What looks like an order in the texts that others may have written, once for each text."""
    return [found for text in untrusted_texts(context) if (found := orders_in(text)) is not None]


def borrowed_addresses(texts: Sequence[str], context: Context) -> list[str]:
    """Links, mail addresses, accounts and phone numbers in a draft that only notes and mails have."""
    of_others = "\n".join(untrusted_texts(context))
    own = context.model_copy(update=dict.fromkeys(("notes", "emails", "previous_mail")))
    trusted = "\n".join(_strings(own.model_dump(mode="json")))
    found = dict.fromkeys(match.group().rstrip(".,;") for text in texts for match in _LINK.finditer(text))
    return [one for one in found if one in of_others and one not in trusted]


def untrusted_texts(context: Context) -> Iterator[str]:
    """Notes, mails and titles: what may come from outside."""
    for name in ("notes", "emails"):
        for item in getattr(context, name, None) or ():
            yield item.text if isinstance(item, Note) else item
    for name in ("previous_mail", "deal_title", "title"):
        if text := getattr(context, name, None):
            yield text
    for deal in getattr(context, "deal_contexts", ()):
        yield deal.title
        if deal.issue:
            yield deal.issue


def _plain(text: str) -> str:
    """The text without what hides words: invisible signs, look-alike letters, letters set apart."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_LOOKALIKES)
    return _SPACED.sub(lambda match: match.group().replace(" ", ""), plain.replace("  ", "\t")).replace(
        "\t", " "
    )


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)
