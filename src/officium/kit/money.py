"""US dollars as people write them, and as we count them: whole billionths, so nothing is ever rounded."""

import re
from decimal import Decimal

MOST_USD = 1_000_000_000
"""A limit or a sum above this is a mistake; below it every amount fits a database's integer."""
_USD = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")


def usd_of_nano(nano_usd: int) -> str:
    """Billionths of a dollar as an exact decimal string: 89000 is `0.000089000`."""
    return f"{Decimal(nano_usd).scaleb(-9):f}"


def nano_of_usd(usd: str) -> int:
    """Dollars such as `25` or `0.000089` in billionths. Raises ValueError, with a sentence for people."""
    if not _USD.fullmatch(usd):
        raise ValueError("Write dollars as a decimal number with at most 9 places, such as 25 or 0.50.")
    nano_usd = int(Decimal(usd).scaleb(9))
    if nano_usd > MOST_USD * 10**9:
        raise ValueError(f"That is more than {MOST_USD:,} dollars.")
    return nano_usd
