"""Reading alone, without rules, in blocks of lines, against mtail that extracts the same fields from the same file.

Both read the whole file in a process of their own, from its start to its end; mtail's own counters prove that it read
every line, and its newest values must be ours. The time to start is measured with a file of one line and taken off on
both sides. If mtail (the Debian package) is not installed, the row reports that.
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
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from figures import as_installed, print_row

BAR, ROUNDS, LINES = 1.2, 3, 400_000
BLOCK_BYTES = 1 << 20
NUMBER = r"[-+.\de]+"

Line = Callable[[int], str]
FORMATS: dict[str, tuple[Line, str, dict[str, str]]] = {
    "nanoGPT": (
        lambda i: f"iter {i}: loss {2 + 1 / (i + 1):.4f}, time {23 + i % 7}.25ms, mfu {12 + i % 5}.34%",
        r"^iter (?P<step>\d+): loss (?P<loss>NUMBER), time (?P<time>NUMBER)ms, mfu (?P<mfu>NUMBER)%",
        {"step": "step", "loss": "loss", "time": "time", "mfu": "mfu"},
    ),
    "Hugging Face": (
        lambda i: (
            f"{{'loss': {2 + 1 / (i + 1):.4f}, 'grad_norm': {1 + i % 9 / 10:.4f}, "
            f"'learning_rate': {1e-5 * (1 - i / LINES):.6e}, 'epoch': {i / 1000:.3f}}}"
        ),
        r"^{'loss': (?P<loss>NUMBER), 'grad_norm': (?P<norm>NUMBER), 'learning_rate': (?P<lr>NUMBER), "
        r"'epoch': (?P<epoch>NUMBER)}",
        {"loss": "loss", "norm": "grad_norm", "lr": "lr", "epoch": "epoch"},
    ),
    "JSON lines": (
        lambda i: f'{{"step": {i}, "loss": {2 + 1 / (i + 1):.4f}, "lr": {1e-5 * (1 - i / LINES):.6e}}}',
        r'^{"step": (?P<step>\d+), "loss": (?P<loss>NUMBER), "lr": (?P<lr>NUMBER)}',
        {"step": "step", "loss": "loss", "lr": "lr"},
    ),
}
"""A line, mtail's expression for it, and the fields in the expression with their names here."""


def program(expression: str, fields: dict[str, str]) -> str:
    """Return a program of mtail that counts lines and keeps the newest value of each field."""
    keep = "\n".join(f'  newest["{ours}"] = float(${theirs})' for theirs, ours in fields.items())
    expression = expression.replace("NUMBER", NUMBER)
    return f"counter lines\ngauge newest by field\n\n/{expression}/ {{\n  lines++\n{keep}\n}}\n"


class Done(NamedTuple):
    """One program's reading of one log."""

    seconds: float
    cpu_s: float
    lines: int
    values: dict[str, float]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def mtail(log: Path, prog: Path) -> Done:
    """Let mtail read a log; return its seconds, the lines that it counted and its newest values."""
    began, cpu = perf_counter(), _cpu_s()
    done = subprocess.run(
        ["mtail", "--one_shot", "--progs", str(prog), "--logs", str(log)], capture_output=True, encoding="utf-8"
    )
    seconds, cpu_s = perf_counter() - began, _cpu_s() - cpu
    assert done.returncode == 0, done.stderr[-300:]
    said = json.loads(done.stdout[done.stdout.index("{") :])
    values = {each["Labels"][0]: float(each["Value"]["Value"]) for each in said["newest"][0].get("LabelValues", [])}
    return Done(seconds, cpu_s, int(said["lines"][0]["LabelValues"][0]["Value"]["Value"]), values)


def ours(log: Path) -> Done:
    """Let our reader read a log in a process of its own; return the same."""
    began, cpu = perf_counter(), _cpu_s()
    done = subprocess.run(
        [sys.executable, __file__, "--read", str(log)],
        capture_output=True, encoding="utf-8", check=True, env=as_installed(log.parent),
    )  # fmt: skip
    seconds, cpu_s = perf_counter() - began, _cpu_s() - cpu
    said = json.loads(done.stdout)
    return Done(seconds, cpu_s, said["lines"], said["values"])


