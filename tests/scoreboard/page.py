"""`docs/scoreboard.md`, `docs/scoreboard.json` and the README's summary, from the tables of the board.

`python -m tests.scoreboard.page` rewrites page and summary from the existing figures, after a change of their text.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.demo.readme import filled
from tests.scoreboard.board import OURS, DetectorRow, HealthyRow, KindRow, Tables, as_json, from_json
from tests.scoreboard.families import words
from tests.scoreboard.kinds import GRAD, KINDS, TRAIN
from tests.scoreboard.plan import TUNING_SEEDS
from tests.scoreboard.reasons import REASONS
from tests.scoreboard.runs import rules_digest

ROOT = Path(__file__).parents[2]
PAGE, FIGURES, README = ROOT / "docs/scoreboard.md", ROOT / "docs/scoreboard.json", ROOT / "README.md"
RULE_OF_THREE = 3.0
"""If none of n runs fails, the failure rate is below 3 / n at 95 % (Hanley and Lippman-Hand 1983)."""

HEAD = """\
# The fault scoreboard

Real trainings, healthy ones and broken ones, judged by the shipped rules. The first part holds out whole families of
trainings, and is what the README tells first. The second part holds out seeds only: the shipped trainer, three networks
in a loop with instruments of their own, stories of stalls and crashes, and other detectors on the same logs.
`make scoreboard` repeats all runs and writes this page and the README's summary.

"""
INTRODUCTION = """\
## The shipped trainer, three networks, and stories

Every kind of fault that the rule pack covered in its first edition, provoked in real training runs, and healthy runs
that look like faults, judged by the rules whose digest is at the end.

### What is measured

- **Runs.** Real trainings on a CPU, each with at least 300 optimizer steps and six epochs: the shipped model in the
  shipped loop (`trainer.training.loop`), and an MLP, a GRU and a small transformer in a separate loop that logs with
  `trainer.telemetry`. The transformer was never used while rules and faults were developed. Faults are injected as with
  `trainer fit --inject`, in epoch 3 or 4 after a healthy start, if the kind has one.
- **Stories.** Faults such as stalls and crashes need no training: their logs are written line by line on a fake clock
  and judged like those of a live watch.
- **Times.** A step takes one second on the log's clock; durations in the log count only the training thread's own
  work. So no log depends on the load of the machine.
- **Seeds.** {seeds} were used to develop rules and faults; the results below are from other seeds, run after the rules
  were frozen (their digest is at the end).
- **Detected**: after the onset, an alert at warning or above, not explained by another, names the kind.
- **First right**: the very first such alert after the onset names the kind, and none fired before. {same_as}
- **In time**: that alert comes within the bound of the kind. L is one interval of the lines that show the fault:
  {train} steps for progress lines, {grad} for the monitors' reports, one epoch for validations. If a kind is defined by
  a count, the bound starts when the run reaches that count, as computed from the log without any rule.
"""
TUNED = """\
### What the tuning seeds changed

The board is easier for the rules than the real world, because the following changes were made on the tuning seeds with
their alarms in view:

- Healthy runs that alarmed were made milder if they really showed a fault by the definition in the list:
  `heavy_tails` from Student's t of 3 degrees to 5 (single rows of eight times the loss are spikes), `dropout` of the
  shipped model from a half to a third (the spread of one horizon stayed below a hundredth for three validations),
  `harder_undeclared` (validation did get worse for good), `long_run` (it did overfit). Plain runs of the shipped model
  got a higher rate and more width, because some did not learn within the bound of their floor. With the harsher recipes
  of `heavy_tails` and `dropout`, run afterwards on the same held-out seeds and with the same rules, 2 of their 21 runs
  alarm instead of 1: `dropout.shipped.103` with PredictionCollapse is added.
- Faults that were missed were made stronger until the log shows the fault as the list defines it: `loss_diverge`,
  `loss_spike`, `metric_off_band`, `reset_failed`, `update_ratio`, and `dead_inputs` of the shipped model.
