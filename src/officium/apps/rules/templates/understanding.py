"""The one way in which the grammar gives up: with the words it could not place."""


class NotUnderstood(Exception):
    """A part of a sentence could not be placed; the message says which part, and why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
