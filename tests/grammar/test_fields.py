"""Single values are written and read back."""

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grammar import CODECS, PerHorizon, Share, Words, quote, read_pairs, unquote

# Left out: two surrogates that form one character, which a UTF-8 file cannot tell apart from that character.
PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
texts = st.text(st.characters(), max_size=30).filter(lambda text: not PAIR.search(text))
hostile = st.lists(
    st.sampled_from(
        ["Epoch", "Sharpe Ratio:", "reset applied", "GRAD-MONITOR", "\\", '"', "\r", "\n", "u", "eset applied"]
    ),
    max_size=6,
).map("".join)


@given(texts | hostile)
def test_a_text_comes_back_as_it_was(text):
    assert unquote(quote(text)) == text


def test_a_carriage_return_before_eset_applied_survives():
    assert unquote(quote("\reset applied")) == "\reset applied"


@pytest.mark.parametrize("plain", ["adam", "2025-10-30..2025-11-01", "a/b.c:d", "s3://x/y?z", "größe", "\\d"])
def test_an_unambiguous_text_is_written_bare(plain):
    assert quote(plain) == plain


@pytest.mark.parametrize("text", ["", "a b", "a=b", 'a"b', "a|b", "a,b", "a\u00a0b", "Sharpe"])
def test_anything_else_is_quoted(text):
    assert quote(text).startswith('"')


@given(st.text(st.characters(categories=["Cc", "Zl", "Zp", "Cs"], include_characters="ab"), max_size=5))
def test_no_control_character_is_ever_written(text):
    assert re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", quote(text)) is None


@given(texts)
def test_a_written_text_is_one_value(text):
    assert list(read_pairs(f"key={quote(text)} next=1")) == [("key", quote(text)), ("next", "1")]


@pytest.mark.parametrize("text", ["word", 'a="b', "=1", "a=1 word", 'a="b"c', "1a=1"])
def test_a_text_that_is_not_a_pair_is_refused(text):
    with pytest.raises(ValueError, match="no key=value at"):
        list(read_pairs(text))


@given(st.lists(texts).map(tuple))
def test_any_words_come_back(words):
    codec = CODECS[Words]
    assert codec.read(codec.write(words)) == words


@given(st.lists(st.tuples(st.integers(0, 99), st.floats(allow_nan=False))).map(tuple))
def test_numbers_per_horizon_come_back(numbers):
    codec = CODECS[PerHorizon]
    assert codec.read(codec.write(numbers)) == numbers


@given(st.floats(allow_nan=False))
def test_a_float_comes_back_in_full_precision(number):
    assert CODECS[float].read(CODECS[float].write(number)) == number


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e-308", "5e-324", "-0.0"])
def test_unusual_floats_are_written_as_people_write_them(number):
    assert CODECS[float].write(float(number)) == number


@pytest.mark.parametrize("kind", [bool, Share, PerHorizon, int, float])
@given(text=st.text())
def test_a_broken_value_raises_value_error_only(kind, text):
    with contextlib.suppress(ValueError):
        CODECS[kind].read(text)


def test_deeply_nested_words_are_a_value_error():
    with pytest.raises(ValueError, match=r".+"):
        CODECS[Words].read("[" * 100_000)


def test_a_number_is_read_in_linear_time():
    """Sixteen times the digits may take sixteen times as long, and more on a busy machine, but never 256 times."""
    pattern = re.compile(rf"(?:{CODECS[float].pattern})(?:\s+|$)")

    def cost(digits: int) -> float:
        began = time.process_time()
        assert pattern.match("1" * digits + "x") is None
        return time.process_time() - began

    cost(1_000)
    assert cost(16_000) < 100 * max(cost(1_000), 1e-3)
