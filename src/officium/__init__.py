"""Officium: one self-hosted server for everything a business runs on language models."""

__version__ = "0.1.0"
