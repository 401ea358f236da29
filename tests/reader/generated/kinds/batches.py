"""Reports by epoch and batch: the global step is (epoch - 1) * batches + batch, both counted from 1."""

from collections.abc import Iterator

from tests.reader.generated.course import Epoch, Moment
from tests.reader.generated.extras import extras
from tests.reader.generated.kinds import kind
from tests.reader.generated.noise import between, improved
from tests.reader.generated.page import Page
from tests.reader.generated.pairs import TEXT_STYLES


class BatchPlace:
    """Writes epoch and batch the same way on each line of a log."""

    def __init__(
        self, page: Page, ways: list[str], *, epoch_from: int | None = None, batch_from: int | None = None
    ) -> None:
        draw = page.draw
        self._page = page
        self.epoch_from = draw.pick([0, 1, 1]) if epoch_from is None else epoch_from
        self.batch_from = draw.pick([0, 1, 1]) if batch_from is None else batch_from
        self.way = draw.pick(ways)
        self._pads = draw.often(0.4)
        page.notes.append(f"epoch {self.way} from {self.epoch_from}, batch from {self.batch_from}")

    def write(self, at: Moment, pairs: list[tuple[str, str]]) -> str:
        """Write a line of these pairs at a batch of an epoch, and state where the training is."""
        page, course = self._page, self._page.course
        counts_from_zero = self.batch_from == 0
        page.truth.put("step", *([at.step - 1, at.step] if counts_from_zero else [at.step]))
        page.truth.put("steps", course.num_steps, None)
        if "<%>" in self.way:  # PyTorch's MNIST example counts samples in exactly this form
            page.truth.also("step", None)
        page.epoch_begun(at.epoch)
        if at.batch == course.num_batches:
            page.epoch_ended(at.epoch)
        if "/E" in self.way:
            page.truth.put(
                "epochs", course.num_epochs, *([course.num_epochs + 1] if self.epoch_from == 0 else []), None
            )
        batch = str(at.batch - (1 - self.batch_from))
        if self._pads:
            batch = batch.rjust(len(str(course.num_batches)))
        place = self.way.replace("/E", f"/{course.num_epochs}").replace("/B", f"/{course.num_batches}")
        place = place.replace("<e>", str(at.epoch + self.epoch_from)).replace("<b>", batch)
        place = place.replace("<%>", f"{100 * at.batch // course.num_batches}%")
        place = place.replace("Epoch", page.names.epoch.capitalize() if page.names.style != "upper" else "EPOCH")
        return place + page.style.join(pairs)


def _epochs(page: Page, place: BatchPlace) -> Iterator[Epoch]:
    yield from page.course.epochs(from_zero=place.batch_from == 0)


def _reports(page: Page, epoch: Epoch, place: BatchPlace) -> None:
    for at in epoch.reports:
        page.wait(page.course.every * page.course.seconds)
        page.say(place.write(at, page.report(page.trained(at.step) + extras(page))))
        between(page, chance=0.01)


METERED = ("k v tab", "k: v  ", "k v  ")
TOLD = [
    "Epoch [<e>][<b>/B] ", "Epoch: [<e>][<b>/B]\t", "Epoch [<e>/E], Step [<b>/B], ", "Epoch <e>/E, Batch <b>/B, ",
    "Epoch: <e>/E, Iter: <b>/B -- ", "[Epoch <e>/E] [Batch <b>/B] ", "Epoch <e> [<b>/B] ", "Epoch <e> | batch <b>/B | ",
    "| epoch <e> | <b>/B batches | ", "Train Epoch: <e> [<b>/B (<%>)]\t", "epoch <e>/E iter <b>/B: ", "[<e>/E][<b>/B] ",
    "Epoch <e>, iteration <b>/B | ", "Epoch(train) [<e>][<b>/B]  ", "epoch:<e>/E step:<b>/B ",
    "Training epoch <e>: <b>/B ",
]  # fmt: skip
UNTOLD = [
    "Epoch <e>, batch <b>: ", "[<e>, <b>] ", "Epoch: <e> Iter: <b> ", "Epoch <e> | Step <b> | ", "epoch=<e> batch=<b> ",
    "epoch <e> - batch <b> - ",
]  # fmt: skip


