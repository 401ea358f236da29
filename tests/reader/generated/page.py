"""A log while it is being written: its lines, its clock, and what has become true."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.reader.generated.course import METRICS, Course, Metric
from tests.reader.generated.draw import Draw
from tests.reader.generated.heads import head
from tests.reader.generated.names import Key, Names
from tests.reader.generated.numbers import NumberFormat, Printed, ShareFormat, loss_format, norm_format, rate_format
from tests.reader.generated.pairs import PairStyle, text_style
from tests.reader.generated.truth import Truth


class Item(NamedTuple):
    """A name with its value on a line, and the fact that it states."""

    key: str
    printed: Printed
    fact: str = ""  # loss, val_loss, lr, grad_norm; metric; empty: none
    name: str = ""  # of a metric
    split: str = ""


class ChosenMetric(NamedTuple):
    """A metric of this log, with its word and its way to be printed."""

    metric: Metric
    word: str
    show: NumberFormat | ShareFormat


class Page:
    """Writes one log."""

    def __init__(
        self, draw: Draw, *, headed: bool = True, ranked: bool = False, words: bool = True, course: Course | None = None
    ) -> None:
        self.draw = draw
        self.course = course or Course(draw)
        self.truth = Truth()
        self.names = Names(draw)
        self.style: PairStyle = text_style(draw)
        self.head_name, self._head = head(draw, ranked=ranked) if headed else ("none", lambda t, v, r: "")
        self.show_loss = loss_format(draw, words=words)
        self.show_rate = rate_format(draw, words=words)
        self.show_norm = norm_format(draw)
        self.has_rate, self.has_norm = draw.often(0.6), draw.often(0.35)
        self.metrics = self._chosen_metrics(words)
        self.notes: list[str] = []  # for the description of the log's kind
        self.kept: dict[str, list] = {}  # what is drawn once for the whole log, by its name
        self.is_last_epoch_open = False
        self.has_heads_below = draw.often(0.5)  # on the lower lines of a report, too
        self._now = datetime(
            2025, draw.whole(1, 12), draw.whole(1, 28), draw.whole(0, 23), draw.whole(0, 59), tzinfo=UTC
        )
        self._began = self._now
        self._text: list[str] = []

    # ---- the lines

    def say(self, text: str = "", *, level: str = "INFO", rank: int = 0, head: bool = True) -> None:
        """Write lines, the first with a head."""
        text = (self._head(self._now, level, rank) if head else "") + text
        # The mark that ends a head or a place and the one that begins the pairs are one.
        self._text.append(text.replace("| | ", "| ").replace("- - ", "- ") + "\n")

    def raw(self, text: str) -> None:
        """Write text as it is, for example a bar that a carriage return will overwrite."""
        self._text.append(text)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)

    @property
    def elapsed_s(self) -> float:
        """Give the time since the log began."""
        return (self._now - self._began).total_seconds()

    @property
    def text(self) -> str:
        """Give the log as far as it is written."""
        return "".join(self._text)

    def report(self, items: list[Item]) -> list[tuple[str, str]]:
        """Take the items' facts as printed now, and give the pairs to be written."""
        for item in items:
            self.note(item)
        return [(item.key, item.printed.text) for item in items]

    def note(self, item: Item) -> None:
        """Take the fact that an item states."""
        if item.fact == "metric":
            self.truth.metric(item.name, item.split, *item.printed.values)
        elif item.fact:
            self.truth.put(item.fact, *item.printed.values)

    # ---- the items

    def loss(self, step: int, *, bare: bool | None = None, split: str = "train") -> Item:
        """Give the loss of a set of data at a step."""
        key = self.names.loss(split, bare=bare)
        value = self.course.loss(step) if split == "train" else self.course.val_loss(step)
        return Item(key.text, _sure(self.show_loss(value), key), "loss" if split == "train" else f"{split}_loss")

    def stated_loss(self, step: int) -> str:
        """Give the training loss as text, for a place that calls it plainly `loss`, and state it."""
        printed = self.show_loss(self.course.loss(step))
        self.truth.put("loss", *printed.values)
        return printed.text

    def rate(self, step: int) -> Item:
        """Give the learning rate at a step."""
        return Item(self.names.rate.text, self.show_rate(self.course.rate(step)), "lr")

    def norm(self, step: int) -> Item:
        """Give the gradient norm at a step."""
        printed = self.show_norm(self.course.grad_norm(step))
        return Item(self.names.norm.text, _sure(printed, self.names.norm), "grad_norm")

    def measured(self, step: int, split: str, *, bare: bool | None = None, count: int = 9) -> list[Item]:
        """Give the log's metrics on a set of data."""
        return [
            Item(
                self.names.key(chosen.word, split, bare=bare),
                chosen.show(self.course.metric(chosen.metric, step, split)),
                "metric",
                chosen.word,
                split,
            )
            for chosen in self.metrics[:count]
        ]

    def trained(self, step: int, *, bare: bool | None = None, metrics: bool = False) -> list[Item]:
        """Give what a training report says, in the order of this log."""
        items = [self.loss(step, bare=bare)]
        items += [self.rate(step)] if self.has_rate else []
        items += [self.norm(step)] if self.has_norm else []
        items += self.measured(step, "train", bare=bare) if metrics else []
        return items

    def validated(self, step: int, *, bare: bool | None = None, split: str = "val") -> list[Item]:
        """Give what a validation says."""
        return [self.loss(step, bare=bare, split=split), *self.measured(step, split, bare=bare)]

    def mean_loss(self, item: Item, decoration: str) -> Item:
        """Print a running mean beside the current loss, as the meters of vision trainers do; either may be read."""
        value = item.printed.values[0]
        other = self.show_loss((value if value is not None else 0.0) * 1.04)
        both = item.printed.values + other.values
        return item._replace(printed=Printed(decoration.format(item.printed.text, other.text), both))

    # ---- epochs

    def epoch_begun(self, index: int) -> None:
        """State that all epochs before this one are done."""
        self.truth.put("epochs_done", *((None, 0) if index == 0 else (index,)))
        self.is_last_epoch_open = True

    def epoch_ended(self, index: int) -> None:
        """State that an epoch is done, by its last line."""
        self.truth.put("epochs_done", index + 1)
        self.is_last_epoch_open = False

    def _chosen_metrics(self, words: bool) -> list[ChosenMetric]:
        chosen = []
        for metric in self.draw.some(METRICS, self.draw.pick([0, 1, 1, 1, 2, 3])):
            word = self.draw.pick(metric.words)
            plain = NumberFormat(self.draw, ["%.4f", "%.3f", "%.2f", "%.2f", "%g", "repr"])
            chosen.append(ChosenMetric(metric, word, ShareFormat(self.draw, words=words) if metric.is_share else plain))
        return chosen


def _sure(printed: Printed, key: Key) -> Printed:
    return printed if key.is_sure else Printed(printed.text, (*printed.values, None))
