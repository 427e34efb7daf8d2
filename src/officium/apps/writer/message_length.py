"""How long a message is on its channel, and how it is made to fit.

SMS: 3GPP TS 23.038 (the GSM 7-bit alphabet, where some characters take two places) and 23.040 (160 or 70
characters in one message, 153 or 67 in each part of several). WhatsApp takes 4,096 characters; much less is
read.
"""

import re

from officium.apps.writer.contexts import Channel
from officium.apps.writer.results import MessageLength

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = frozenset("^{}\\[~]|€\f")
_PARTS_LONG = 3
_END = re.compile(r"[.!?؟。！？](?=\s|\Z)")  # noqa: RUF001
SHORT, LONG = "short", "long"
_LIMITS = {
    ("whatsapp", SHORT): 300,
    ("whatsapp", LONG): 1000,
    ("email", SHORT): 500,
    ("email", LONG): 5000,
}


def limit_of(channel: Channel, version: str, language: str = "en") -> int:
    """How many characters a version may have; of an SMS, a guess by the language's script."""
    if channel != "sms":
        return _LIMITS[channel, version]
    is_latin = language.split("-")[0].lower() in _LATIN
    if version == SHORT:
        return 160 if is_latin else 70
    return _PARTS_LONG * (153 if is_latin else 67)


_LATIN = frozenset(["en", "de", "fr", "es", "it", "nl", "pt", "sv", "da", "nb", "no", "fi", "id", "ms"])
"""Languages that the GSM alphabet is mostly enough for."""


def measure(text: str, channel: Channel, version: str) -> MessageLength:
    """How long a text is on its channel. An SMS is counted in the places that its encoding needs."""
    if channel != "sms":
        return MessageLength(characters=len(text), limit=_LIMITS[channel, version])
    is_gsm = all(sign in _GSM or sign in _GSM_DOUBLE for sign in text)
    if is_gsm:
        places, one, part = len(text) + sum(sign in _GSM_DOUBLE for sign in text), 160, 153
    else:
        places, one, part = len(text.encode("utf-16-le")) // 2, 70, 67
    segments = 1 if places <= one else -(-places // part)
    return MessageLength(
        characters=places,
        limit=one if version == SHORT else _PARTS_LONG * part,
        encoding="gsm-7" if is_gsm else "ucs-2",
        segments=segments,
    )


def fit(text: str, channel: Channel, version: str) -> str:
    """The text, up to the end of the last sentence that fits; or of the last word, with an ellipsis."""
    if _fits(text, channel, version):
        return text
    ends = [match.end() for match in _END.finditer(text)]
    for end in reversed(ends):
        if _fits(text[:end], channel, version):
            return text[:end].strip()
    words = text.split(" ")
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(" ".join(words[:middle]) + "...", channel, version):
            low = middle
        else:
            high = middle - 1
    return " ".join(words[:low]).rstrip(" ,;:") + "..." if low else text[: limit_of(channel, version, "zh")]


def _fits(text: str, channel: Channel, version: str) -> bool:
    length = measure(text, channel, version)
    return length.characters <= length.limit