@kind()
def batch_lines(page: Page) -> None:
    """Only training reports, with the number of batches."""
    place = BatchPlace(page, TOLD)
    for epoch in _epochs(page, place):
        _reports(page, epoch, place)


@kind()
def batch_lines_with_validation(page: Page) -> None:
    """A validation line after each epoch."""
    place = BatchPlace(page, TOLD)
    form = page.draw.pick(["Epoch {}: ", "Epoch {} - ", "Epoch {} | ", "[Epoch {}] ", "epoch {} validation: ", ""])
    for epoch in _epochs(page, place):
        _reports(page, epoch, place)
        if epoch.finished:
            page.wait(page.draw.real(1, 30))
            line = page.style.join(page.report(page.validated(epoch.end.step)))
            page.say(form.format(epoch.index + place.epoch_from) + line)
            improved(page)
            page.epoch_ended(epoch.index)


@kind()
def batch_lines_with_summary(page: Page) -> None:
    """After each epoch a line with the means of the training and the validation."""
    place = BatchPlace(page, TOLD)
    form = page.draw.pick(
        ["Epoch {} summary: ", "Epoch {} finished: ", "End of epoch {}: ", "Epoch {} done | ", "=> Epoch {}: "]
    )
    for epoch in _epochs(page, place):
        _reports(page, epoch, place)
        if epoch.finished:
            items = [page.loss(epoch.end.step, bare=False), *page.measured(epoch.end.step, "train", bare=False)]
            items += page.validated(epoch.end.step)
            page.say(form.format(epoch.index + place.epoch_from) + page.style.join(page.report(items)))
            page.epoch_ended(epoch.index)


@kind()
def batch_lines_with_meters(page: Page) -> None:
    """Current values with running means behind, as vision code prints; a test line of stars after each epoch."""
    place = BatchPlace(
        page, ["Epoch: [<e>][<b>/B]\t", "Epoch: [<e>]  [<b>/B]  ", "Epoch: [<e>] [<b>/B] "], batch_from=0
    )
    decoration = page.draw.pick(["{} ({})", "{} ({})", "{} (avg: {})"])
    word = page.names.words["val"].capitalize()
    front = page.draw.pick([f" * {word}: ", f"{word}: * "])
    style = page.style
    page.style = style if style.name in METERED else page.draw.pick([s for s in TEXT_STYLES if s.name in METERED])
    for epoch in _epochs(page, place):
        for at in epoch.reports:
            page.wait(page.course.every * page.course.seconds)
            items = page.trained(at.step, metrics=True)
            items = [page.mean_loss(i, decoration) if i.fact == "loss" else i for i in items]
            page.say(place.write(at, page.report(items + extras(page))))
        if epoch.finished and page.metrics:
            pairs = page.report(page.measured(epoch.end.step, "val", bare=True))
            page.say(front + " ".join(f"{k} {v}" for k, v in pairs))
            page.epoch_ended(epoch.index)


@kind()
def batch_lines_untold(page: Page) -> None:
    """Batches without their number: the global step is not told."""
    place = BatchPlace(page, UNTOLD)
    validates = page.draw.often(0.7)
    for epoch in _epochs(page, place):
        _reports(page, epoch, place)
        if epoch.finished and validates:
            line = page.style.join(page.report(page.validated(epoch.end.step)))
            page.say(f"Epoch {epoch.index + place.epoch_from} " + line)
            page.epoch_ended(epoch.index)
        elif epoch.finished:  # the epoch's last batch is known to be so only when the next epoch begins
            page.truth.put("epochs_done", epoch.index, epoch.index + 1)
        page.truth.unsaid("step")
        page.truth.unsaid("steps")


