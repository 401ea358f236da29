"""Progress bars of tqdm: plain, described, with figures behind, with evaluation bars or lines in between."""

from tests.reader.generated.course import Course
from tests.reader.generated.draw import Draw
from tests.reader.generated.kinds import bare_lines, kind
from tests.reader.generated.numbers import Printed
from tests.reader.generated.page import Item, Page

EIGHTHS = " ▏▎▍▌▋▊▉█"
EVALUATIONS = [
    "Evaluating",
    "Validation",
    "Validating",
    "Eval",
    "Validation DataLoader 0",
    "Testing",
    "val",
    "",
    "Inference",
]


def bar_page(draw: Draw) -> Page:
    """Make a page of a program that prints to the terminal: names without spaces, few epochs."""
    page = Page(draw, headed=False, words=False, course=Course(draw, epochs=draw.whole(2, 6)))
    page.names = type(page.names)(draw, ["snake", "snake", "snake", "slash", "title"])
    return page


def tqdm(page: Page, done: int, total: int, *, desc: str = "", postfix: str = "") -> str:
    """Draw a bar as tqdm does."""
    seconds = page.course.seconds
    cells = 10 * done / total
    full = int(cells)
    bar = ("█" * full + (EIGHTHS[int(8 * (cells - full))] if full < 10 else "")).ljust(10)
    speed = f"{1 / seconds:5.2f}it/s" if seconds < 1 else f"{seconds:5.2f}s/it"
    times = f"{_clock(done * seconds)}<{_clock((total - done) * seconds)}"
    front = f"{desc}: " if desc else ""
    return (
        f"{front}{100 * done // total:3d}%|{bar}| {done}/{total} [{times}, {speed}{', ' + postfix if postfix else ''}]"
    )


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes:02d}:{whole % 60:02d}"


def _postfix(page: Page, items: list[Item]) -> str:
    return ", ".join(f"{key}={value}" for key, value in page.report(items))


def _described(page: Page, first: int) -> str:
    """Draw how a bar names its epoch: a pattern of e and E."""
    ways = [
        "Epoch {e}",
        "Epoch {e}",
        "Epoch {e}/{E}",
        "Epoch [{e}/{E}]",
        "[{e}/{E}]",
        "Training epoch {e}",
        "Train Epoch {e}/{E}",
        "epoch {e}",
    ]
    way = page.draw.pick(ways)
    if "{E}" in way:
        page.truth.put("epochs", page.course.num_epochs, *([page.course.num_epochs + 1] if first == 0 else []), None)
    page.notes.append(f"bars {way!r} from {first}")
    return way


