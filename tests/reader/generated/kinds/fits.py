"""Several trainings in one log: folds, stages, settings that are tried one after the other."""

from collections.abc import Callable, Iterator, Sequence

from tests.reader.generated.course import Course
from tests.reader.generated.kinds import kind
from tests.reader.generated.kinds.batches import TOLD, BatchPlace
from tests.reader.generated.kinds.epochs import EpochPlace
from tests.reader.generated.kinds.keras import keras_page, write_lines
from tests.reader.generated.page import Page

FOLDS = [
    "Fold {k}/{K}",
    "===== Fold {k} =====",
    "fold {k}",
    "Training fold {k} of {K}...",
    "--- FOLD {k}/{K} ---",
    "[Fold {k}]",
]
RUNS = ["Run {k}/{K}", "Trial {k}: lr=0.00{k}", "=== Experiment {k} ===", "Training with seed {k}", "Starting run {k}"]
STAGES = ["Stage {k}", "=== Stage {k}: training ===", "Phase {k}/{K}", "Start of stage {k}"]


def _fits(page: Page, titles: Sequence[str | None]) -> Iterator[int]:
    """Begin one training after the other, all but the last of them complete."""
    draw = page.draw
    count, title = draw.whole(2, 5), draw.pick(titles)
    if title and "lr=" in title:
        page.kept["settings rate"] = [title]  # a title tells the rate: it may be read
    is_complete = page.course.is_complete
    epochs = draw.whole(2, 10)
    for number in range(1, count + 1):
        page.course = Course(draw, epochs=epochs, complete=is_complete if number == count else True)
        page.course.nan_from = None
        if title:
            page.say(title.format(k=number, K=count))
        yield number
    page.notes.append(f"{count} fits")


def _count_epochs(page: Page, before: int) -> int:
    """Allow the epochs of all trainings beside those of the last; give the sum so far."""
    last = [value for value in page.truth.values("epochs_done") if value is not None]
    page.truth.also("epochs_done", *(before + value for value in last))
    return before + page.course.num_epochs


def _each(page: Page, titles: Sequence[str | None], one: Callable[[], None]) -> None:
    before = 0
    for _ in _fits(page, titles):
        one()
        if page.draw.often(0.2):
            page.say(page.draw.pick(["Best model of this fold saved", "Done with this one", "Resetting model weights"]))
        before = _count_epochs(page, before)
    page.truth.unsaid("steps")
    page.truth.unsaid("epochs")


@kind()
def folds_by_epoch(page: Page) -> None:
    """Cross-validation, a line per epoch."""
    place = EpochPlace(page)

    def one() -> None:
        for epoch in page.course.epochs():
            if epoch.finished:
                items = page.trained(epoch.end.step) + page.validated(epoch.end.step)
                page.say(place.front(epoch.index) + page.style.join(page.report(items)))

    _each(page, FOLDS, one)


@kind()
def folds_with_scores(page: Page) -> None:
    """Cross-validation with a score after each fold and their mean at the end."""
    place = EpochPlace(page)
    word = page.draw.pick(["accuracy", "AUC", "F1", "score"])
    page.metrics = []

    def one() -> None:
        for epoch in page.course.epochs():
            if epoch.finished:
                items = page.trained(epoch.end.step) + page.validated(epoch.end.step)
                page.say(place.front(epoch.index) + page.style.join(page.report(items)))
        if page.course.is_complete:
            page.say(f"Fold {word}: {page.draw.real(0.7, 0.95):.4f}")

    _each(page, FOLDS, one)
    if page.course.is_complete:
        page.say(f"Mean {word} over folds: {page.draw.real(0.8, 0.9):.4f} +/- {page.draw.real(0.005, 0.03):.4f}")


@kind()
def runs_by_batch(page: Page) -> None:
    """Several runs, epochs and batches anew in each."""
    place = BatchPlace(page, TOLD, batch_from=1)

    def one() -> None:
        for epoch in page.course.epochs():
            for at in epoch.reports:
                page.say(place.write(at, page.report(page.trained(at.step))))
            if epoch.finished:
                page.say(page.style.join(page.report(page.validated(epoch.end.step))))
                page.epoch_ended(epoch.index)

    _each(page, RUNS, one)


@kind(make=keras_page)
def keras_fits(page: Page) -> None:
    """Several calls of Keras' `fit`, nothing between them or a title."""
    _each(page, FOLDS if page.draw.often(0.5) else [None], lambda: write_lines(page, "new"))
    page.truth.unsaid("step")


@kind()
def stages_by_step(page: Page) -> None:
    """Several stages, each with steps from its own start."""

    def one() -> None:
        for at in page.course.steps():
            page.wait(page.course.every * page.course.seconds)
            page.say(page.style.join([(page.names.step, str(at.step)), *page.report(page.trained(at.step))]))
            page.truth.put("step", at.step)
        page.truth.put("epochs_done", None, 0)

    _each(page, STAGES, one)
    page.truth.unsaid("epochs_done")


@kind()
def trainings_without_a_word(page: Page) -> None:
    """One training after the other, each stopped early: nothing between them, and no number of epochs."""
    draw = page.draw
    place = EpochPlace(page, tuple(way for way in EpochPlace.WAYS if "{E}" not in way))
    for _ in range(draw.whole(2, 4)):
        page.course = Course(draw, epochs=draw.whole(4, 30), complete=True)
        page.course.nan_from = None
        for epoch in page.course.epochs():
            items = page.trained(epoch.end.step, metrics=True) + page.validated(epoch.end.step)
            page.say(place.front(epoch.index) + page.style.join(page.report(items)))
    page.notes.append("trainings in turn")
