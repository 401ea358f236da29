"""Rounds of solvers and of boosting: numbered, without epochs or batches."""

from tests.reader.generated.kinds import kind
from tests.reader.generated.kinds.epochs import many_epochs
from tests.reader.generated.page import Page


@kind(make=many_epochs)
def iterations_of_a_solver(page: Page) -> None:
    """Numbered iterations with a loss each, as scikit-learn prints."""
    course = page.course
    pattern = page.draw.pick(
        ["Iteration {}, loss = {}", "iter {}: loss = {}", "Iteration {:>4} | loss: {}", "iter {:>5}   loss {}"]
    )
    for count in range(1, page.draw.whole(20, 80)):
        page.wait(course.seconds)
        page.say(pattern.format(count, page.stated_loss(count * course.last_step // 80)))
        page.truth.put("step", count)
    page.truth.put("epochs_done", None, count)
    page.truth.unsaid("steps")


@kind()
def boosting_rounds(page: Page) -> None:
    """Boosting rounds with the same measure on two sets."""
    draw = page.draw
    measure = draw.pick(["rmse", "logloss", "mae", "error", "l2", "binary_logloss", "auc"])
    way = draw.pick(["xgboost", "lightgbm", "catboost"])
    every = draw.pick([1, 1, 10, 50]) if way != "lightgbm" else draw.pick([1, 10, 20])
    page.notes.append(f"{way} {measure}")
    val = draw.pick(["valid", "eval", "validation_0", "val"])
    for count in range(0 if way != "lightgbm" else every, every * draw.whole(12, 60), every):
        done = count / (60 * every)
        page.wait(0.02 * every)
        train, test = (f"{0.9 * 2.7 ** (-2 * done) * worse:.5f}" for worse in (1.0, 1.1))
        if measure == "auc":
            train, test = (f"{0.6 + 0.35 * done * worse:.5f}" for worse in (1.0, 0.9))
        if way == "xgboost":
            page.say(f"[{count}]\ttrain-{measure}:{train}\t{val}-{measure}:{test}")
        elif way == "lightgbm":
            page.say(f"[{count}]\ttraining's {measure}: {train}\tvalid_1's {measure}: {test}")
        else:
            times = f"total: {3 * count + 3}ms\tremaining: 1.2s"
            page.say(f"{count}:\tlearn: {train}\ttest: {test}\tbest: {test} ({count})\t{times}")
        page.truth.put("step", count)
    if way == "catboost":
        page.truth.unsaid("loss")
        page.truth.unsaid("val_loss")
    else:
        page.truth.put("loss", None, float(train))
        page.truth.put("val_loss", None, float(test))
        if measure == "auc":
            page.truth.put("loss", None)
            page.truth.put("val_loss", None)
        # The sets' names are the user's own: only those that say what they are bind a reader.
        # A reader may take a log loss as the loss and not as a metric.
        is_clear = way == "xgboost" and "logloss" not in measure
        page.truth.metric(measure, "train", float(train), *([] if is_clear else [None]))
        page.truth.metric(
            measure, "val", float(test), *([] if is_clear and val in ("valid", "val", "eval") else [None])
        )
    page.truth.unsaid("epochs_done")
    page.truth.unsaid("steps")