def _evaluation(page: Page, desc: str) -> None:
    total = max(2, page.course.num_batches // 7)
    for done in (total // 2, total):
        page.raw("\r" + tqdm(page, done, total, desc=desc))
    page.raw("\n")


def _epoch_bars(page: Page, *, with_postfix: bool = True, evaluates: bool = False) -> None:
    course, first = page.course, page.draw.pick([0, 1, 1])
    way, evaluation = _described(page, first), page.draw.pick(EVALUATIONS)
    front = page.draw.pick(["Epoch {}: ", "Epoch {} - ", "epoch {} | "])
    for epoch in course.epochs():
        desc = way.format(e=epoch.index + first, E=course.num_epochs)
        page.epoch_begun(epoch.index)
        places = [at.batch for at in epoch.reports]
        if epoch.finished and course.num_batches not in places:
            places.append(course.num_batches)
        for batch in places:
            step = epoch.index * course.num_batches + batch
            postfix = _postfix(page, page.trained(step)) if with_postfix else ""
            page.raw("\r" + tqdm(page, batch, course.num_batches, desc=desc, postfix=postfix))
            page.truth.put("step", step)
        page.raw("\n")
        if epoch.finished:
            page.epoch_ended(epoch.index)
            if evaluates:
                _evaluation(page, evaluation)
            if evaluates or not with_postfix:
                items = [] if with_postfix else [page.loss(epoch.end.step, bare=False)]
                items += page.validated(epoch.end.step)
                page.say(front.format(epoch.index + first) + page.style.join(page.report(items)))
    page.truth.put("steps", course.num_steps, None)


@kind(make=bar_page)
def bars_with_figures(page: Page) -> None:
    """A bar per epoch, the figures behind it."""
    _epoch_bars(page)


@kind(make=bar_page)
def bars_then_lines(page: Page) -> None:
    """A plain bar per epoch, then a line with the figures."""
    _epoch_bars(page, with_postfix=False)


@kind(make=bar_page)
def bars_with_evaluation_bars(page: Page) -> None:
    """Training bars and evaluation bars in turn, then a line with the validation figures."""
    _epoch_bars(page, evaluates=True)


@kind(make=bar_page)
def bar_over_all_steps(page: Page) -> None:
    """One bar over the whole training, its figures behind it."""
    course = page.course
    desc = page.draw.pick(["", "Steps", "Training", "train", "steps", "Training progress", "Training Progress", "it"])
    for at in course.steps():
        page.raw("\r" + tqdm(page, at.step, course.num_steps, desc=desc, postfix=_postfix(page, page.trained(at.step))))
        page.truth.put("step", at.step)
    page.truth.put("steps", course.num_steps, None)
    page.raw("\n")


@kind(make=bar_page)
def bar_described_by_its_loss(page: Page) -> None:
    """The figures in front of the bar."""
    course, draw = page.course, page.draw
    form = draw.pick(
        [
            "Loss: {}",
            "loss {}",
            "loss={}",
            "train loss: {}",
            "Loss {}",
            "Epoch {e} Loss: {}",
            "Epoch {e}/{E}, loss: {}",
            "epoch {e} loss={}",
        ]
    )
    first = draw.pick([0, 1])
    if "{e}" not in form:
        for at in course.steps():
            loss = page.stated_loss(at.step)
            page.raw("\r" + tqdm(page, at.step, course.num_steps, desc=form.format(loss)))
            page.truth.put("step", at.step)
        page.raw("\n")
        page.truth.put("steps", course.num_steps, None)
        return
    for epoch in course.epochs():
        if epoch.reports:  # an epoch without a drawing is not told
            page.epoch_begun(epoch.index)
        for at in epoch.reports:
            desc = form.format(page.stated_loss(at.step), e=epoch.index + first, E=course.num_epochs)
            page.raw("\r" + tqdm(page, at.batch, course.num_batches, desc=desc))
            page.truth.put("step", at.step)
            if at.batch == course.num_batches:
                page.epoch_ended(epoch.index)
        page.raw("\n")
    page.truth.put("steps", course.num_steps, None)
    if "{E}" in form:
        page.truth.put("epochs", course.num_epochs, *([course.num_epochs + 1] if first == 0 else []), None)


@kind(make=bar_page)
def bar_with_dicts(page: Page) -> None:
    """A bar that tells the step, and printed dictionaries that tell the loss and the fraction of epochs."""
    course = page.course
    wipe = page.draw.pick(["\n", "\n", "\r" + " " * 60 + "\r\n"])
    page.raw("\r" + tqdm(page, 0, course.num_steps))
    for at in course.steps():
        page.raw("\r" + tqdm(page, at.step, course.num_steps))
        page.truth.put("step", at.step)
        epoch = f"{at.step / course.num_batches:.2f}"
        pairs = [*page.report(page.trained(at.step, bare=True)), ("epoch", epoch)]
        page.raw(wipe)
        page.say("{" + ", ".join(f"'{k}': {v}" for k, v in pairs) + "}")
        done = {int(at.step / course.num_batches), int(float(epoch))}
        page.truth.put("epochs_done", *done, *([None] if 0 in done else []))
        if at.evaluates:
            total = max(3, course.num_batches // 5)
            page.raw("\r" + tqdm(page, total // 2, total) + "\r" + tqdm(page, total, total) + "\r\n")
            pairs = [*page.report(page.validated(at.step)), ("eval_runtime", "2.134"), ("epoch", epoch)]
            page.say("{" + ", ".join(f"'{k}': {v}" for k, v in pairs) + "}")
    page.truth.put("steps", course.num_steps, None)
    page.truth.put("epochs", None, course.num_epochs)


@kind()
def lines_behind_bars(page: Page) -> None:
    """A logger writes into the line of a bar that has not ended."""
    course = page.course
    desc = page.draw.pick(["", "Training"])
    for at in course.steps():
        page.wait(course.every * course.seconds)
        bar = tqdm(page, at.step, course.num_steps, desc=desc)
        page.raw("\r" + bar + page.draw.pick(["", "\n", "\r"]))
        pairs = [(page.names.step, str(at.step)), *page.report(page.trained(at.step))]
        page.say(page.style.join(pairs))
        page.truth.put("step", at.step)
    page.truth.put("steps", course.num_steps, None)


@kind(make=bare_lines)
def lightning_bars(page: Page) -> None:
    """Bars that count epochs from 0, with the loss of the step and of the epoch behind them."""
    course = page.course
    whole, last_epoch_loss = Printed("", ()), ""
    show = type(page.show_loss)(page.draw, ["%.3f", "%.4f", "%.3e"])
    for epoch in course.epochs():
        page.epoch_begun(epoch.index)
        for batch in [at.batch for at in epoch.reports] + ([course.num_batches] if epoch.finished else []):
            step = epoch.index * course.num_batches + batch
            loss = show(course.loss(step))
            if batch == course.num_batches:
                val, whole = show(course.val_loss(step)), show(course.loss(step))
                last_epoch_loss = f", val_loss={val.text}, train_loss_epoch={whole.text}"
                page.truth.put("val_loss", *val.values)
            page.truth.put("loss", *loss.values, *whole.values)
            postfix = f"v_num=3, train_loss_step={loss.text}{last_epoch_loss}"
            page.raw("\r" + tqdm(page, batch, course.num_batches, desc=f"Epoch {epoch.index}", postfix=postfix))
            page.truth.put("step", step)
        page.raw("\n")
        if epoch.finished:
            page.epoch_ended(epoch.index)
            if page.draw.often(0.4):
                page.raw("\r" + tqdm(page, 5, 10, desc="Validation DataLoader 0") + "\r" + " " * 80 + "\r\n")
    page.truth.put("steps", course.num_steps, None)
    if course.is_complete:
        page.say(f"`Trainer.fit` stopped: `max_epochs={course.num_epochs}` reached.")
        page.truth.put("epochs", course.num_epochs, None)
