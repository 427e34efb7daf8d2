"""The vectors of knowledge bases, kept so that a start need not make them again."""

from officium.apps.widget.vectors.store import VectorStore

__all__ = ["VectorStore"]
