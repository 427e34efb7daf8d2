"""Experiments: several versions of a prompt in use at once, and which of them does better."""

from officium.core.prompts.experiments.experiment import Experiment, Variant, pick
from officium.core.prompts.experiments.significance import Sample, welch

__all__ = ["Experiment", "Sample", "Variant", "pick", "welch"]
