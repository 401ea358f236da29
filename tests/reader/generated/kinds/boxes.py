"""Boxes of names and values, one box per report."""

from tests.reader.generated.draw import Draw
from tests.reader.generated.extras import extras
from tests.reader.generated.kinds import bare_lines, kind
from tests.reader.generated.page import Page


def box_page(draw: Draw) -> Page:
    """Make a page of boxes: no heads, numbers that fit into a column."""
    page = bare_lines(draw)
    page.show_loss = type(page.show_loss)(draw, ["%.4f", "%.3g", "%g", "%.3f"])
    page.show_rate = type(page.show_rate)(draw, ["%.3g", "%.2e", "%g", "%.6f"])
    return page


def _boxed(page: Page, pairs: list[tuple[str, str]], way: str, title: str = "") -> None:
    wide_key, wide_value = max(len(k) for k, _ in pairs) + 2, max(12, *(len(v) for _, v in pairs)) + 1
    inner = wide_key + wide_value + 3
    if way == "dashes":
        page.say("-" * (inner + 2))
        for key, value in pairs:
            page.say(f"| {key:<{wide_key}}| {value:<{wide_value}}|")
        page.say("-" * (inner + 2))
    elif way == "round":
        page.say("╭" + "─" * inner + "╮")
        page.say("│ " + f"{title or 'Training result':<{inner - 2}}" + " │")
        page.say("├" + "─" * inner + "┤")
        for key, value in pairs:
            page.say(f"│ {key:<{wide_key}}{value:>{inner - 2 - wide_key}} │")
        page.say("╰" + "─" * inner + "╯")
    elif way == "plus":
        rule = "+" + "-" * (wide_key + 1) + "+" + "-" * (wide_value + 1) + "+"
        page.say(rule)
        for key, value in pairs:
            page.say(f"| {key:<{wide_key}}| {value:>{wide_value - 1}} |")
        page.say(rule)
    else:
        page.say("=" * inner)
        for key, value in pairs:
            page.say(f"{key:>{wide_key}}: {value}")
        page.say("=" * inner)


@kind(make=box_page)
def box_by_step(page: Page) -> None:
    """A box per report, the step among its names."""
    way = page.draw.pick(["dashes", "round", "plus", "rules"])
    page.names.step = page.draw.pick(["step", "global_step", "iteration", "iterations", "training_iteration"])
    is_first = page.draw.often(0.5)
    for at in page.course.steps():
        items = page.trained(at.step) + extras(page, units=False)
        pairs = page.report(items)
        pairs.insert(0 if is_first else len(pairs), (page.names.step, str(at.step)))
        _boxed(page, pairs, way)
        page.truth.put("step", at.step)


@kind(make=box_page)
def box_by_epoch(page: Page) -> None:
    """A box per epoch, titled with it or not."""
    way = page.draw.pick(["dashes", "round", "plus", "rules"])
    first = page.draw.pick([0, 1])
    for epoch in page.course.epochs():
        if epoch.finished:
            items = page.trained(epoch.end.step) + page.validated(epoch.end.step)
            pairs = [("epoch", str(epoch.index + first)), *page.report(items)]
            _boxed(page, pairs, way, f"Epoch {epoch.index + first}")
            page.epoch_ended(epoch.index)


@kind(make=box_page)
def box_with_groups(page: Page) -> None:
    """A box whose names stand in groups, as reinforcement learning prints."""
    draw, course = page.draw, page.course
    envs = draw.pick([1, 4, 8])
    timesteps = 0
    for count, at in enumerate(course.steps(), 1):
        timesteps += 2048 * envs
        reward = -200 + 400 * course.progress(at.step)
        shown = f"{reward:.3g}"
        loss_text, rate_text = f"{course.loss(at.step):.3g}", f"{course.rate(at.step):.3g}"
        pairs = [
            ("rollout/", ""), ("   ep_len_mean", str(draw.whole(100, 300))), ("   ep_rew_mean", shown),
            ("time/", ""), ("   fps", str(draw.whole(500, 3000))), ("   iterations", str(count)),
            ("   total_timesteps", str(timesteps)),
            ("train/", ""), ("   approx_kl", f"{draw.real(0.001, 0.02):.4g}"), ("   learning_rate", rate_text),
            ("   loss", loss_text), ("   n_updates", str(10 * count)), ("   value_loss", f"{draw.real(0.1, 40):.3g}"),
        ]  # fmt: skip
        _boxed(page, pairs, "dashes")
        page.truth.put("step", timesteps, count, 10 * count)
        page.truth.put("loss", float(loss_text))
        page.truth.put("lr", float(rate_text))
        page.truth.metric("ep_rew_mean", "train", float(shown), None)
    page.truth.unsaid("steps")
