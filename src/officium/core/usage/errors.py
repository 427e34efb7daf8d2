"""What can go wrong with the usage log. None of it reaches a caller: a call does not wait for its record."""


class RecordRefused(Exception):
    """The database will never take this batch as it is: one of its records breaks a rule of the table."""
