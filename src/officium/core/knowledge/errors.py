"""What can go wrong with a knowledge base, by name."""

from officium.kit.errors import ServiceUnavailable


class EncoderMissing(ServiceUnavailable):
    """The local encoder's files are not there, or cannot be read."""

    code = "encoder_missing"
