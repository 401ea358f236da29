"""Tables with a header row: CSV, aligned columns, pipes, a header again and again."""

from tests.reader.generated.draw import Draw
from tests.reader.generated.extras import extras
from tests.reader.generated.kinds import bare_lines, kind, no_heads
from tests.reader.generated.numbers import ShareFormat
from tests.reader.generated.page import Item, Page

Row = list[tuple[str, str]]


def csv_page(draw: Draw) -> Page:
    """Make a page of a file of comma separated values."""
    page = no_heads(draw)
    page.names = type(page.names)(draw, ["snake", "snake", "snake", "slash", "camel"])
    page.names.is_train_bare = False
    return page


def table_page(draw: Draw) -> Page:
    """Make a page of a printed table."""
    page = bare_lines(draw)
    page.names = type(page.names)(draw, ["snake", "snake", "title", "camel"])
    page.names.is_train_bare = False
    for chosen in page.metrics:
        if isinstance(chosen.show, ShareFormat):
            chosen.show.way = "%.4f"
    page.show_loss = type(page.show_loss)(draw, ["%.4f", "%.6f", "%.3f"])
    page.show_rate = type(page.show_rate)(draw, ["%.2e", "%.6f"])
    return page


def _epoch_rows(page: Page, *, units: bool = False, tells_total: bool = False) -> list[Row]:
    total = page.course.num_epochs
    first = page.draw.pick([0, 1])
    rows = []
    with_step = page.draw.often(0.3)
    for epoch in page.course.epochs():
        if epoch.finished:
            items = page.trained(epoch.end.step) + page.validated(epoch.end.step) + extras(page, units=units)
            place = str(epoch.index + first) + (f"/{total - 1 + first}" if tells_total else "")
            row = [(page.names.epoch, place)]
            if with_step:
                row.append(("step", str(epoch.end.step)))
                page.truth.put("step", epoch.end.step)
            rows.append(row + page.report(items))
            page.epoch_ended(epoch.index)
    if rows and tells_total:
        page.truth.put("epochs", total, *([total - 1] if first == 0 else []), None)
    return rows


def _step_rows(page: Page) -> list[Row]:
    rows = []
    for at in page.course.steps(from_zero=page.draw.often(0.3)):
        items: list[Item] = page.trained(at.step) + extras(page, units=False)
        rows.append([(page.names.step, str(at.step)), *page.report(items)])
        page.truth.put("step", at.step)
    return rows


@kind(make=csv_page, has_noise=False)
def csv_by_epoch(page: Page) -> None:
    """A CSV file, a row per epoch."""
    _separated(page, _epoch_rows(page))


@kind(make=csv_page, has_noise=False)
def csv_by_step(page: Page) -> None:
    """A CSV file, a row per report."""
    _separated(page, _step_rows(page))


@kind(make=csv_page, has_noise=False)
def csv_with_holes(page: Page) -> None:
    """A CSV file in which a row holds either a training report or a validation."""
    names: list[str] = []
    rows: list[dict[str, str]] = []
    for at in page.course.steps():
        rows.append({page.names.step: str(at.step), **dict(page.report(page.trained(at.step)))})
        names += [key for key in rows[-1] if key not in names]
        if at.evaluates:
            rows.append({page.names.step: str(at.step), **dict(page.report(page.validated(at.step)))})
            names += [key for key in rows[-1] if key not in names]
        page.truth.put("step", at.step)
    page.say(",".join(names))
    for row in rows:
        page.say(",".join(row.get(name, "") for name in names))


@kind(make=table_page)
def aligned_columns(page: Page) -> None:
    """Columns of one width below a header row."""
    rows = _epoch_rows(page) if page.draw.often(0.6) else _step_rows(page)
    if not rows:
        return
    columns = [[key, *(row[place][1] for row in rows)] for place, (key, _) in enumerate(rows[0])]
    widths = [max(10, *map(len, column)) + page.draw.pick([1, 2]) for column in columns]
    is_right = page.draw.often(0.7)

    def line(cells: list[str]) -> str:
        return "".join(c.rjust(w) if is_right else c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()

    page.say(line([key.replace(" ", "_") for key, _ in rows[0]]))
    if page.draw.often(0.4):
        page.say("-" * sum(widths))
    for row in rows:
        page.say(line([value for _, value in row]))


@kind(make=table_page)
def piped_table(page: Page) -> None:
    """A table drawn with pipes and rules, or in Markdown."""
    rows = _epoch_rows(page, units=page.draw.often(0.2)) if page.draw.often(0.6) else _step_rows(page)
    if not rows:
        return
    widths = [max(len(key), *(len(row[i][1]) for row in rows)) for i, (key, _) in enumerate(rows[0])]
    way = page.draw.pick(["markdown", "grid", "ascii", "unicode"])
    bar = "│" if way == "unicode" else "|"

    def line(cells: list[str]) -> str:
        return f"{bar} " + f" {bar} ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)) + f" {bar}"

    cross = {"markdown": "|", "unicode": "┼"}.get(way, "+")
    rule = cross + cross.join(("─" if way == "unicode" else "-") * (w + 2) for w in widths) + cross
    if way != "markdown":
        page.say(rule)
    page.say(line([key for key, _ in rows[0]]))
    page.say(rule)
    for row in rows:
        page.say(line([value for _, value in row]))
        if way == "grid":
            page.say(rule)
    if way == "ascii":
        page.say(rule)


@kind(make=table_page)
def header_again_each_epoch(page: Page) -> None:
    """A header row before each epoch's row, with a blank line between."""
    rows = _epoch_rows(page, tells_total=page.draw.often(0.5))
    for row in rows:
        page.say()
        width = max(12, *(max(len(key), len(value)) for each in rows for key, value in each)) + 2
        page.say("".join(key.replace(" ", "_").rjust(width) for key, _ in row))
        page.say("".join(value.rjust(width) for _, value in row))


@kind(make=csv_page, has_noise=False)
def spaced_file(page: Page) -> None:
    """A plain file of numbers below a comment with the names."""
    rows = _epoch_rows(page) if page.draw.often(0.5) else _step_rows(page)
    if not rows:
        return
    gap = page.draw.pick([" ", "\t", "  "])
    page.say(page.draw.pick(["# ", "#", ""]) + gap.join(key for key, _ in rows[0]))
    for row in rows:
        page.say(gap.join(value for _, value in row))


def _separated(page: Page, rows: list[Row]) -> None:
    between = page.draw.pick([",", ",", ",", ", ", ";", "\t"])
    if rows:
        page.say(between.join(key for key, _ in rows[0]))
    for row in rows:
        page.say(between.join(value for _, value in row))
