"""Measure how soon templates that want too much are stopped, and how much memory they take until then.

    python -m bench.sandbox

Carries out every costly template of tests/core/prompts/test_sandbox.py twice: untraced for the processor's
time, and traced for the memory. The limits are a second and 50 MB.
"""

import tracemalloc
from time import thread_time

from officium.core.prompts.errors import PromptTooCostly
from tests.core.prompts.test_sandbox import TOO_COSTLY, carry_out

LARGE = "y" * 20_000
LONGEST_S = 1.0
LARGEST_MB = 50.0


def main() -> int:
    """Print the table; 1 where a template was not stopped within the limits."""
    rows = [(name, _seconds(template), _megabytes(template)) for name, template in TOO_COSTLY.items()]
    print("| template | stopped after, s | memory, MB |\n| --- | --: | --: |")
    for name, seconds, megabytes in sorted(rows, key=lambda row: -row[1]):
        print(f"| {name} | {seconds:.3f} | {megabytes:.1f} |")
    slowest, largest = max(row[1] for row in rows), max(row[2] for row in rows)
    print(f"\n{len(rows)} templates: at most {slowest:.2f} s of the processor and {largest:.1f} MB.")
    return int(slowest > LONGEST_S or largest > LARGEST_MB)


def _seconds(template: str) -> float:
    started = thread_time()
    _stopped(template)
    return thread_time() - started


def _megabytes(template: str) -> float:
    tracemalloc.start()
    try:
        _stopped(template)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _stopped(template: str) -> None:
    try:
        carry_out(template, text=LARGE)
    except PromptTooCostly:
        return
    raise SystemExit(f"This template was not stopped: {template[:200]}")


if __name__ == "__main__":
    raise SystemExit(main())