- Rules that were changed: `SharpeConstant` (the correlation must be constant too), `PredictionCollapse` (below a
  hundredth in two validations, below a five-hundredth in one), `LossSpike` (a rise that has not come back counts as one
  spike), `GradientDrop` (explains the faint gradient that it leaves), `EvidenceGap` (a checkpoint makes no report
  overdue).
- Left out: `overfit` and `ended_early` as trainings of the shipped model. `config_ignored` and `stale_source` are
  trainings of the shipped model only. `weight_nonfinite` acts in the step of a report, or the loss would show it first.
- Bounds that the list leaves open were chosen here: one validation for `pred_collapse`, a minute for a `crash` without
  an end line.
"""
RIVALS_TEXT = """\
For them any alarm after the onset counts, by any of their rules, if none came before.
`tests/scoreboard/rivals/README.md` describes what each of them sees and how it was built. For stories only false alarms
are counted.
"""


class Circumstances(NamedTuple):
    """What a reader needs to repeat the runs."""

    command: str
    minutes: float
    taken_over: int
    """Runs from an earlier run of the same code, which were not repeated."""
    runs: int
    workers: int
    rules: str
    """Digest of the rule files."""
    processor: str
    cores: int
    python: str
    torch: str


def circumstances(*, command: str, minutes: float, taken_over: int, runs: int, workers: int) -> Circumstances:
    """Return the circumstances, with the current rules and machine."""
    import torch

    return Circumstances(
        command=command,
        minutes=round(minutes, 1),
        taken_over=taken_over,
        runs=runs,
        workers=workers,
        rules=rules_digest(),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        torch=torch.__version__,
    )


def page(tables: Tables, how: Circumstances, draws: Sequence[words.Draw] = ()) -> str:
    """Return the page."""
    same = [f"{kind.name} also as {' or '.join(sorted(kind.same_as))}" for kind in KINDS if kind.same_as]
    same_as = f"Another name is right only if the fault is of both kinds in the same step: {'; '.join(same)}."
    seeds = ", ".join(map(str, TUNING_SEEDS))
    return "\n".join(
        [
            HEAD + (words.section(draws) if draws else ""),
            INTRODUCTION.format(same_as=same_as, seeds=seeds, train=TRAIN.steps, grad=GRAD.steps),
            TUNED,
            "### Faults\n",
            _kinds(tables.kinds),
            _architectures(tables),
            "### False alarms\n",
            _bounds(tables),
            _healthy(tables.healthy),
            "### Other detectors on the same logs\n",
            RIVALS_TEXT,
            _detectors(tables.detectors),
            _misses(tables),
            _circumstances(how),
        ]
    )


def summary(tables: Tables, how: Circumstances, draws: Sequence[words.Draw] = ()) -> str:
    """Return the README's summary."""
    rows = tables.kinds
    runs = sum(row.runs for row in rows)
    loud = [f"{count}/{of} of the {group} ones" for group in ("plain", "hard")
            for count, of in [_false(tables.healthy, group)]]  # fmt: skip
    families = f"{words.summary(draws)}\n" if draws else ""
    return (
        f"{families}The shipped trainer, three networks in a loop of their own, and stories, on {how.runs:,} runs with "
        "seeds that\nwere never used before:\n\n"
        f"- {sum(row.detected for row in rows)}/{runs} faulty runs detected, "
        f"{sum(row.first_right for row in rows)}/{runs} named right by the first alert\n"
        f"- healthy runs with a false alarm: {', '.join(loud)}\n\n"
        "What other detectors make of the same logs, the meaning of each number, and every miss, are in\n"
        "[docs/scoreboard.md](docs/scoreboard.md). `make scoreboard` repeats the runs.\n"
    )


def write(tables: Tables, how: Circumstances) -> None:
    """Write the figures, the page and the README's block."""
    FIGURES.write_text(json.dumps({"circumstances": how._asdict(), **as_json(tables)}, indent=1) + "\n")
    write_words(tables, how)


def write_words(tables: Tables, how: Circumstances) -> None:
    """Write the page and the README's block."""
    draws = words.read()
    PAGE.write_text(page(tables, how, draws))
    README.write_text(filled(README.read_text(), "scoreboard", summary(tables, how, draws)))


