"""Numbers in every spelling: the value and the digits, or nothing where it could be two."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.reader.numbers import SLOT, decides_comma, read, unwrap


@pytest.mark.parametrize(
    ("text", "value", "digits"),
    [
        ("1.761e-05", 1.761e-05, 8),
        ("5", 5, 0),
        ("-0.50", -0.5, 2),
        ("1.2k", 1200, None),
        ("3M", 3e6, None),
        ("2.61G", 2.61e9, None),
        ("0,532", 0.532, 3),
        ("12,34", 12.34, 2),
        ("1,048,000", 1_048_000, 0),
        ("5,000.5", 5000.5, 1),
        ("1:02:03", 3723, 0),
        ("1 day, 2:03:04", 93_784, 0),
        (".5", 0.5, 1),
    ],
)
def test_a_number_is_read_with_the_digits_that_were_printed(text: str, value: float, digits: int | None):
    found = read(text, has_decimal_comma=False)
    assert found is not None
    assert math.isclose(found.value, value)
    assert found.digits == digits


@pytest.mark.parametrize("text", ["nan", "NaN", "NAN", "-nan", "nan(ind)", "-1.#IND", "1.#QNAN", "nan.0"])
def test_nan_is_nan_in_every_spelling(text: str):
    found = read(text)
    assert found is not None
    assert math.isnan(found.value)
    assert not found.is_empty


@pytest.mark.parametrize(
    ("text", "value"), [("inf", math.inf), ("-inf", -math.inf), ("Infinity", math.inf), ("1.#INF", math.inf)]
)
def test_infinity_keeps_its_sign(text: str, value: float):
    found = read(text)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize("text", ["None", "null", "****", "nanxxx", "N/A"])
def test_a_word_for_nothing_is_empty(text: str):
    found = read(text)
    assert found is not None
    assert found.is_empty


def test_a_comma_that_could_be_either_gives_nothing_until_a_line_decides():
    assert read("1,234") is None
    assert [read("1,234", has_decimal_comma=each).value for each in (True, False)] == [1.234, 1234.0]
    assert [decides_comma(text) for text in ("0,5", "12,34", "0.5", "1,234", "7")] == [True, True, False, None, None]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("loss: 0.5, acc: 45%", ["0.5", "45"]),
        ("mAP50-95 0.5", ["0.5"]),
        ("Acc@1 20.000", ["20.000"]),
        ("version 8.3.40", []),
        ("step:1/1415 train_time:71ms", ["1", "1415", "71"]),
        ("[1,  2000] loss: 1.057", ["1", "2000", "1.057"]),
        ("lr=[1.6e-05, 1.6e-05]", ["1.6e-05", "1.6e-05"]),
        ("number of nan iterations: 0", ["0"]),
        ("loss None", []),
        ("loss: None", ["None"]),
        ("deadbeef 3f2a 0x1f", []),
    ],
)
def test_slots_are_numbers_and_no_parts_of_words(text: str, found: list[str]):
    assert SLOT.findall(text) == found


def test_numbers_in_wrappers_are_bare():
    text = "a=tensor(nan, device='cuda:0') b=tensor(0.5, grad_fn=<NllLossBackward0>) c=np.float32(1.5) d=Array(2.3, dtype=float32)"  # noqa: E501
    assert unwrap(text) == "a=nan b=0.5 c=1.5 d=2.3"


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(["{}", "{:.4f}", "{:.3e}", "{:g}"]))
def test_what_python_prints_is_read_back(value: float, form: str):
    text = form.format(value)
    assert SLOT.findall(f"loss: {text}, x") == [text]
    found = read(text)
    assert found is not None
    assert found.value == float(text)


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str):
    for slot in SLOT.findall(text):
        read(slot)
