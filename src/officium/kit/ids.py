"""Identifiers that sort by the time they were made."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Make an id such as `req_01k5c9m0w8...`: 48 bits of milliseconds, then 80 random bits, in base 32.

    26 characters after the prefix, in lower-case Crockford base 32 (the layout of a ULID, so ids of one
    prefix sort by time).
    """
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return prefix + "_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
