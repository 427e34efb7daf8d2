"""When a figure states a value: rounded, cut, or called an approximation."""

from officium.core.grounding.figure import Figure
from officium.core.grounding.number import Reading
from officium.core.grounding.words import Nature

_SLACK = 1e-9
_ABOUT = 0.015
"""How far from the value, as a share of it, a figure may be that the text calls approximate."""


def states(figure: Figure, value: float, nature: Nature) -> bool:
    """Whether the figure states `value`, rounded or cut to as many digits as it shows."""
    worths = [value]
    if figure.kind == "percent" and nature in ("percent", "any") and abs(value) <= 1:
        worths.append(value * 100)
    return any(_reads(reading, worth, figure) for reading in figure.readings for worth in worths)


def bounds(figure: Figure) -> list[tuple[float, float]]:
    """Between which values, regardless of their sign, all lie that the figure may state."""
    found = []
    for reading in figure.readings:
        said = abs(float(reading.value))
        reach = max(float(reading.step), said * 0.06, _trailing(reading) if figure.hedge else 0.0) + _SLACK
        found.append((said - reach, said + reach))
        if figure.kind == "percent":
            found.append(((said - reach) / 100, (said + reach) / 100))
    return found


def digits(figure: Figure) -> int:
    """How many significant digits the figure shows: the more, the less it fits by chance."""
    if not figure.readings:
        return 0
    reading = figure.readings[0]
    shown = reading.value / reading.step
    return len(str(abs(int(shown))).rstrip("0") or "0")


def _reads(reading: Reading, value: float, figure: Figure) -> bool:
    said, step = float(reading.value), float(reading.step)
    if said * value < 0:
        if figure.kind not in ("percent", "money"):
            return False
        said, value = abs(said), abs(value)
    distance, slack = abs(said - value), _SLACK * max(1.0, abs(value))
    if distance * 2 <= step + slack:
        return True
    is_cut = abs(said) <= abs(value) and distance < step - slack
    if is_cut and (step < 1 or step > 1 or not value.is_integer()):
        return True
    if figure.hedge is None:
        return step == 1 and distance < 1 and not value.is_integer()
    return _is_near(said, value, max(step, _trailing(reading)), figure)


def _is_near(said: float, value: float, loose: float, figure: Figure) -> bool:
    if figure.hedge == "about":
        return abs(said - value) * 2 <= loose or abs(said - value) <= abs(value) * _ABOUT
    if figure.hedge == "above":
        return said <= value <= said + loose
    return said - loose <= value <= said


def _trailing(reading: Reading) -> float:
    """The worth of the last digit that is not zero: 100 in 12,500."""
    exponent = reading.value.normalize().as_tuple().exponent
    return float(10.0**exponent) if isinstance(exponent, int) else 1.0
