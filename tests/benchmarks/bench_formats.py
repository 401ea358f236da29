"""`monitor check` with all rules on six formats, against mtail that extracts the same fields from the same file.

Both read a whole file in a process of their own, in turns; mtail's own counter proves that it read every report. The
time to start, by a file of few lines, is taken off on both sides. Processor time counts: on a busy machine the clock
says more of the other work. A second row per format is the median time of one line that comes by itself, as in a live
watch. Without mtail (the Debian package) only the latter is measured.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time_ns
from typing import NamedTuple

from figures import as_installed, print_row

BAR, BAR_NATIVE, BAR_LINE_MS = 0.5, 3.0, 0.08
ROUNDS, LINES, FEW = 3, 100_000, 300
LIVE_LINES = 4_000
NUMBER = r"[-+.\de]+"


def _loss(i: int) -> float:
    return 2 + 2 * math.exp(-i / 20_000) + 0.02 * math.sin(i)


def _native(i: int) -> Iterator[str]:
    head = f"2026-11-03T{10 + i // 36_000 % 12:02d}:{i // 600 % 60:02d}:{i // 10 % 60:02d}.{i % 10}00Z INFO"
    if i == 1:
        yield f"{head} [RUN] start run=r1 pid=7"
        yield f"{head} [PHASE] name=train epoch=1 run=r1 pid=7"
    if i % 300 == 0:
        yield f"{head} [PHASE] name=train epoch=1 step={i} beat={i // 300} run=r1 pid=7"
    yield (
        f"{head} [TRAIN] epoch=1/50 batch={i}/{10**7} step={i} loss={_loss(i)!r} lr={1e-4 * (1 - i / 10**7)!r} "
        f"s_per_batch=0.1 grad_norm={1 + i % 9 / 90!r}"
    )


def _nanogpt(i: int) -> Iterator[str]:
    yield f"iter {i}: loss {_loss(i):.4f}, time {23 + i % 7}.25ms, mfu {12 + i % 5}.34%"


def _hugging_face(i: int) -> Iterator[str]:
    bar = f"{i * 100 // 10**6:3d}%|          | {i}/1000000 [{i // 240:02d}:{i // 4 % 60:02d}<99:59,  4.{i % 10}0it/s]"
    yield bar
    if i % 2 == 0:
        yield (
            f"{{'loss': {_loss(i):.4f}, 'grad_norm': {1 + i % 9 / 90:.4f}, "
            f"'learning_rate': {1e-5 * (1 - i / 10**6):.6e}, 'epoch': {i / 1000:.3f}}}"
        )


def _megatron(i: int) -> Iterator[str]:
    yield (
        f" [2026-11-03 {10 + i // 36_000 % 12:02d}:{i // 600 % 60:02d}:{i // 10 % 60:02d}] iteration {i:8d}/ 1000000 | "
        f"consumed samples: {i * 16:12d} | elapsed time per iteration (ms): {100 + i % 7}.5 | "
        f"learning rate: {1e-4 * (1 - i / 10**6):.6E} | global batch size:    16 | lm loss: {_loss(i):.6E} | "
        f"loss scale: 1.0 | grad norm: {1 + i % 9 / 90:.3f} | number of skipped iterations:   0 | "
        f"number of nan iterations:   0 |"
    )


def _keras(i: int) -> Iterator[str]:
    batch = (i - 1) % 500 + 1
    if batch == 1:
        yield f"Epoch {(i - 1) // 500 + 1}/5000"
    yield f"{batch}/500 [=====>.....] - ETA: 1s - loss: {_loss(i):.4f} - accuracy: 0.{i % 90:02d}10"


def _json(i: int) -> Iterator[str]:
    yield f'{{"step": {i}, "loss": {_loss(i):.4f}, "lr": {1e-5 * (1 - i / 10**6):.6e}}}'


FORMATS: dict[str, tuple[Callable[[int], Iterator[str]], str, tuple[str, ...]]] = {
    "native": (
        _native,
        r"\[TRAIN\] .*step=(?P<step>\d+) loss=(?P<loss>NUMBER) lr=(?P<lr>NUMBER) .*grad_norm=(?P<norm>NUMBER)",
        ("step", "loss", "lr", "norm"),
    ),
    "nanoGPT": (
        _nanogpt,
        r"^iter (?P<step>\d+): loss (?P<loss>NUMBER), time (?P<time>NUMBER)ms, mfu (?P<mfu>NUMBER)%",
        ("step", "loss", "time", "mfu"),
    ),
    "Hugging Face with bars": (
        _hugging_face,
        r"^{'loss': (?P<loss>NUMBER), 'grad_norm': (?P<norm>NUMBER), 'learning_rate': (?P<lr>NUMBER), "
        r"'epoch': (?P<epoch>NUMBER)}",
        ("loss", "norm", "lr", "epoch"),
    ),
    "Megatron": (
        _megatron,
        r"iteration +(?P<step>\d+)\/.*learning rate: (?P<lr>[-+.\dE]+) .*lm loss: (?P<loss>[-+.\dE]+) .*"
        r"grad norm: (?P<norm>NUMBER)",
        ("step", "lr", "loss", "norm"),
    ),
    "Keras bars": (
        _keras,
        r"^(?P<batch>\d+)\/\d+ \[.*loss: (?P<loss>NUMBER) - accuracy: (?P<accuracy>NUMBER)",
        ("batch", "loss", "accuracy"),
    ),
    "JSON lines": (
        _json,
        r'^{"step": (?P<step>\d+), "loss": (?P<loss>NUMBER), "lr": (?P<lr>NUMBER)}',
        ("step", "loss", "lr"),
    ),
}
"""What the lines of a step are, mtail's expression for a report, and its fields."""


