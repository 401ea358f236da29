"""Reports over several lines: a place, then a line per quantity."""

from tests.reader.generated.draw import Draw
from tests.reader.generated.extras import extras
from tests.reader.generated.kinds import bare_lines, kind
from tests.reader.generated.noise import between
from tests.reader.generated.page import Page


def report_page(draw: Draw) -> Page:
    """Make a page for reports with one quantity per line."""
    return bare_lines(draw) if draw.often(0.6) else Page(draw)


@kind(make=report_page)
def titled_report(page: Page) -> None:
    """A title with the step, indented lines below."""
    draw = page.draw
    has_total = draw.often(0.5)
    title = draw.pick(["[{}={}]:", "{} {}", "{} {}:", "--- {} {} ---", "========== {} {} ==========", "[{} {}]"])
    indent = draw.pick(["\t ", "  ", "    ", "  - ", "  * "])
    within = draw.pick([": ", " = ", " : "])
    page.names.step = draw.pick(["step", "Step", "iteration", "Iteration", "iter", "global_step"])
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        total = f"/{page.course.num_steps}" if has_total else ""
        page.say(title.format(page.names.step, f"{at.step}{total}"))
        items = page.trained(at.step) + extras(page)
        items += page.validated(at.step) if at.evaluates else []
        for key, value in page.report(items):
            page.say(indent + key + within + value, head=page.has_heads_below)
        page.truth.put("step", at.step)
    if has_total:
        page.truth.put("steps", page.course.num_steps, None)


@kind(make=report_page)
def flat_report(page: Page) -> None:
    """Lines of the same rank, the step's first; a rule between the reports."""
    draw = page.draw
    within = draw.pick([": ", " = ", ": ", " : "])
    rule = draw.pick(["-" * 40, "=" * 60, ""])
    width = draw.pick([0, 0, 14, 20])
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        pairs = [(page.names.step, str(at.step)), *page.report(page.trained(at.step) + extras(page))]
        for key, value in pairs:
            page.say(f"{key:<{width}}{within}{value}", head=page.has_heads_below)
        page.say(rule, head=False)
        page.truth.put("step", at.step)


@kind(make=report_page)
def epoch_report_of_sets(page: Page) -> None:
    """A title with the epoch, then a title per set with lines below."""
    draw = page.draw
    first = draw.pick([0, 1])
    title = draw.pick(["Epoch {}", "Epoch {}:", "===== Epoch {} =====", "EPOCH {}", "[Epoch {}]"])
    train, val = (page.names.words[split].capitalize() for split in ("train", "val"))
    for epoch in page.course.epochs():
        if not epoch.finished:
            continue
        page.wait(page.course.num_batches * page.course.seconds)
        page.say(title.format(epoch.index + first))
        for word, items in (
            (train, page.trained(epoch.end.step, bare=True, metrics=True)),
            (val, page.validated(epoch.end.step, bare=True)),
        ):
            page.say(f"  {word}:", head=page.has_heads_below)
            for key, value in page.report(items):
                page.say(f"    {key}{page.style.within}{value}", head=page.has_heads_below)
        page.epoch_ended(epoch.index)
        between(page)


@kind(make=report_page)
def two_line_step(page: Page) -> None:
    """The place on one line with the rate, the loss on the next."""
    draw = page.draw
    within = draw.pick([": ", "=", " "])
    page.has_rate = False
    for at in page.course.steps():
        page.wait(page.course.every * page.course.seconds)
        rate = page.rate(at.step)
        page.note(rate)
        page.say(page.style.join([(page.names.step, str(at.step)), (rate.key, rate.printed.text)]))
        items = page.trained(at.step)
        page.say("  " + page.draw.pick([", ", ", "]).join(f"{k}{within}{v}" for k, v in page.report(items)))
        page.truth.put("step", at.step)
