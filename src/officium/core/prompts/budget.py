"""What a template may cost: steps, characters and time, counted while it is carried out."""

from time import thread_time

from officium.core.prompts.errors import PromptTooCostly

MOST_STEPS = 300_000
"""A step is one node of the template carried out once."""
MOST_CHARS = 4 * 1024 * 1024
"""All characters of all texts that are made on the way, not only of those that are kept: at most 16 MB."""
LONGEST_S = 1.0
"""Of the processor's time: a busy machine does not make a harmless template fail."""
_LOOK_AT_CLOCK_EVERY = 64


class Budget:
    """Stops a template that takes too much.

    Everything that loops, calculates or makes text asks it first. A step has a bounded cost, so counting
    them stops what a time limit alone could not: a thread cannot be killed.
    """

    def __init__(
        self, *, steps: int = MOST_STEPS, chars: int = MOST_CHARS, duration_s: float = LONGEST_S
    ) -> None:
        self._steps = steps
        self._chars = chars
        self._ends = thread_time() + duration_s
        self._calls = 0

    def spend(self, steps: int = 1, chars: int = 0) -> None:
        """Take from what is left, before it is done. Raises PromptTooCostly."""
        self._steps -= steps + chars // 64
        self._chars -= chars
        self._calls += 1
        if self._steps < 0:
            raise PromptTooCostly("The template does too much: it loops too often or over too long a list.")
        if self._chars < 0:
            raise PromptTooCostly("The template makes too much text on the way.")
        if self._calls % _LOOK_AT_CLOCK_EVERY == 0 and thread_time() > self._ends:
            raise PromptTooCostly("The template takes too long.")
