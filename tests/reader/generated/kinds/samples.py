"""Reports that count samples instead of batches: the global step is not told."""

from tests.reader.generated.kinds import bare_lines, kind
from tests.reader.generated.page import Page


@kind()
def sample_counts(page: Page) -> None:
    """Samples instead of batches, as the MNIST example prints: how many batches, only a settings line could tell."""
    draw, course = page.draw, page.course
    size, first = draw.pick([16, 32, 64, 100, 128]), draw.pick([1, 1, 0])
    pattern = draw.pick(
        [
            "Train Epoch: {e} [{n}/{t} ({p:.0f}%)]\t",
            "Epoch: {e} [{n}/{t}] ",
            "Train Epoch: {e} [{n:>6}/{t} ({p:.0f}%)] ",
        ]
    )
    for epoch in course.epochs(from_zero=True):
        page.epoch_begun(epoch.index)
        for at in epoch.reports:
            page.wait(course.every * course.seconds)
            done, total = (at.batch - 1) * size, course.num_batches * size
            front = pattern.format(e=epoch.index + first, n=done, t=total, p=100 * done / total)
            page.say(front + page.style.join(page.report([page.loss(at.step)])))
        if epoch.finished:
            page.say()
            right = draw.whole(5000, 9900)
            loss = page.loss(epoch.end.step, split="test")
            page.say(f"Test set: Average loss: {loss.printed.text}, Accuracy: {right}/10000 ({right / 100:.0f}%)")
            page.say()
            page.truth.put("val_loss", None, *loss.printed.values)
            page.truth.metric(
                "accuracy", "test", right / 10000, right / 100, round(right / 100), float(f"{right / 100:.0f}"), None
            )
            page.epoch_ended(epoch.index)
    page.truth.unsaid("step")
    page.truth.unsaid("steps")


@kind(make=bare_lines)
def quickstart(page: Page) -> None:
    """The loop of PyTorch's tutorial: samples behind the loss, a test block after each epoch."""
    draw, course = page.draw, page.course
    size = draw.pick([32, 64, 128])
    total = course.num_batches * size
    for epoch in course.epochs(from_zero=True):
        page.say(f"Epoch {epoch.index + 1}")
        page.say("-" * 31)
        page.epoch_begun(epoch.index)
        for at in epoch.reports:
            page.say(f"loss: {page.stated_loss(at.step):>7}  [{at.batch * size:>5d}/{total:>5d}]")
        if epoch.finished:
            loss, right = page.loss(epoch.end.step, split="test"), draw.real(30, 95)
            page.say("Test Error: ")
            page.say(f" Accuracy: {right:.1f}%, Avg loss: {loss.printed.text} ")
            page.say()
            page.truth.put("val_loss", None, *loss.printed.values)
            shown = float(f"{right:.1f}")
            page.truth.metric("accuracy", "test", shown, shown / 100, None)
            page.epoch_ended(epoch.index)
    page.truth.unsaid("step")
    page.truth.unsaid("steps")
