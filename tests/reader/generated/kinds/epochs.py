"""One report per epoch: the step is not told, the epochs are."""

from tests.reader.generated.course import Course
from tests.reader.generated.draw import Draw
from tests.reader.generated.extras import extras
from tests.reader.generated.kinds import kind
from tests.reader.generated.noise import between, improved
from tests.reader.generated.numbers import Printed
from tests.reader.generated.page import Item, Page


def many_epochs(draw: Draw) -> Page:
    """Make a page of a training whose epochs are many and short."""
    return Page(draw, course=Course(draw, epochs=draw.whole(3, 60)))


class EpochPlace:
    """Writes the epoch the same way on each line of a log."""

    WAYS = (
        "Epoch {e}: ", "Epoch {e} | ", "Epoch: {e:03d}, ", "Epoch {e}/{E} ", "Epoch {e}/{E} - ", "Epoch [{e}/{E}] ",
        "[{e}/{E}] ", "[Epoch {e}] ", "epoch {e} ", "epoch: {e}, ", "Epoch {e:05d} | ", "Epoch {e}\t", "epoch={e} ",
        "Epoch {e} of {E}: ", "Ep {e}/{E} ", "Epoch #{e}: ", "[epoch {e:>3}/{E}] ", "EPOCH {e} ", "Epoch: {e}/{E}.. ",
        "| epoch {e} | ",
    )  # fmt: skip

    def __init__(self, page: Page, ways: tuple[str, ...] = WAYS) -> None:
        self._page = page
        self.first = page.draw.pick([0, 1, 1])
        self._way = page.draw.pick(ways)
        page.notes.append(f"epoch {self._way!r} from {self.first}")

    def front(self, index: int) -> str:
        """Write the place of an epoch that is done, state it, and let the epoch's time pass."""
        page = self._page
        page.wait(page.course.num_batches * page.course.seconds)
        total = page.course.num_epochs
        page.epoch_ended(index)
        if "{E}" in self._way:
            page.truth.put("epochs", total, *([total + 1] if self.first == 0 else []), None)
        return self._way.format(e=index + self.first, E=total)


@kind(make=many_epochs)
def epoch_lines(page: Page) -> None:
    """Training and validation on one line."""
    place = EpochPlace(page)
    for epoch in page.course.epochs():
        if epoch.finished:
            items = page.trained(epoch.end.step, metrics=True) + page.validated(epoch.end.step) + extras(page)
            page.say(place.front(epoch.index) + page.style.join(page.report(items)))
            improved(page)
            between(page)


@kind(make=many_epochs)
def epoch_lines_training_only(page: Page) -> None:
    """Only the training."""
    place = EpochPlace(page)
    for epoch in page.course.epochs():
        if epoch.finished:
            items = page.trained(epoch.end.step, metrics=True) + extras(page)
            page.say(place.front(epoch.index) + page.style.join(page.report(items)))
            improved(page)
            between(page)


@kind(make=many_epochs)
def epoch_lines_shuffled(page: Page) -> None:
    """All quantities in any order, the validation first perhaps; best values among them."""
    place = EpochPlace(page)
    page.names.is_train_bare = False
    order: list[int] = []
    best: dict[str, float] = {}
    has_best = page.draw.often(0.5)
    for epoch in page.course.epochs():
        if not epoch.finished:
            continue
        items = page.trained(epoch.end.step, metrics=True) + page.validated(epoch.end.step) + extras(page)
        if has_best:
            value = page.course.val_loss(epoch.end.step)
            best["loss"] = min(value, best.get("loss", value))
            items.append(Item(page.names.cased("best_val_loss"), page.show_loss(best["loss"])))
        order = order or page.draw.shuffled(range(len(items)))
        page.say(place.front(epoch.index) + page.style.join(page.report([items[i] for i in order])))


@kind(make=many_epochs)
def epoch_in_pairs(page: Page) -> None:
    """The epoch is one of the pairs."""
    page.names = type(page.names)(page.draw)
    first = page.draw.pick([0, 1])
    for epoch in page.course.epochs():
        if epoch.finished:
            page.wait(page.course.num_batches * page.course.seconds)
            items = page.trained(epoch.end.step) + page.validated(epoch.end.step) + extras(page)
            page.say(page.style.join([(page.names.epoch, str(epoch.index + first)), *page.report(items)]))
            page.epoch_ended(epoch.index)
            between(page)


@kind(make=many_epochs)
def epoch_two_lines(page: Page) -> None:
    """A line for the training, a line for the validation, both with the epoch."""
    place = EpochPlace(page)
    train, val = page.names.split("train"), page.names.split("val")
    form = page.draw.pick(["{} ", "{}: ", "[{}] ", "({}) ", "{} | "])
    for epoch in page.course.epochs():
        if epoch.finished:
            front = place.front(epoch.index)
            items = page.trained(epoch.end.step, bare=True, metrics=True)
            page.say(front + form.format(train) + page.style.join(page.report(items)))
            page.say(front + form.format(val) + page.style.join(page.report(page.validated(epoch.end.step, bare=True))))


