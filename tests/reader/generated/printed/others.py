"""Numbers of a print statement that state no fact: times, speeds, counts, parts of the loss."""

from collections.abc import Callable

from tests.reader.generated.course import Moment
from tests.reader.generated.page import Page

Number = Callable[[Page, Moment], float | int | str]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"


KINDS: dict[str, Number] = {
    "part": lambda page, at: page.course.loss(at.step) * page.draw.pick([0.2, 0.35]),
    "share": lambda page, at: min(0.99, 0.3 + 0.5 * page.course.progress(at.step) + abs(page.draw.bell(0.02))),
    "pct": lambda page, at: min(99.0, 30 + 50 * page.course.progress(at.step) + abs(page.draw.bell(2.0))),
    "sec": lambda page, at: page.course.seconds * page.draw.real(0.9, 1.2),
    "rate": lambda page, at: page.draw.real(0.9, 1.1) / page.course.seconds,
    "count": lambda page, at: 512 * (at.step + 1),
    "gb": lambda page, at: page.draw.real(11.0, 14.0),
    "hms": lambda page, at: _clock(at.step * page.course.seconds),
    "clock": lambda page, at: f"{_clock(at.step * page.course.seconds)[1:]}.{page.draw.whole(100000, 999999)}",
}