class Done(NamedTuple):
    """One program's reading of one log."""

    cpu_s: float
    reports: int


def write(log: Path, name: str, lines: int) -> int:
    """Write a log of so many lines; return how many are reports."""
    steps, written, reports = 0, 0, 0
    make = FORMATS[name][0]
    with log.open("w") as file:
        while written < lines:
            steps += 1
            for line in make(steps):
                file.write(line + "\n")
                written += 1
                reports += "loss" in line
    return reports


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def mtail(log: Path, program: Path) -> Done:
    """Let mtail read a log; return its processor time and the reports that it counted."""
    began = _cpu_s()
    done = subprocess.run(
        ["mtail", "--one_shot", "--progs", str(program), "--logs", str(log)], capture_output=True, encoding="utf-8"
    )
    cpu_s = _cpu_s() - began
    assert done.returncode == 0, done.stderr[-300:]
    said = json.loads(done.stdout[done.stdout.index("{") :])
    return Done(cpu_s, int(said["lines"][0]["LabelValues"][0]["Value"]["Value"]))


def check(log: Path) -> Done:
    """Let `monitor check` read a log."""
    began = _cpu_s()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("monitor")), "check", str(log), "--json"],
        capture_output=True, encoding="utf-8", env=as_installed(log.parent),
    )  # fmt: skip
    cpu_s = _cpu_s() - began
    assert done.returncode in (0, 1), done.stderr[-300:]
    return Done(cpu_s, 0)


def line_ms(log: Path) -> float:
    """Return the median processor time of a line that comes by itself, reading and judging, with all rules."""
    from monitor.api import Settings
    from monitor.pipeline import Pipeline
    from monitor.tail import read_lines

    pipeline, taken = Pipeline(str(log), Settings().engine()), []
    with log.open("rb") as file:
        for number, line in enumerate(read_lines(file)):
            began = process_time_ns()
            pipeline.take(line)
            taken.append(process_time_ns() - began)
            if number == LIVE_LINES:
                break
    return statistics.median(taken[len(taken) // 2 :]) / 1e6


def main() -> None:
    """Write a log per format, and print two rows for each. A number among the arguments is that of the lines."""
    lines = next((int(each) for each in sys.argv[1:] if each.isdigit()), LINES)
    for name, (_, expression, fields) in FORMATS.items():
        bar = BAR_NATIVE if name == "native" else BAR
        with tempfile.TemporaryDirectory() as folder:
            log, short, program = (Path(folder) / each for each in ("train.log", "short.log", "fields.mtail"))
            reports = write(log, name, lines)
            write(short, name, FEW)
            keep = "\n".join(f'  newest["{field}"] = float(${field})' for field in fields)
            pattern = expression.replace("NUMBER", NUMBER)
            program.write_text(f"counter lines\ngauge newest by field\n\n/{pattern}/ {{\n  lines++\n{keep}\n}}\n")
            what = f"`monitor check`, all rules, {name}, {lines:,} lines, against mtail with the same fields"
            if shutil.which("mtail") is None:
                print_row(what, "not measured: mtail is not installed (Debian package mtail)", f"≥ {bar}×", None)
            else:
                check(short)
                starts = [(mtail(short, program), check(short)) for _ in range(ROUNDS)]
                pairs = [(mtail(log, program), check(log)) for _ in range(ROUNDS)]
                assert all(theirs.reports == reports for theirs, _ in pairs), "mtail has not read every report"
                theirs_0, ours_0 = (statistics.median(each[side].cpu_s for each in starts) for side in (0, 1))
                ratio = statistics.median((theirs.cpu_s - theirs_0) / (here.cpu_s - ours_0) for theirs, here in pairs)
                ours_s = statistics.median(here.cpu_s - ours_0 for _, here in pairs)
                theirs_s = statistics.median(theirs.cpu_s - theirs_0 for theirs, _ in pairs)
                said = f"{ratio:.2f}× ({ours_s:.2f} s against {theirs_s:.2f} s of processor time)"
                print_row(what, f"{said}; {lines / ours_s:,.0f} lines/s", f"≥ {bar}×", ratio >= bar)
            taken = line_ms(log)
        print_row(
            f"one line by itself, {name}, all rules: median processor time",
            f"{taken:.3f} ms", f"≤ {BAR_LINE_MS} ms", taken <= BAR_LINE_MS,
        )  # fmt: skip


if __name__ == "__main__":
    main()
