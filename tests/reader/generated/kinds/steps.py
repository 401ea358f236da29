"""Reports by global step: one line each, validations on the same line, on their own, or in a block."""

from tests.reader.generated.course import Moment
from tests.reader.generated.extras import extras, parts
from tests.reader.generated.kinds import kind
from tests.reader.generated.noise import between
from tests.reader.generated.page import Item, Page
from tests.reader.generated.places import StepPlace


def steps_of(page: Page, *, with_total: bool | None = None):
    """Give the place writer and the moments of a log by global steps, the clock running."""
    place = StepPlace(page, with_total=with_total)
    previous = 0

    def moments():
        nonlocal previous
        for at in page.course.steps(from_zero=place.from_zero):
            page.wait((at.step - previous) * page.course.seconds)
            previous = at.step
            yield at
            between(page)

    return place, moments()


def _line(page: Page, place: StepPlace, at: Moment, items: list[Item]) -> str:
    return place.write(at.step, page.report(items))


@kind()
def step_lines(page: Page) -> None:
    """Only training reports."""
    place, moments = steps_of(page)
    for at in moments:
        page.say(_line(page, place, at, page.trained(at.step) + extras(page)))


@kind()
def step_lines_shuffled(page: Page) -> None:
    """The loss anywhere on the line."""
    place, moments = steps_of(page)
    order: list[str] = []
    for at in moments:
        items = page.trained(at.step, metrics=True) + extras(page)
        order = order or page.draw.shuffled([item.key for item in items])
        items.sort(key=lambda item: order.index(item.key))
        page.say(_line(page, place, at, items))


@kind()
def step_of_total(page: Page) -> None:
    """Steps with the number of all steps."""
    place, moments = steps_of(page, with_total=True)
    for at in moments:
        page.say(_line(page, place, at, page.trained(at.step) + extras(page)))


@kind()
def step_with_validation_line(page: Page) -> None:
    """A validation line of the same form every few reports."""
    place, moments = steps_of(page)
    for at in moments:
        page.say(_line(page, place, at, page.trained(at.step) + extras(page)))
        if at.evaluates:
            page.wait(page.draw.real(1, 9))
            page.say(_line(page, place, at, page.validated(at.step)))


@kind()
def step_with_prefixed_validation(page: Page) -> None:
    """A validation line that says so at its start only: its keys are bare."""
    place, moments = steps_of(page)
    word = page.names.split("val")
    front = page.draw.pick([f"{word} ", f"[{word}] ", f"{word}: ", f"{word} | ", f"===> {word}: ", f"*** {word} *** "])
    for at in moments:
        page.say(_line(page, place, at, page.trained(at.step) + extras(page)))
        if at.evaluates:
            page.say(front + _line(page, place, at, page.validated(at.step, bare=True)))


@kind()
def step_with_both_prefixed(page: Page) -> None:
    """Training and validation lines, each told apart at its start only."""
    place, moments = steps_of(page)
    form = page.draw.pick(["{} ", "[{}] ", "{}: ", "{} | ", "({}) "])
    train, val = page.names.split("train"), page.names.split("val")
    for at in moments:
        page.say(form.format(train) + _line(page, place, at, page.trained(at.step, bare=True) + extras(page)))
        if at.evaluates:
            page.say(form.format(val) + _line(page, place, at, page.validated(at.step, bare=True)))


@kind()
def step_with_validation_on_the_line(page: Page) -> None:
    """Training and validation on each line, in either order."""
    place, moments = steps_of(page)
    is_val_first = page.draw.often(0.3)
    page.names.is_train_bare = page.names.is_train_bare and not is_val_first
    for at in moments:
        train, val = page.trained(at.step) + extras(page), page.validated(at.step)
        page.say(_line(page, place, at, val + train if is_val_first else train + val))


@kind()
def step_with_placeless_validation(page: Page) -> None:
    """A validation line that tells no step, below the training line it belongs to."""
    place, moments = steps_of(page)
    for at in moments:
        page.say(_line(page, place, at, page.trained(at.step) + extras(page)))
        if at.evaluates:
            page.say(page.style.join(page.report(page.validated(at.step))))


