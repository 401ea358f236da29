"""Bars in the manner of Keras and of rich: a head line per epoch, figures behind each bar."""

from tests.reader.generated.course import Course
from tests.reader.generated.draw import Draw
from tests.reader.generated.kinds import kind
from tests.reader.generated.page import Page


def keras_page(draw: Draw) -> Page:
    """Make a page with Keras' own names: `loss`, `val_loss`."""
    page = Page(draw, headed=False, words=False, course=Course(draw, epochs=draw.whole(2, 15)))
    page.names = type(page.names)(draw, ["snake"])
    page.names.is_train_bare, page.names.is_suffix, page.has_norm = True, False, False
    page.names.words["val"], page.names.rate = "val", page.names.rate._replace(text=draw.pick(["lr", "learning_rate"]))
    page.show_loss = type(page.show_loss)(draw, ["%.4f", "%.4f", "%.4e"])
    return page


def _figures(page: Page, step: int, *, at_end: bool) -> str:
    loss = [("loss", page.stated_loss(step))]
    items = [*page.measured(step, "train", bare=True)]
    if at_end:
        items += page.validated(step)
        items += [page.rate(step)] if page.has_rate else []
    return " - ".join(f"{key}: {value}" for key, value in loss + page.report(items))


def _head(page: Page, index: int) -> None:
    page.say(f"Epoch {index + 1}/{page.course.num_epochs}")
    page.epoch_begun(index)
    page.truth.put("epochs", page.course.num_epochs, None)
    page.truth.put("steps", page.course.num_steps, None)


@kind(make=keras_page)
def keras_bars(page: Page) -> None:
    """Bars of equal signs or thick lines that move within the epoch."""
    course = page.course
    is_new = page.draw.often(0.5)
    back = page.draw.pick(["\r", "\r", "\b" * 60])
    width = len(str(course.num_batches))
    for epoch in course.epochs():
        _head(page, epoch.index)
        for at in [*epoch.reports, *([epoch.end] if epoch.finished else [])]:
            is_end = epoch.finished and at is epoch.end
            share = at.batch / course.num_batches
            full = int(30 * share) if not is_new else int(20 * share)
            if is_new:
                bar = "━" * 20
                time = f"{int(at.batch * course.seconds)}s {course.seconds * 1000:.0f}ms/step - "
                text = f"{at.batch:>{width}}/{course.num_batches} {bar} {time}"
            else:
                bar = "=" * full + (">" if full < 30 else "") + "." * (29 - full)
                left = f"ETA: {int((1 - share) * course.num_batches * course.seconds)}s"
                took = f"{int(course.num_batches * course.seconds)}s {course.seconds * 1000:.0f}ms/step"
                text = f"{at.batch:>{width}}/{course.num_batches} [{bar}] - {took if is_end else left} - "
            page.raw(back + text + _figures(page, at.step, at_end=is_end))
            page.truth.put("step", at.step)
        page.raw("\n")
        if epoch.finished:
            page.epoch_ended(epoch.index)


@kind(make=keras_page)
def keras_lines(page: Page) -> None:
    """One line per epoch below its head."""
    write_lines(page, page.draw.pick(["old", "new", "batches last"]))


def write_lines(page: Page, way: str) -> None:
    """Write a training as Keras prints without bars, in the form of one of its versions."""
    course = page.course
    for epoch in course.epochs():
        _head(page, epoch.index)
        if not epoch.finished:
            continue
        took, each = f"{int(course.num_batches * course.seconds)}s", f"{course.seconds * 1000:.0f}ms/step"
        figures = _figures(page, epoch.end.step, at_end=True)
        total = f"{course.num_batches}/{course.num_batches}"
        page.say(
            {
                "old": f" - {took} - {figures}",
                "new": f"{total} - {took} - {figures}",
                "batches last": f"{total} - {took} - {each} - {figures}",
            }[way]
        )
        page.truth.put("step", epoch.end.step, None)
        if way == "old":
            page.truth.put("step", None)
            page.truth.unsaid("steps")
        page.epoch_ended(epoch.index)


@kind(make=keras_page)
def rich_bars(page: Page) -> None:
    """Thick lines with times and figures behind, an epoch each."""
    course, first = page.course, page.draw.pick([0, 1])
    total = course.num_epochs - 1 + first
    for epoch in course.epochs():
        page.epoch_begun(epoch.index)
        for at in [*epoch.reports, *([epoch.end] if epoch.finished else [])]:
            is_end = epoch.finished and at is epoch.end
            full = int(30 * at.batch / course.num_batches)
            bar = "━" * full + ("╸" if full < 30 else "") + "━" * max(0, 29 - full)
            figures = _figures(page, at.step, at_end=is_end).replace(" - ", " ")
            speed = f"{1 / course.seconds:.2f}it/s"
            place = f"Epoch {epoch.index + first}/{total} {bar} {at.batch}/{course.num_batches}"
            page.raw(f"\r{place} 0:00:12 • 0:00:00 {speed} v_num: 0.000 {figures}")
            page.truth.put("step", at.step)
        page.raw("\n")
        if epoch.finished:
            page.epoch_ended(epoch.index)
    page.truth.put("epochs", course.num_epochs, *([course.num_epochs - 1] if first == 0 else []), None)
    page.truth.put("steps", course.num_steps, None)
