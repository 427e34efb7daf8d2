"""Finding the entry of a knowledge base that answers a question, and how likely it does."""

from officium.core.knowledge.encoder import Encoder, Fluent, LocalEncoder
from officium.core.knowledge.entry import Entry, Findings, Match
from officium.core.knowledge.errors import EncoderMissing
from officium.core.knowledge.index import KnowledgeIndex
from officium.core.knowledge.indexes import EntrySource, KnowledgeIndexes
from officium.core.knowledge.kept_vectors import KeptVector, VectorShelf, digest_of

__all__ = [
    "Encoder",
    "EncoderMissing",
    "Entry",
    "EntrySource",
    "Findings",
    "Fluent",
    "KeptVector",
    "KnowledgeIndex",
    "KnowledgeIndexes",
    "LocalEncoder",
    "Match",
    "VectorShelf",
    "digest_of",
]
