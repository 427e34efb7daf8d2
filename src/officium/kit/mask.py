"""Takes personal data out of what people write, before a provider or a log gets to see it."""

import re

_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}")
_IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ \-]?[A-Za-z0-9]){11,30}\b")
_CARD = re.compile(r"(?<![\w.])\d(?:[ \-]?\d){12,18}(?!\w)")
_PHONE = re.compile(r"(?<![\w.,/])(?:\+|00|\()?\d(?:[ ()./\-]{0,2}\d){6,18}(?![\w%])")
_DATE = re.compile(r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}")
_PHONE_DIGITS = range(7, 16)
"""The shortest local numbers, and the longest there are (E.164)."""
_OTHER_DIGITS = {
    ord(digit): str(number)
    for zero in ("٠", "۰", "०", "０")  # noqa: RUF001
    for number, digit in enumerate(chr(ord(zero) + step) for step in range(10))
}


def mask(text: str) -> str:
    """The text with `[email]`, `[iban]`, `[card]` and `[phone]` in the place of what they name.

    IBANs and cards must pass their checks (ISO 13616, Luhn). A phone number has seven digits or more, and
    begins with a plus or a zero or has spaces or marks between its digits: order numbers stay what they are.
    """
    plain = text.translate(_OTHER_DIGITS)
    masked = _EMAIL.sub("[email]", plain) if "@" in plain else plain
    if any(char.isdigit() for char in plain):
        masked = _IBAN.sub(_masked_iban, masked)
        masked = _CARD.sub(lambda found: "[card]" if _is_card(found[0]) else found[0], masked)
        masked = _PHONE.sub(lambda found: "[phone]" if _is_phone(found[0]) else found[0], masked)
    return text if masked == plain else masked


def _masked_iban(found: re.Match[str]) -> str:
    """What follows an account's number in the same words is no part of it: the longest that fits counts."""
    said = found[0]
    for end in range(len(said), 14, -1):
        if (end == len(said) or not said[end].isalnum() or said[end - 1] in " -") and _is_iban(said[:end]):
            return "[iban]" + said[end:]
    return said


def _is_iban(said: str) -> bool:
    text = re.sub(r"[ \-]", "", said).upper()
    if not 15 <= len(text) <= 34 or not said[-1].isalnum():
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def _is_card(said: str) -> bool:
    digits = [int(char) for char in said if char.isdigit()]
    doubled = [
        digit if place % 2 == 0 else digit * 2 - (9 if digit > 4 else 0)
        for place, digit in enumerate(reversed(digits))
    ]
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _is_phone(said: str) -> bool:
    digits = sum(char.isdigit() for char in said)
    if digits not in _PHONE_DIGITS or _DATE.fullmatch(said):
        return False
    return said[0] in "+(0" or any(mark in said for mark in " -/()") or said.count(".") > 1
