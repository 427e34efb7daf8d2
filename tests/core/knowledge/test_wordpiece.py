"""Texts cut into word pieces: the same as the library does, to which the network's authors gave it."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import Tokenizer

from officium.core import knowledge
from officium.core.knowledge.wordpiece import WordPieces

VOCABULARY = Path(knowledge.__file__).parent / "minilm" / "vocabulary.txt"
PUBLIC = Path(__file__).resolve().parents[3].parent / "shared" / "kb"
OLD_ENOUGH = "3.2.0"
"""Letters of this version of Unicode are known to both."""


@pytest.fixture(scope="module")
def words() -> WordPieces:
    return WordPieces(VOCABULARY)


@pytest.fixture(scope="module")
def library() -> Tokenizer:
    made = Tokenizer(tokenizers.models.WordPiece.from_file(str(VOCABULARY), unk_token="[UNK]"))
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    made.enable_truncation(128)
    return made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "How do I get my money back?",
        "Größe, ÉTÉ, İstanbul, ΟΔΟΣ, straße",
        "e\u0301te\u0301 and a\u200bzero\u200dwidth",
        "a\x00b\x0bc\x85d\u2028e\ufffdf\u00a0g\u3000h\ue000i",
        "$9.99 <b>50%</b> a_b-c `d` ^e~ «f»…",
        "[CLS] [MASK]s[SEP] [mask] [UNK][PAD]",
        "你好吗 where's my 包裹 ｶﾞｷﾞ 한국어",
        "مرحبًا بكم، أين طلبي؟ שָׁלוֹם नमस्ते สวัสดี",
        "👩‍👩‍👧 ok 🇩🇪",
        "a" * 100 + " " + "b" * 101,
        "ab " * 5_000,
        "unaffable " * 60,
    ],
)
def test_a_text_is_cut_as_the_library_does(words: WordPieces, library: Tokenizer, text: str) -> None:
    assert words.ids(text, 128) == library.encode(text).ids
    assert [word for word, _ in zip(words.pieces(text), range(126), strict=False)] == (
        library.encode(text).tokens[1:-1]
    )


def test_every_letter_is_cut_as_the_library_does(words: WordPieces, library: Tokenizer) -> None:
    old = unicodedata.ucd_3_2_0
    assert old.unidata_version == OLD_ENOUGH
    letters = [
        chr(code)
        for code in range(0x11000)
        if not 0xD800 <= code < 0xE000 and old.category(chr(code)) == unicodedata.category(chr(code)) != "Cn"
    ]

    different = [
        hex(ord(letter))
        for letter in letters
        if words.ids(f"a{letter}b {letter}", 128) != library.encode(f"a{letter}b {letter}").ids
    ]

    assert len(letters) > 45_000
    assert different == []


@pytest.mark.skipif(not PUBLIC.exists(), reason="the public questions are not at hand")
def test_public_questions_are_cut_as_the_library_does(words: WordPieces, library: Tokenizer) -> None:
    texts = {
        text
        for file in PUBLIC.glob("*.jsonl")
        for line in file.read_text("utf-8").split("\n")
        if line
        for text in _texts(json.loads(line))
    }

    different = [text for text in texts if words.ids(text, 128) != library.encode(text).ids]

    assert len(texts) > 10_000
    assert different == []


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in _texts(each)]
