"""Charts as SVG, to be put into a page: numbers in, text out; every word is escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 26, 34
COLOURS = ("#1f6feb", "#d9480f", "#2b8a3e", "#862e9c", "#5f6b7a")
MOST_DOTS = 800
"""Dots of a curve; of more, evenly spread ones are drawn, the last included."""


class Curve(NamedTuple):
    """One line of a chart; a value that is not finite interrupts it."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    is_dashed: bool = False
    has_dots: bool = False


def chart(title: str, curves: Sequence[Curve], *, x_text: Callable[[float], str], y_title: str) -> str:
    """Return a line chart; `x_text` writes the labels of the x axis. Without a finite value it says so."""
    drawn = [_finite(curve) for curve in curves]
    xs = np.concatenate([x for x, _ in drawn]) if drawn else np.zeros(0)
    ys = np.concatenate([y for _, y in drawn]) if drawn else np.zeros(0)
    head = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg" class="chart">\n<title>{escape(title)}</title>\n'
        f'<text x="{LEFT}" y="16" class="title">{escape(title)}</text>\n'
    )
    if not len(xs):
        return f'{head}<text x="{WIDTH / 2}" y="{HEIGHT / 2}" class="none">no values</text>\n</svg>'
    x_low, x_high = _range(xs, 0.0)
    y_low, y_high = _range(ys, 0.05)

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for y in _ticks(y_low, y_high):
        _, at = place(x_low, y)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" class="y">{escape(f"{y:.4g}")}</text>')
    for number, x in enumerate(np.linspace(x_low, x_high, 5)):
        at, _ = place(float(x), y_low)
        anchor = "start" if number == 0 else "end" if number == 4 else "middle"
        label = escape(x_text(float(x)))
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="{anchor}" class="x">{label}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 4}" class="unit">{escape(y_title)}</text>')
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        parts += _drawn(curve, place, colour)
        across = WIDTH - RIGHT - 130 * (len(curves) - number)
        parts.append(f'<text x="{across}" y="16" style="--colour: {colour}" class="name">{escape(curve.name)}</text>')
    return head + "\n".join(parts) + "\n</svg>"


def _drawn(curve: Curve, place: Callable[[float, float], tuple[float, float]], colour: str) -> list[str]:
    kept = np.arange(len(curve.x))
    if len(kept) > MOST_DOTS:
        kept = np.unique(np.linspace(0, len(kept) - 1, MOST_DOTS).round().astype(int))
    steps, is_drawing, dots = [], False, []
    for x, y in zip(curve.x[kept].tolist(), curve.y[kept].tolist(), strict=True):
        if not (math.isfinite(x) and math.isfinite(y)):
            is_drawing = False
            continue
        across, down = place(x, y)
        steps.append(f"{'L' if is_drawing else 'M'}{across:.1f} {down:.1f}")
        is_drawing = True
        if curve.has_dots:
            dots.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>')
    dash = ' stroke-dasharray="5 4"' if curve.is_dashed else ""
    return [f'<path d="{"".join(steps)}" stroke="{colour}"{dash} class="line"/>', *dots]


def _finite(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = np.isfinite(curve.x) & np.isfinite(curve.y)
    return curve.x[known], curve.y[known]


def _range(values: NDArray[np.float64], margin: float) -> tuple[float, float]:
    """Return a range that holds the values and is not empty."""
    low, high = float(values.min()), float(values.max())
    room = (high - low) * margin or (0.0 if high > low else abs(high) * 0.1 or 1.0)
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Return about four round numbers in a range."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
