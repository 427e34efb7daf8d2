"""Sealed values: encrypted for one place in the database, under keys that can be exchanged."""

from officium.kit.sealing.envelope import Place, SealBroken
from officium.kit.sealing.rotation import KeyRotation, Rotation
from officium.kit.sealing.sealer import KeyRing, SealedAhead
from officium.kit.sealing.store import SealedColumn, SealingKey, SealingStore
from officium.kit.sealing.wrapping import KeyWrapper, SecretChanged, SecretWrapper

__all__ = [
    "KeyRing",
    "KeyRotation",
    "KeyWrapper",
    "Place",
    "Rotation",
    "SealBroken",
    "SealedAhead",
    "SealedColumn",
    "SealingKey",
    "SealingStore",
    "SecretChanged",
    "SecretWrapper",
]
