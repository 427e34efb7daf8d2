"""Where the material lies that several repositories share and none owns."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