def read() -> tuple[Tables, Circumstances]:
    """Return the existing figures."""
    document = json.loads(FIGURES.read_text())
    return from_json(document), Circumstances(**document["circumstances"])


def _kinds(rows: Sequence[KindRow]) -> str:
    head = (
        "| # | kind | provoked by | detected | first right | in time | median | worst | bound |\n|" + "---|" * 9 + "\n"
    )
    return head + "".join(
        f"| {row.number} | {row.kind} | {row.provoked} | {row.detected}/{row.runs} | {row.first_right}/{row.runs} "
        f"| {row.in_time}/{row.runs} | {_delay(row.median_delay, row.unit)} | {_delay(row.worst_delay, row.unit)} "
        f"| {row.bound} |\n"
        for row in rows
    )


def _architectures(tables: Tables) -> str:
    head = "| network | faulty runs | detected | first right |\n|---|---|---|---|\n"
    return head + "".join(f"| {a} | {n} | {d}/{n} | {r}/{n} |\n" for a, n, d, r in tables.by_architecture)


def _bounds(tables: Tables) -> str:
    loud, count = _false(tables.healthy, "plain", "hard")
    if not count:
        return ""
    words = f"{loud} of {count} healthy training runs had an alert at warning or above"
    if loud == 0:
        return f"{words}: at 95 %, the rate is below {100 * RULE_OF_THREE / count:.2g} % of the runs.\n"
    return f"{words}.\n"


def _healthy(rows: Sequence[HealthyRow]) -> str:
    head = "| group | healthy kind | what | false alarms | rules |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {row.group} | {row.kind} | {row.what} | {row.false_alarms}/{row.runs} | {', '.join(row.rules) or '–'} |\n"
        for row in rows
    )


def _detectors(rows: Sequence[DetectorRow]) -> str:
    head = (
        "| detector | false alarms plain | hard | stories | kinds caught in every run | runs caught "
        "| first alarm names the kind |\n|---|---|---|---|---|---|---|\n"
    )
    return (
        head
        + "".join(
            f"| {row.name} | {_of(row.false_plain)} | {_of(row.false_hard)} | {_of(row.false_stories)} "
            f"| {_of(row.kinds_in_every_run)} | {_of(row.runs_caught)} | {_of(row.named_right)} |\n"
            for row in rows
        )
        + "".join(f"\n- {row.name}: {row.source}" for row in rows if row.name != OURS)
        + "\n"
    )


def _misses(tables: Tables) -> str:
    if not tables.misses:
        return "### Misses\n\nNone.\n"
    kinds = dict.fromkeys(miss.run.split(".")[0] for miss in tables.misses)
    by_reason: dict[str, list[str]] = {}
    for kind in kinds:
        if kind in REASONS:
            by_reason.setdefault(REASONS[kind], []).append(kind)
    reasons = "".join(f"- **{', '.join(alike)}**: {reason}\n" for reason, alike in by_reason.items())
    lines = "".join(f"- `{miss.run}`: {miss.what}\n" for miss in tables.misses)
    return f"### Misses\n\nEvery run that missed the goal (kind, network, seed).\n\n{reasons}\n{lines}"


def _circumstances(how: Circumstances) -> str:
    kept = f", {how.taken_over} of them from an earlier run of the same code" if how.taken_over else ""
    return (
        "### How it was run\n\n"
        f"`{how.command}`: {how.runs:,} runs in {how.minutes:.0f} minutes with {how.workers} workers{kept}; "
        f"{how.processor}, {how.cores} cores, Python {how.python}, torch {how.torch}. Rule files: `{how.rules}`.\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _false(rows: Sequence[HealthyRow], *groups: str) -> tuple[int, int]:
    chosen = [row for row in rows if row.group in groups]
    return sum(row.false_alarms for row in chosen), sum(row.runs for row in chosen)


def _of(share: tuple[int, int]) -> str:
    return f"{share[0]}/{share[1]}"


def _delay(delay: float | None, unit: str) -> str:
    return "–" if delay is None else f"{delay:.3g} {unit}" if unit == "s" else f"{delay:g}"


if __name__ == "__main__":
    write_words(*read())