@kind()
def step_with_validation_block(page: Page) -> None:
    """A validation as a small block below a title."""
    place, moments = steps_of(page)
    word = page.names.words["val"].capitalize()
    title = page.draw.pick(["{} results:", "***** {} results *****", "--- {} ---", "{}:", "Running {}..."]).format(word)
    for at in moments:
        page.say(_line(page, place, at, page.trained(at.step) + extras(page)))
        if at.evaluates:
            page.say(title)
            for key, value in page.report(page.validated(at.step, bare=False)):
                page.say(f"  {key}{page.style.within}{value}")


@kind()
def step_with_several_sets(page: Page) -> None:
    """Validation on several sets: none of them is *the* validation loss."""
    place, moments = steps_of(page)
    page.metrics = []
    sets = page.draw.some(
        ["wiki", "c4", "books", "code", "lambada", "seen", "unseen", "en", "de"], page.draw.whole(2, 3)
    )
    pattern = page.draw.pick(
        ["val_{}_loss", "val/{}/loss", "eval_{}_loss", "valid_{} loss", "val_loss/{}", "val_loss_{}"]
    )
    for at in moments:
        page.say(_line(page, place, at, page.trained(at.step) + extras(page)))
        if at.evaluates:
            shown = [(name, page.show_loss(page.course.val_loss(at.step))) for name in sets]
            pairs = [(pattern.format(name), printed.text) for name, printed in shown]
            page.say(place.write(at.step, pairs))
            page.truth.put("val_loss", None, *(value for _, printed in shown for value in printed.values))


@kind()
def step_with_parts_of_the_loss(page: Page) -> None:
    """The loss among its parts, means and best values, in any order."""
    place, moments = steps_of(page)
    order: list[int] = []
    for at in moments:
        items = page.trained(at.step, bare=True) + parts(page, at.step) + extras(page)
        order = order or page.draw.shuffled(range(len(items)))
        page.say(_line(page, place, at, [items[i] for i in order]))


@kind()
def step_without_loss(page: Page) -> None:
    """Steps and times on each line; a loss only where a validation is."""
    place, moments = steps_of(page, with_total=True)
    page.metrics = []
    clock = 0.0
    for at in moments:
        clock += page.course.every * page.course.seconds
        pairs = [("train_time", f"{1000 * clock:.0f}ms"), ("step_avg", f"{1000 * page.course.seconds:.2f}ms")]
        page.say(place.write(at.step, pairs))
        if at.evaluates:
            page.say(place.write(at.step, page.report(page.validated(at.step)) + pairs))


@kind()
def step_and_epoch(page: Page) -> None:
    """A global step with the epoch beside it, which counts from 0 or 1."""
    first = page.draw.pick([0, 1])
    _place, moments = steps_of(page, with_total=False)
    for at in moments:
        page.epoch_begun(at.epoch)
        pairs = [(page.names.epoch, str(at.epoch + first))]
        pairs += [(page.names.step, str(at.step)), *page.report(page.trained(at.step) + extras(page))]
        page.say(page.style.join(pairs))
        page.truth.put("step", at.step)
        if page.course.num_batches - at.batch < page.course.every:  # the next report is of the next epoch, or none
            page.truth.also("epochs_done", at.epoch + 1)


@kind()
def step_and_fraction_of_epoch(page: Page) -> None:
    """A global step with the epochs done as a fraction."""
    _place, moments = steps_of(page, with_total=False)
    digits = page.draw.pick([2, 2, 3, 4])
    is_first = page.draw.often(0.5)
    for at in moments:
        exact = at.step / page.course.num_batches
        epoch = f"{exact:.{digits}f}"
        tail = [(page.names.epoch, epoch)]
        pairs = page.report(page.trained(at.step) + extras(page))
        step = [(page.names.step, str(at.step))]
        page.say(page.style.join(step + tail + pairs if is_first else step + pairs + tail))
        page.truth.put("step", at.step)
        done = {int(exact), int(float(epoch))}
        page.truth.put("epochs_done", *done, *([None] if done == {0} or 0 in done else []))


@kind(make=lambda draw: Page(draw, words=False))
def step_logfmt(page: Page) -> None:
    """Every field as `key=value`, the message among them."""
    _place, moments = steps_of(page)
    page.names = type(page.names)(page.draw, ["snake"])
    for at in moments:
        pairs = [("level", "info"), ("msg", '"train step"'), (page.names.step, str(at.step))]
        pairs += page.report(page.trained(at.step) + extras(page, units=False))
        page.truth.put("step", at.step)
        page.say(" ".join(f"{key}={value}" for key, value in pairs))