@kind(make=many_epochs)
def split_first_lines(page: Page) -> None:
    """The set's word first, then the epoch in brackets: `train (3/15) loss: ...`."""
    place = EpochPlace(page, (" ({e}/{E}) ", " [{e}] ", " epoch {e}: ", " | epoch {e} | ", " Epoch: {e}/{E} | "))
    train, val = page.names.split("train"), page.names.split("val")
    for epoch in page.course.epochs():
        if epoch.finished:
            front = place.front(epoch.index)
            items = page.trained(epoch.end.step, bare=True, metrics=True)
            page.say(train + front + page.style.join(page.report(items)))
            page.say(val + front + page.style.join(page.report(page.validated(epoch.end.step, bare=True))))


@kind(make=many_epochs)
def epoch_head_two_lines(page: Page) -> None:
    """`Epoch 2/5`, a rule, and a line per set, as PyTorch's transfer tutorial prints."""
    draw, course = page.draw, page.course
    first = draw.pick([0, 1])
    has_total = draw.often(0.7)
    rule = draw.pick(["-" * 10, "=" * 30, None])
    train, val = page.names.words["train"], page.names.words["val"]
    if draw.often(0.4):
        train, val = train.capitalize(), val.capitalize()
    for epoch in course.epochs():
        # The last index that the tutorial prints as its total, where it counts from 0.
        total = f"/{course.num_epochs - 1 + first}" if has_total else ""
        page.say(f"Epoch {epoch.index + first}{total}")
        if rule:
            page.say(rule)
        page.epoch_begun(epoch.index)
        if not epoch.finished:
            continue
        page.wait(course.num_batches * course.seconds)
        items = page.trained(epoch.end.step, bare=True, metrics=True)
        page.say(f"{train} " + page.style.join(page.report(items)))
        page.say(f"{val} " + page.style.join(page.report(page.validated(epoch.end.step, bare=True))))
        improved(page)
        page.say()
        page.epoch_ended(epoch.index)
    if has_total:
        page.truth.put("epochs", course.num_epochs, *([course.num_epochs - 1] if first == 0 else []), None)


@kind(make=many_epochs)
def epoch_head_indented(page: Page) -> None:
    """The epoch as a title, each quantity on a line of its own below."""
    draw = page.draw
    place = EpochPlace(page, ("Epoch {e}", "Epoch {e}/{E}", "Epoch {e}/{E}:", "[Epoch {e}]", "===== Epoch {e} ====="))
    indent = draw.pick(["  ", "    ", "\t", "  - ", "* "])
    for epoch in page.course.epochs():
        if epoch.finished:
            page.say(place.front(epoch.index))
            items = page.trained(epoch.end.step) + page.validated(epoch.end.step) + extras(page)
            for key, value in page.report(items):
                page.say(indent + key + page.style.within + value, head=page.has_heads_below)


@kind(make=many_epochs)
def epoch_scores_of_sets(page: Page) -> None:
    """A loss, then `Train: 0.9, Val: 0.8, Test: 0.8`: scores without a name, which are no losses."""
    place = EpochPlace(page, ("Epoch: {e:03d}, ", "Epoch {e:>3} | ", "Epoch: {e}, "))
    for epoch in page.course.epochs():
        if not epoch.finished:
            continue
        loss = page.loss(epoch.end.step, bare=True)
        done = page.course.progress(epoch.end.step)
        pairs = page.report([loss])
        for word, worse in (("Train", 1.0), ("Val", 0.92), ("Test", 0.9)):
            pairs.append((word, f"{(0.3 + 0.65 * done**0.4) * worse:.4f}"))
        page.say(place.front(epoch.index) + page.style.join(pairs))


@kind(make=many_epochs)
def epoch_lines_with_test(page: Page) -> None:
    """Training, validation and test on one line: the test loss is not the validation loss."""
    place = EpochPlace(page)
    page.names.words["val"] = page.draw.pick(["val", "valid", "dev"])
    for epoch in page.course.epochs():
        if not epoch.finished:
            continue
        items = [page.loss(epoch.end.step), *page.validated(epoch.end.step), *page.measured(epoch.end.step, "test")]
        test = Item(page.names.key("loss", "test"), page.show_loss(1.02 * page.course.val_loss(epoch.end.step)))
        items.append(test)
        page.say(place.front(epoch.index) + page.style.join(page.report(items)))


@kind(make=many_epochs)
def epoch_named_criterion(page: Page) -> None:
    """A loss called by its criterion: a reader may take it as a metric only."""
    place = EpochPlace(page)
    word = page.draw.pick(["mse", "bce", "ce", "nll", "mse_loss", "ce_loss", "elbo", "cost"])
    for epoch in page.course.epochs():
        if not epoch.finished:
            continue
        train, val = page.course.loss(epoch.end.step), page.course.val_loss(epoch.end.step)
        pairs = []
        for split, value, fact in (("train", train, "loss"), ("val", val, "val_loss")):
            shown: Printed = page.show_loss(value)
            pairs.append((page.names.key(word, split, bare=False), shown.text))
            page.truth.put(fact, None, *shown.values)
        page.say(place.front(epoch.index) + page.style.join(pairs))
