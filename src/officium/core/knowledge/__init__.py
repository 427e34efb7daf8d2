"""Finding the entry of a knowledge base that answers a question, and how likely it does."""

from officium.core.knowledge.encoder import Encoder, Fluent, LocalEncoder
from officium.core.knowledge.entry import Entry, Findings, Match
from officium.core.knowledge.errors import EncoderMissing
from officium.core.knowledge.index import KnowledgeIndex
from officium.core.knowledge.indexes import EntrySource, KnowledgeIndexes

__all__ = [
    "Encoder",
    "EncoderMissing",
    "Entry",
    "EntrySource",
    "Findings",
    "Fluent",
    "KnowledgeIndex",
    "KnowledgeIndexes",
    "LocalEncoder",
    "Match",
]
