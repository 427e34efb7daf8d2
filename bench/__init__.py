"""Benchmarks: what the targets of the design are measured with."""