@kind()
def epoch_head_batch_lines(page: Page) -> None:
    """The epoch on a line of its own; the lines below it tell the batch only."""
    draw, course = page.draw, page.course
    first = draw.pick([1, 1, 0])
    head = draw.pick(
        [
            "Epoch {e}/{E}",
            "Epoch {e}",
            "epoch {e}/{E}",
            "=== Epoch {e}/{E} ===",
            "--- epoch {e} ---",
            "Starting epoch {e}",
            "EPOCH {e}:",
        ]
    )
    place = draw.pick(
        ["{b}/{B}, ", "[{b}/{B}] ", "Batch {b}/{B} ", "Step {b}/{B} - ", "  batch {b}/{B}: ", "iter {b}/{B} | "]
    )
    rule, validates = draw.pick([None, None, "-" * 10, "=" * 20]), draw.often(0.8)
    for epoch in course.epochs():
        page.say(head.format(e=epoch.index + first, E=course.num_epochs))
        if rule:
            page.say(rule)
        page.epoch_begun(epoch.index)
        for at in epoch.reports:
            page.wait(course.every * course.seconds)
            page.say(
                place.format(b=at.batch, B=course.num_batches)
                + page.style.join(page.report(page.trained(at.step) + extras(page)))
            )
            page.truth.put("step", at.step)
            if at.batch == course.num_batches:
                page.epoch_ended(epoch.index)
        if epoch.finished and validates:
            page.say(page.style.join(page.report(page.validated(epoch.end.step))))
            page.epoch_ended(epoch.index)
    page.truth.put("steps", course.num_steps, None)
    if "{E}" in head:
        page.truth.put("epochs", course.num_epochs, *([course.num_epochs + 1] if first == 0 else []), None)


@kind()
def epoch_head_step_lines(page: Page) -> None:
    """The epoch on a line of its own; the lines below it count steps over the whole training."""
    draw, course = page.draw, page.course
    first = draw.pick([1, 1, 0])
    head = draw.pick(
        ["Epoch {}", "*** Epoch {} ***", "Start of epoch {}", "begin training epoch {}", "====> Epoch: {}"]
    )
    for epoch in course.epochs():
        page.say(head.format(epoch.index + first))
        page.epoch_begun(epoch.index)
        for at in epoch.reports:
            page.wait(course.every * course.seconds)
            page.say(
                page.style.join([("global_step", str(at.step)), *page.report(page.trained(at.step) + extras(page))])
            )
            page.truth.put("step", at.step)
        if epoch.finished:
            page.say(page.style.join(page.report(page.validated(epoch.end.step))))
            page.epoch_ended(epoch.index)


@kind()
def batch_lines_with_updates(page: Page) -> None:
    """Epoch, batch and the count of updates side by side: the updates are the step."""
    draw, course = page.draw, page.course
    accumulation = draw.pick([1, 1, 2, 4])
    word, position = draw.pick(["num_updates", "global_step", "update"]), draw.whole(0, 1)
    for epoch in course.epochs():
        page.epoch_begun(epoch.index)
        for at in epoch.reports:
            page.wait(course.every * course.seconds)
            pairs = page.report(page.trained(at.step) + extras(page, units=False))
            pairs.insert(position, (word, str(at.step)))
            micro, all_micro = at.batch * accumulation, course.num_batches * accumulation
            page.say(f"epoch {epoch.index + 1:03d}: {micro:>6} / {all_micro} " + page.style.join(pairs))
            page.truth.put("step", at.step)
            if at.batch == course.num_batches:
                page.epoch_ended(epoch.index)
        if epoch.finished:
            items = page.validated(epoch.end.step, bare=True)
            front = f"epoch {epoch.index + 1:03d} | {page.names.words['val']} on '{page.names.words['val']}' subset | "
            page.say(front + page.style.join([*page.report(items), (word, str(epoch.end.step))]))
            page.truth.put("step", epoch.end.step)
            page.epoch_ended(epoch.index)
    page.truth.put("steps", course.num_steps, None)
