"""Reports as records: a line of JSON, a printed dictionary, a dictionary over several lines."""

import json

from tests.reader.generated.draw import Draw
from tests.reader.generated.extras import extras
from tests.reader.generated.kinds import kind, no_heads
from tests.reader.generated.noise import between
from tests.reader.generated.page import Page
from tests.reader.generated.pairs import PairStyle


def keyed(draw: Draw) -> Page:
    """Make a page whose keys have no spaces and whose numbers are plain."""
    page = Page(draw, headed=draw.often(0.35), words=False)
    page.names = type(page.names)(draw, ["snake", "snake", "slash", "camel"])
    page.style = PairStyle(draw.pick(["dict", "dict", "dict of strings", "json", "json compact"]), "", "")
    if draw.often(0.25):
        page.show_loss.nan_text = "None" if page.style.name.startswith("dict") else "null"
    return page


def json_file(draw: Draw) -> Page:
    """Make a page of a file that holds nothing but records."""
    page = no_heads(draw)
    page.names = type(page.names)(draw, ["snake", "snake", "slash", "camel"])
    page.style = PairStyle(draw.pick(["json", "json compact"]), "", "")
    if draw.often(0.4):
        page.show_loss.nan_text = "null"
    return page


@kind(make=json_file, has_noise=False)
def json_lines(page: Page) -> None:
    """A file of JSON lines by step, validations as records of their own or with a field that tells the set."""
    draw = page.draw
    tells_set = draw.often(0.4)
    field = draw.pick(["split", "mode", "phase"])
    set_words = {split: [(field, page.names.words[split])] if tells_set else [] for split in ("train", "val")}
    for at in page.course.steps(from_zero=draw.often(0.1)):
        page.wait(page.course.every * page.course.seconds)
        pairs = set_words["train"] + [(page.names.step, str(at.step))]
        page.say(
            page.style.join(pairs + page.report(page.trained(at.step, bare=tells_set) + extras(page, units=False)))
        )
        if at.evaluates:
            pairs = set_words["val"] + [(page.names.step, str(at.step))]
            page.say(page.style.join(pairs + page.report(page.validated(at.step, bare=tells_set))))
        page.truth.put("step", at.step)


@kind(make=json_file, has_noise=False)
def json_lines_by_epoch(page: Page) -> None:
    """A file of JSON lines, one per epoch."""
    first = page.draw.pick([0, 1])
    page.names.is_train_bare = False
    for epoch in page.course.epochs():
        if epoch.finished:
            items = (
                page.trained(epoch.end.step, metrics=True) + page.validated(epoch.end.step) + extras(page, units=False)
            )
            page.say(page.style.join([(page.names.epoch, str(epoch.index + first)), *page.report(items)]))
            page.epoch_ended(epoch.index)


@kind(make=keyed)
def dict_lines(page: Page) -> None:
    """A printed dictionary with its step, behind a word or bare."""
    word = page.draw.pick(["", "", "metrics: ", "train ", "log: "])
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        pairs = [(page.names.step, str(at.step)), *page.report(page.trained(at.step) + extras(page, units=False))]
        page.say(word + page.style.join(pairs))
        page.truth.put("step", at.step)
        between(page)


@kind(make=keyed)
def dict_with_step_in_front(page: Page) -> None:
    """The step in front of a printed dictionary."""
    form = page.draw.pick(["step {}: ", "[{}] ", "Step {} ", "iter {} -> ", "step={} "])
    form = "[step {}] " if form == "[{}] " else form
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        page.say(form.format(at.step) + page.style.join(page.report(page.trained(at.step) + extras(page, units=False))))
        page.truth.put("step", at.step)
        if at.evaluates:
            page.say(form.format(at.step) + page.style.join(page.report(page.validated(at.step))))


@kind(make=keyed)
def dict_with_fraction(page: Page) -> None:
    """A printed dictionary that tells only the fraction of epochs: the step is not known."""
    page.names.is_train_bare = True
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        epoch = f"{at.step / page.course.num_batches:.2f}"
        page.say(page.style.join([*page.report(page.trained(at.step)), ("epoch", epoch)]))
        if at.evaluates:
            items = page.validated(at.step)
            runtime = [("eval_runtime", f"{page.draw.real(1, 9):.4f}"), ("eval_samples_per_second", "812.3")]
            page.say(page.style.join([*page.report(items), *runtime, ("epoch", epoch)]))
        done = {int(at.step / page.course.num_batches), int(float(epoch))}
        page.truth.put("epochs_done", *done, *([None] if 0 in done else []))
    if page.course.is_complete:
        page.say(
            page.style.join(
                [("train_runtime", "1832.5512"), ("train_loss", "1.3121"), ("epoch", f"{page.course.num_epochs}.0")]
            )
        )
        page.truth.put("epochs_done", page.course.num_epochs)
        page.truth.put("epochs", None, page.course.num_epochs)


@kind(make=keyed)
def pretty_dict(page: Page) -> None:
    """A dictionary over several lines, as `pprint` and indented JSON write it."""
    way = page.draw.pick(["pprint", "json"])
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        pairs = [(page.names.step, str(at.step)), *page.report(page.trained(at.step) + extras(page, units=False))]
        page.truth.put("step", at.step)
        if way == "json":
            values = {key: _number(value) for key, value in pairs}
            page.say(json.dumps(values, indent=2))
        else:
            one = PairStyle("dict", "", "").join(pairs)
            page.say(one.replace(", '", ",\n '"))


@kind(make=keyed)
def logged_json(page: Page) -> None:
    """JSON behind the words of a logger, values as strings perhaps."""
    strings = page.draw.often(0.5)
    front = page.draw.pick(["train_inner | ", "METRICS ", ">> ", "[train] ", "wandb-log: ", "INFO metrics="])
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        pairs = [(page.names.step, str(at.step)), *page.report(page.trained(at.step) + extras(page, units=False))]
        page.truth.put("step", at.step)
        page.say(front + (json.dumps(dict(pairs)) if strings else PairStyle("json", "", "").join(pairs)))


def _number(text: str) -> object:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text
