"""A format and a seed → a log with plausible figures, what is known of it at its last line, and what broke it."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.reader.generated.course import METRICS, Course, Epoch, Metric, Moment
from tests.reader.generated.draw import Draw
from tests.reader.generated.noise import CLOSINGS, opening
from tests.reader.generated.page import Page
from tests.reader.generated.printed.formats import SLOT, Format
from tests.reader.generated.printed.others import KINDS
from tests.reader.test_endings import DEATHS

MOST_EPOCHS = 60
SAMPLES_PER_BATCH = 64
_SHARE = Metric((), True, lambda done, _: 0.15 + 0.7 * done**0.4)


class Printed(NamedTuple):
    """A log of a format."""

    name: str
    text: str
    facts: dict[str, object]  # as those of `GeneratedLog`
    has_nan: bool  # whether a loss was printed that is not finite
    has_nan_part: bool  # whether a part of a loss was
    death: str  # the text of its end; empty where it did not die


class _Loop:
    """Writes the log of one training loop."""

    def __init__(self, form: Format, draw: Draw, *, fault: str) -> None:
        self._form, self._draw = form, draw
        course = self._course(fault)
        if not form.is_logged:
            self._page = Page(draw, headed=False, words=False, course=course)
        else:
            self._page = Page(draw, words=False, course=course)
        self.has_nan = self.has_nan_part = False
        self._metrics: set[str] = set()  # those of the present line
        self.death = ""
        self._at = Moment(0, 0, 0, False)

    def _course(self, fault: str) -> Course:
        form, draw = self._form, self._draw
        if form.counts_steps or form.of("batch", "batch0", "bar"):
            course = Course(draw, complete=False if fault == "death" else None)
        else:
            epochs = draw.whole(4 * form.every, 8 * form.every) if form.every > 1 else draw.whole(4, MOST_EPOCHS)
            course = Course(draw, epochs=epochs, complete=False if fault == "death" else None)
        course.nan_from = draw.whole(course.last_step // 3, course.last_step // 2) if fault == "nan" else None
        return course

    def write(self, fault: str) -> Printed:
        page, form, course = self._page, self._form, self._page.course
        if self._draw.often(0.4):
            opening(page)
        self._say("start")
        if form.counts_steps:
            self._steps()
        else:
            for epoch in course.epochs(from_zero=bool(form.of("batch0"))):
                self._epoch(epoch)
        if fault == "death":
            self.death = self._draw.pick(sorted(DEATHS))
            page.raw(self.death + "\n")
        elif course.is_complete:
            self._say("end")
            if not form.of("end") and self._draw.often(0.5):
                page.say(self._draw.pick(CLOSINGS))
            if page.is_last_epoch_open:
                page.truth.also("epochs_done", course.num_epochs)
        page.truth.also("steps", course.num_steps, None)
        page.truth.also("epochs", course.num_epochs, None)
        return Printed(form.name, page.text, page.truth.facts(), self.has_nan, self.has_nan_part, self.death)

    # ---- the moments

    def _steps(self) -> None:
        page, course, form = self._page, self._page.course, self._form
        is_from_zero = any("{s0" in template for template in form.of("step"))
        total = re.sub(r"\W", "", "".join(form.of("stepbar")))
        for at in course.steps(from_zero=is_from_zero):
            self._at = at
            page.wait(course.every * course.seconds)
            self._say("step")
            if total:
                self._bar(form.of("stepbar")[0], at.step, course.num_steps, at.step == course.num_steps)
                page.truth.put("step", at.step)
                page.truth.put("steps", course.num_steps)

    def _epoch(self, epoch: Epoch) -> None:
        page, course, form = self._page, self._page.course, self._form
        self._at = Moment(epoch.index * course.num_batches, epoch.index, 0, False)
        if form.of("head"):
            self._say("head")
            page.epoch_begun(epoch.index)
        for at in epoch.reports:
            self._at = at
            page.wait(course.every * course.seconds)
            self._say("batch", "batch0")
            for bar in form.of("bar"):
                self._bar(bar, at.batch, course.num_batches, at.batch == course.num_batches)
            if form.of("batch", "batch0", "bar"):
                self._placed(at)
        if not epoch.finished:
            return
        self._at = epoch.end
        page.wait((course.every if form.of("batch", "batch0", "bar") else course.num_batches) * course.seconds)
        for bar in form.of("bar"):
            if epoch.end.batch % course.every:
                self._bar(bar, epoch.end.batch, course.num_batches, True)
                self._placed(epoch.end)
        first = 0 if any("{e0" in template for template in form.of("epoch")) else 1
        if (epoch.index + first) % form.every == 0 and form.of("epoch"):
            self._say("epoch")
            if any("{bs" in template for template in form.of("epoch")):
                page.truth.also("step", epoch.end.step)
            if form.names_epochs and any(SLOT.search(template) for template in form.of("epoch")):
                page.epoch_ended(epoch.index)
            if (first == 1 and form.every > 1) or any("{e0?" in each or "{e1?" in each for _, each in form.lines):
                page.truth.also("epochs_done", None)  # the first that is named is neither 0 nor 1, or has no word

    def _placed(self, at: Moment) -> None:
        """State where a report within an epoch is."""
        page, course, form = self._page, self._page.course, self._form
        slots = {found["name"] for _, template in form.lines for found in SLOT.finditer(template)}
        counts_epochs = form.names_epochs
        if not counts_epochs:
            page.truth.put("step", None, at.step)
        elif form.of("bar") or {"b1", "bs"} <= slots:
            page.truth.put("step", at.step)
        elif {"b0", "bs"} <= slots:
            page.truth.put("step", at.step, at.step - 1, *([None] if "pct" in slots else []))
        else:
            page.truth.put("step", None, at.step)
        page.truth.also("steps", course.num_steps, None)
        if form.of("bar") and not any("{e" in template for template in form.of("bar", "head")):
            page.truth.also("steps", course.num_batches)  # a bar that names no epoch may as well be the training's
        if counts_epochs:
            page.epoch_begun(at.epoch)
            if at.batch == course.num_batches and (form.of("bar") or {"b1", "bs"} <= slots):
                page.epoch_ended(at.epoch)
        if "es" in slots:
            from_zero = any("{e0" in template for _, template in form.lines)
            page.truth.put("epochs", course.num_epochs, *([course.num_epochs + 1] if from_zero else []), None)

    # ---- the lines

    def _say(self, *whens: str) -> None:
        for template in self._form.of(*whens):
            self._page.say(self._filled(template))

    def _bar(self, template: str, done: int, total: int, is_over: bool) -> None:
        said, _, postfix = self._filled(template).partition("|")
        said, postfix = said.strip(), postfix.strip()
        share, pace = done / total, self._page.course.seconds
        drawn = "█" * int(10 * share) + " " * (10 - int(10 * share))
        times = f"{_minutes(done * pace)}<{_minutes((total - done) * pace)}, {1 / pace:5.2f}it/s"
        front = f"{said}: " if said else ""
        shown = f", {postfix}" if postfix else ""
        self._page.raw(f"\r{front}{100 * share:3.0f}%|{drawn}| {done}/{total} [{times}{shown}]" + "\n" * is_over)

    def _filled(self, template: str) -> str:
        self._metrics.clear()
        return SLOT.sub(self._slot, template).replace("{{", "{").replace("}}", "}")

    def _slot(self, found: re.Match[str]) -> str:
        name, how, doubt = found["name"], found["how"] or "", bool(found["doubt"])
        page, course, at = self._page, self._page.course, self._at
        places: dict[str, float] = {
            "e0": at.epoch, "e1": at.epoch + 1, "es": course.num_epochs, "ee0": at.epoch, "ee1": at.epoch + 1,
            "b0": at.batch - 1, "b1": at.batch, "bs": course.num_batches, "s0": at.step, "s1": at.step,
            "ss": course.num_steps, "n0": SAMPLES_PER_BATCH * max(0, at.batch - 1),
            "ns": SAMPLES_PER_BATCH * course.num_batches, "pct": 100 * max(0, at.batch - 1) / course.num_batches,
            "frac": at.step / course.num_batches,
        }  # fmt: skip
        if name in places:
            text = _written(places[name], how)
            self._state_place(name, text, doubt)
            return text
        if name.startswith("~"):
            number = KINDS[name[1:]](page, at)
            if name == "~part" and not math.isfinite(float(number)):
                self.has_nan_part = True
                page.truth.also("loss", math.nan)
            return _written(number, how)
        value, fact = self._value(name)
        text = _written(value, how)
        self._state(name, fact, text, doubt)
        return text

    def _value(self, name: str) -> tuple[float, str]:
        course, at = self._page.course, self._at
        if name in ("loss", "mean"):
            return course.loss(at.step), "loss"
        if name in ("loss@val", "loss@test"):
            return course.val_loss(at.step) * (1.02 if name.endswith("test") else 1.0), f"{name[5:]}_loss"
        if name == "lr":
            return course.rate(at.step), "lr"
        if name == "gnorm":
            return course.grad_norm(at.step), "grad_norm"
        word, _, split = name.partition("@")
        metric = next((each for each in METRICS if word in each.words), _SHARE)
        value = course.metric(metric, at.step, split.rstrip("%"))
        return (100 * value if split.endswith("%") else value), "metric"

    def _state(self, name: str, fact: str, text: str, doubt: bool) -> None:
        truth = self._page.truth
        number = float(text.strip().rstrip("%"))
        values: list[float | None] = [number / 100] if text.endswith("%") else [number]
        self.has_nan |= fact.endswith("loss") and not math.isfinite(number)
        if fact == "metric":
            word, _, split = name.partition("@")
            values += [number] if text.endswith("%") else []
            if name in self._metrics:  # the last batch's, and the mean beside it: either
                values += self._beside
            self._metrics.add(name)
            self._beside = values
            truth.metric(word, split.rstrip("%"), *values, *([None] if doubt else []))
        elif fact == "test_loss":
            if not any("{loss@val" in template for _, template in self._form.lines):
                truth.put("val_loss", *values, None)
        elif name == "mean" and number not in truth.values("loss"):
            # A running mean beside the loss, or that of the epoch on a line of its own: the last that was printed.
            truth.put("loss", *values, *([None] if doubt else []), *self._beside)
        else:
            truth.put(fact, *values, *([None] if doubt else []))
            self._beside = values if fact == "loss" else self._beside

    _beside: list[float | None] = []  # noqa: RUF012

    def _state_place(self, name: str, text: str, doubt: bool) -> None:
        truth, course, at = self._page.truth, self._page.course, self._at
        silence = [None] if doubt else []
        if name in ("s0", "s1"):
            truth.put("step", int(text), *silence)
        elif name == "ss":
            truth.put("steps", course.num_steps, None)
        elif name == "es":
            from_zero = any("{e0" in template or "{ee0" in template for _, template in self._form.lines)
            truth.put("epochs", course.num_epochs, *([course.num_epochs + 1] if from_zero else []), None)
        elif name in ("ee0", "ee1"):
            self._page.epoch_begun(at.epoch)
            truth.also("epochs_done", at.epoch + (course.num_batches - at.batch < course.every))
        elif name == "frac":
            exact = at.step / course.num_batches
            truth.put("epochs_done", *{int(exact), int(float(text))}, None)


def _written(value: float | int | str, how: str) -> str:
    return repr(value) if how == "r" and not isinstance(value, str) else format(value, "" if how == "r" else how)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def render(forms: tuple[Format, ...], seed: int) -> Printed:
    """Make the log of a seed; the formats take turns. Every fourth log breaks by a nan, every fourth dies."""
    draw = Draw(seed)
    fault = ("", "nan", "", "death")[(seed // len(forms) + seed) % 4]
    return _Loop(forms[seed % len(forms)], draw, fault=fault).write(fault)


def all_of(forms: tuple[Format, ...], seeds: range) -> Iterator[Printed]:
    """Make the logs of these seeds."""
    return (render(forms, seed) for seed in seeds)
