"""Which version of Officium this is, for every floor to read."""

__version__ = "0.1.0"
