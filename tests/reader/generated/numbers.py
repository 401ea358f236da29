"""How trainers print numbers: the text, and the values that a careful reader may take from it."""

import math
from typing import NamedTuple

from tests.reader.generated.draw import Draw

NAN_WORDS = ["nan"] * 6 + ["NaN", "NaN"]
RARE_NAN_WORDS = ["NAN", "-nan", "tensor(nan)"]  # C, and tensors printed as they are


class Printed(NamedTuple):
    """A number as it is printed."""

    text: str
    values: tuple[float | None, ...]  # any of these is right; None: so is silence

    @classmethod
    def plain(cls, text: str) -> "Printed":
        """Take a text that Python reads as the number it is."""
        return cls(text, (float(text),))


class NumberFormat:
    """One way to print a quantity, kept for the whole log as a format string in the source would be."""

    def __init__(self, draw: Draw, choices: list[str], *, words: bool = False) -> None:
        self.pattern = draw.pick(choices)
        self.nan_text = (
            "NAN" if self.pattern.endswith("E") else draw.pick(NAN_WORDS + (RARE_NAN_WORDS if words else []))
        )

    def __call__(self, value: float) -> Printed:
        if math.isnan(value):
            is_clear = self.nan_text not in ("null", "None")
            return Printed(self.nan_text, (math.nan,) if is_clear else (math.nan, None))
        if self.pattern == "repr":
            return Printed.plain(repr(value))
        if self.pattern == "tensor":
            text = f"{value:.4f}"
            return Printed(f"tensor({text})", (float(text),))
        if self.pattern == "tensor_grad":
            text = f"{value:.4f}"
            return Printed(f"tensor({text}, device='cuda:0', grad_fn=<NllLossBackward0>)", (float(text),))
        if self.pattern == "list":
            text = f"{value:.6g}"
            return Printed(f"[{text}]", (float(text),))
        if self.pattern == "comma":
            text = f"{value:.4f}"
            return Printed(text.replace(".", ","), (float(text), None))
        text = self.pattern % value
        return Printed(text, (float(text),))


def loss_format(draw: Draw, *, words: bool = True) -> NumberFormat:
    """Draw how the losses of a log are printed; `words`: also as a repr that is more than digits."""
    common = ["%.4f"] * 6 + ["%.3f"] * 4 + ["%.5f", "%.5f", "%.6f", "%.6f", "%.2f", "%g", "%g", "repr", "repr"]
    rare = ["%.3e", "%.4E", "%.4e", "%.6E", "%.8f"]
    wordy = ["%8.4f", "%7.3f", "%+.4f", "tensor", "tensor_grad", "comma"]
    return NumberFormat(draw, common * 2 + rare + (wordy if words else []), words=words)


def rate_format(draw: Draw, *, words: bool = True) -> NumberFormat:
    """Draw how the learning rate is printed."""
    common = ["%.2e", "%.3e", "%.6f", "%g", "%g", "%.1e", "%.4e", "repr", "%.3E", "%.8f", "%.5f", "%.6e"]
    return NumberFormat(draw, common + (["list"] if words else []))


def norm_format(draw: Draw) -> NumberFormat:
    """Draw how the gradient norm is printed."""
    return NumberFormat(draw, ["%.4f", "%.3f", "%.2f", "%g", "%.3e", "repr", "%.6f", "%.1f"])


class ShareFormat:
    """A share such as an accuracy, between 0 and 1: as a fraction or in percent."""

    def __init__(self, draw: Draw, *, words: bool = True) -> None:
        ways = ["%.4f", "%.4f", "%.3f", "%.2f", "percent", "percent", "repr", "%.5f"]
        self.way = draw.pick(ways + (["percent_sign", "percent_sign", "percent_space"] if words else []))
        self.digits = draw.pick([1, 2, 2, 2, 3, 4])

    def __call__(self, share: float) -> Printed:
        if self.way == "repr":
            return Printed.plain(repr(share))
        if self.way.startswith("%"):
            return Printed.plain(self.way % share)
        text = f"{100 * share:.{self.digits}f}"
        if self.way == "percent":
            return Printed.plain(text)
        sign = "%" if self.way == "percent_sign" else " %"
        return Printed(text + sign, (float(text), float(text) / 100))


def count_text(way: str, number: int) -> str:
    """Print a large count: plain, with `thousands` separated, or with a `suffix`."""
    if way == "thousands":
        return f"{number:,}"
    if way == "suffix":
        return (
            f"{number / 1e6:.1f}M" if number >= 1_000_000 else f"{number / 1e3:.1f}k" if number >= 1000 else str(number)
        )
    return str(number)
