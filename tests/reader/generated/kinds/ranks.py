"""Reports of several ranks in one log: the same step from each of them."""

from tests.reader.generated.kinds import kind
from tests.reader.generated.kinds.batches import TOLD, BatchPlace
from tests.reader.generated.kinds.steps import steps_of
from tests.reader.generated.page import Page


@kind(make=lambda draw: Page(draw, ranked=True))
def step_lines_of_ranks(page: Page) -> None:
    """Every rank reports each step; their lines are mixed."""
    draw = page.draw
    place, moments = steps_of(page)
    num_ranks = draw.pick([2, 4, 8])
    for at in moments:
        lines = []
        rate = page.rate(at.step)  # the same on all ranks
        for rank in range(num_ranks):
            items = [rate if item.fact == "lr" else item for item in page.trained(at.step)]
            line = place.write(at.step, page.report(items))
            lines.append((rank, line, page.truth.values("loss"), page.truth.values("grad_norm")))
        order = draw.shuffled(lines)
        for rank, line, _, _ in order:
            page.say(line, rank=rank)
        # The lowest rank speaks for all; the last line is the last printed.
        page.truth.put("loss", *lines[0][2], *order[-1][2])
        if page.has_norm:
            page.truth.put("grad_norm", *lines[0][3], *order[-1][3])


@kind(make=lambda draw: Page(draw, ranked=True))
def batch_lines_of_ranks(page: Page) -> None:
    """Every rank reports each batch with its epoch, in the order of the ranks."""
    place = BatchPlace(page, TOLD, batch_from=1)
    num_ranks = page.draw.pick([2, 4, 8])
    for epoch in page.course.epochs():
        for at in epoch.reports:
            page.wait(page.course.every * page.course.seconds)
            rate = page.rate(at.step)
            losses: list[float | None] = []
            for rank in range(num_ranks):
                item = page.loss(at.step)
                losses += item.printed.values if rank in (0, num_ranks - 1) else ()
                page.say(place.write(at, page.report([item, rate])), rank=rank)
            page.truth.put("loss", *losses)
