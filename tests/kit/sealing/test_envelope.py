"""An envelope opens with its key, in its place, unchanged; and never otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.kit.sealing.envelope import Place, SealBroken, key_id_of, seal, unseal

KEY = bytes(range(32))
PLACE = Place("ten_1", "llm_configs", "llc_1", "api_key")
words = st.text(max_size=20)


@given(text=st.text(max_size=200), place=st.builds(Place, words, words, words, words))
def test_what_was_sealed_opens_in_its_place(text: str, place: Place):
    assert unseal(KEY, place, seal(KEY, "k1", place, text)) == text


@given(
    first=st.builds(Place, words, words, words, words), second=st.builds(Place, words, words, words, words)
)
def test_no_two_places_are_alike(first: Place, second: Place):
    envelope = seal(KEY, "k1", first, "secret")

    if first == second:
        assert unseal(KEY, second, envelope) == "secret"
    else:
        with pytest.raises(SealBroken):
            unseal(KEY, second, envelope)


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param(PLACE._replace(tenant_id="ten_2"), id="tenant"),
        pytest.param(PLACE._replace(table="widgets"), id="table"),
        pytest.param(PLACE._replace(row_id="llc_2"), id="row"),
        pytest.param(PLACE._replace(field="secret"), id="field"),
        pytest.param(Place("ten_1llm", "_configs", "llc_1", "api_key"), id="another-cut"),
    ],
)
def test_envelope_that_was_moved_does_not_open(elsewhere: Place):
    with pytest.raises(SealBroken) as broken:
        unseal(KEY, elsewhere, seal(KEY, "k1", PLACE, "secret"))

    assert str(elsewhere) in broken.value.message


def test_envelope_that_was_changed_anywhere_does_not_open():
    envelope = seal(KEY, "k1", PLACE, "sk-ant-0123456789")

    for position, letter in enumerate(envelope):
        changed = envelope[:position] + ("A" if letter != "A" else "B") + envelope[position + 1 :]
        with pytest.raises(SealBroken):
            unseal(KEY, PLACE, changed)


def test_envelope_under_another_keys_name_does_not_open():
    with pytest.raises(SealBroken):
        unseal(KEY, PLACE, seal(KEY, "k1", PLACE, "secret").replace(".k1.", ".k2."))


def test_another_key_does_not_open():
    with pytest.raises(SealBroken):
        unseal(bytes(32), PLACE, seal(KEY, "k1", PLACE, "secret"))


@pytest.mark.parametrize(
    "text", ["", "sk-ant-in-clear", "s1", "s1...", "s1.k1.AAAA.AAAA", "s2.k1.A.A", "s1.k1.é.é", "s1.k.A.B.C"]
)
def test_what_is_no_envelope_is_named_as_broken_without_its_text(text: str):
    with pytest.raises(SealBroken) as broken:
        unseal(KEY, PLACE, text)

    assert not text or text not in broken.value.message


def test_envelope_names_its_key_and_hides_its_text():
    envelope = seal(KEY, "k1", PLACE, "sk-ant-0123456789")

    assert key_id_of(PLACE, envelope) == "k1"
    assert envelope.startswith("s1.k1.")
    assert "0123456789" not in envelope
    assert envelope.isascii()


def test_same_text_is_sealed_differently_each_time():
    assert seal(KEY, "k1", PLACE, "secret") != seal(KEY, "k1", PLACE, "secret")
