"""The live view as text files, to be looked at: ``python -m tests.terminal.draw`` writes tests/terminal/pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from monitor import grammar
from monitor.alert import Severity
from monitor.engine.step import Engine
from monitor.grammar import RunStart, Share
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.terminal.screen import FollowedLog, Scene, render
from monitor.terminal.screen.chart import Course
from monitor.terminal.screen.view import Page, View
from tests.lines import at, epoch_end, numbered, report, take

FOLDER = Path(__file__).parent / "pictures"
RULES = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))
SIZES = [(80, 24), (120, 40), (200, 60)]


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, width, height in names():
        path(name, width, height).write_text(drawn(SCENES[name], width, height), encoding="utf-8")


def names() -> Iterator[tuple[str, int, int]]:
    """Yield each picture: its scene, width and height."""
    for name, (width, height) in product(SCENES, SIZES):
        yield name, width, height


def path(name: str, width: int, height: int) -> Path:
    """Return the file of a picture."""
    return FOLDER / f"{name}-{width}x{height}.txt"


def drawn(scene: Scene, width: int, height: int) -> str:
    """Return a picture as text, without blanks at the ends of its rows."""
    return "".join(f"{row.plain.rstrip()}\n" for row in render(scene, width, height))


def _loss(step: int) -> float:
    """Return a loss that falls, with a ripple that is the same each time."""
    return round(2 + 8 * math.exp(-step / 60) + 0.15 * math.sin(step * 1.7) + 0.1 * math.sin(step * 0.37), 4)


def _own(num_steps: int, *, nan_from: int | None = None) -> list[bytes]:
    """Return the log of our own trainer: gradients, the process and a GPU."""
    lines = [at(0, RunStart(run="lr3e-4", pid=4242, host="gpu03", cmd="trainer fit", attempt=1))]
    for step in range(1, num_steps + 1):
        epoch, batch = 1 + (step - 1) // 100, (step - 1) % 100 + 1
        loss = math.nan if nan_from is not None and step >= nan_from else _loss(step)
        lines.append(
            at(step, grammar.Train(epoch=Share(epoch, 4), batch=Share(batch, 100), step=step, loss=loss, lr=3e-4,
                                   s_per_batch=1.0))
        )  # fmt: skip
        if step % 20 == 0:
            lines += [
                at(step, report(step, epoch, gat=0.5 + 0.05 * math.sin(step), temporal_encoder=1.2)),
                at(step, grammar.Process(pid=4242, cpu_pct=97.5, rss_mb=8_123, ram_total_mb=64_000, etime_s=step)),
                at(step, grammar.Gpu(name="NVIDIA H200", index=0, util_pct=90 + 5 * math.sin(step), used_mb=35_000,
                                     total_mb=143_771, temp_c=61, power_w=412)),
            ]  # fmt: skip
        if batch == 100:
            lines.append(at(step, epoch_end(epoch, epochs=4)))
    return lines


def _other(num_reports: int) -> list[bytes]:
    """Return the log of another trainer, that plans steps."""
    return [
        f"2026-11-30 10:{second // 60:02d}:{second % 60:02d} INFO step {second * 10}/4000 loss {_loss(second):.4f} "
        f"lr 3.0e-04 grad_norm {1.2 + 0.2 * math.sin(second):.3f}".encode()
        for second in range(1, num_reports + 1)
    ]


def _scene(lines: list[bytes], log: str = "runs/lr3e-4/train.log") -> Scene:
    pipeline, course = Pipeline(log, Engine(RULES)), Course()
    read = numbered(lines)
    for begun in range(0, len(read), 40):
        take(pipeline, read[begun : begun + 40])
        course.add(pipeline.run.attempt)
    assert pipeline.run.now is not None
    return Scene(pipeline.snapshot(pipeline.run.now + 2, is_following=True), course=course, has_keys=True)


_FAILING = _scene(_own(230, nan_from=200))
_TABLE = (
    FollowedLog("runs/lr1e-4/train.log", "running", 310, 2.214, 1.0, 0, None, False, True),
    FollowedLog("runs/lr3e-4/train.log", "running", 230, math.nan, 2.0, 1, Severity.CRITICAL, True, True),
    FollowedLog("runs/a-name-that-is-much-too-long-for-a-table/train.log", "failed", 12_345, 11.2, None, 2,
                Severity.WARNING, False, True),
    FollowedLog("runs/new/train.log", "waiting", None, None, None, 0, None, False, True),
)  # fmt: skip
SCENES = {
    "healthy": _scene(_own(230)),
    "failing": _FAILING,
    "other-trainer": _scene(_other(200)),
    "several-logs": _FAILING._replace(logs=_TABLE),
    "chosen-alert": _FAILING._replace(view=View(cursor=0, filter="loss")),
    "open-alert": _FAILING._replace(view=View(page=Page.ALERT, opened=_FAILING.snapshot.open[0].id)),
    "keys": _FAILING._replace(view=View(page=Page.HELP)),
}


if __name__ == "__main__":
    main()
