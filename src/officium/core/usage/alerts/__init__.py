"""Telling people that a budget runs out, by webhook and by mail."""