def read(log: Path) -> None:
    """Read a log in blocks of about a megabyte, and print the lines with values and the newest values."""
    from monitor.reader.columns import BlockReader
    from monitor.reader.state import ReadState

    state, reader, lines, values, rest = ReadState(), BlockReader(), 0, {}, b""
    with log.open("rb") as file:
        while chunk := file.read(BLOCK_BYTES):
            *block, rest = (rest + chunk).split(b"\n")
            found = reader.read(block, state)
            newest = -1
            for columns in found.columns:
                lines += len(columns.rows)
                if int(columns.rows[-1]) > newest:
                    newest = int(columns.rows[-1])
                    values |= {
                        key[0] if key[0] != "metric" else key[1]: row[-1]
                        for key, row in zip(columns.keys, columns.numbers, strict=True)
                    }
                    values |= {"step": int(columns.step[-1])} if columns.step is not None else {}
                    values |= {"epoch": float(columns.progress[-1])} if columns.progress is not None else {}
            for index, said in found.singles.items():
                for report in said.reports:
                    lines += bool(report.values)
                    if index > newest:
                        values |= {value.quantity: value.number for value in report.values}
    print(json.dumps({"lines": lines, "values": values}))


def main() -> None:
    """Write a log per format, and print a row for each."""
    for name, (line, expression, fields) in FORMATS.items():
        what = f"reading alone in blocks, {name}, {LINES:,} lines, against mtail with the same fields"
        if shutil.which("mtail") is None:
            print_row(what, "not measured: mtail is not installed (Debian package mtail)", f"≥ {BAR}×", None)
            continue
        with tempfile.TemporaryDirectory() as folder:
            log, short, prog = (Path(folder) / each for each in ("train.log", "short.log", "fields.mtail"))
            log.write_text("".join(line(i) + "\n" for i in range(LINES)))
            short.write_text(line(0) + "\n")
            prog.write_text(program(expression, fields))
            start_theirs, start_ours = mtail(short, prog), ours(short)
            pairs = [(mtail(log, prog), ours(log)) for _ in range(ROUNDS)]
        for theirs, here in pairs:
            _assert_same(theirs, here, fields)
        theirs_s, ours_s = (statistics.median(each[side].seconds for each in pairs) for side in (0, 1))
        ratio = statistics.median(
            (theirs.seconds - start_theirs.seconds) / (here.seconds - start_ours.seconds) for theirs, here in pairs
        )
        ours_cpu_s = statistics.median(here.cpu_s - start_ours.cpu_s for _, here in pairs)
        cpu = statistics.median((theirs.cpu_s - start_theirs.cpu_s) for theirs, _ in pairs) / ours_cpu_s
        print_row(
            what,
            f"{ratio:.1f}× ({ours_s - start_ours.seconds:.2f} s against {theirs_s - start_theirs.seconds:.2f} s); "
            f"of processor time {cpu:.1f}×, {LINES / ours_cpu_s:,.0f} lines/s",
            f"≥ {BAR}×",
            ratio >= BAR,
        )


def _assert_same(theirs: Done, here: Done, fields: dict[str, str]) -> None:
    """Assert that both read every line, and the same last value of each field."""
    assert theirs.lines == here.lines == LINES, f"lines: mtail {theirs.lines}, here {here.lines}, expected {LINES}"
    for field in fields.values():
        # A time is in seconds here, under the name of what it is.
        name, scale = ("s_per_step", 1000.0) if field == "time" else (field, 1.0)
        assert math.isclose(theirs.values[field], here.values[name] * scale, rel_tol=1e-6), field


if __name__ == "__main__":
    if "--read" in sys.argv:
        read(Path(sys.argv[-1]))
    else:
        main()
