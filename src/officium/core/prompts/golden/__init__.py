"""Golden sets: examples that every version of a prompt must stand before it is used."""

from officium.core.prompts.golden.case import CaseFailure, Expectation, GoldenCase, check_version
from officium.core.prompts.golden.file import read_golden_sets

__all__ = ["CaseFailure", "Expectation", "GoldenCase", "check_version", "read_golden_sets"]
