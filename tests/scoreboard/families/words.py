"""The board of families in words: the section of `docs/scoreboard.md` for each draw, and the README's summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.scoreboard.families.draw import FIRST, FOURTH_LIST, LIST, RESERVE, SECOND_LIST, THIRD_LIST
from tests.scoreboard.families.faults import FAULTS
from tests.scoreboard.families.figures import FamilyRow, FaultRow, Figures, Share, as_json, from_json

FIGURES = Path(__file__).parents[3] / "docs/scoreboard-families.json"


class Draw(NamedTuple):
    """One draw, with what was run and what came of it."""

    name: str
    rules: str
    """Digest of the rules and of all code that the results depend on."""
    date: str
    planned: int
    """Runs that the draw has; fewer may have been made."""
    figures: Figures
    is_fresh: bool = True
    """Whether nothing was mended since the draw was first judged."""

    @property
    def made(self) -> int:
        """How many of its runs were made."""
        return self.figures.healthy.of + sum(row.found.of for row in self.figures.faults)


AGAIN = ", judged again"
"""What the name of a draw ends with once something was mended that it had shown."""

INTRODUCTION = f"""\
## Families that nobody tuned on

- **Families.** Small real trainings on one core of a CPU, each of another task, optimizer or regime. The whole list was
  committed before anything was judged; git's digest of it (`{LIST[:12]}`) drew {FIRST} families as held out and
  {RESERVE} more for a second draw. All others served to find what the rules get wrong.
- **The third draw** is a second list: 47 families and four faults that the first one lacks, written from what trainings
  are when both draws had been judged and mended. All of it is held out. It was committed before any of its runs was
  judged, tried only for whether it learns (git's digest: `{SECOND_LIST[:12]}`). Between that and the first judgement, a
  norm of no gradient at all became 0 where the board had printed nan, as torch has it, and the healthy runs of a family
  became five.
- **The fourth draw** is a third list: 42 families with three healthy runs each, and each fault that is claimed in up to
  three of them, written once the third draw had been judged and mended, and committed before any of its runs was judged
  (git's digest: `{THIRD_LIST[:12]}`). Three families that overfitted, or were solved at once, when they were tried were
  changed before that. Its runs were made one at a time, on two cores with other work.
- **The fifth draw** is a fourth list: 34 families with four healthy runs each, and each claimed fault in up to three of
  them, written once the fourth draw had been judged and mended, and committed before any of its runs was judged (git's
  digest: `{FOURTH_LIST[:12]}`). Two families of rewards were changed before that, because they hardly learnt. Its runs
  were made one at a time, on two cores with other work.
- **What the third draw's figures carry besides.** A part of its runs could not be made in the time there was; the last
  kinds of faults on the list lack most. Two cores were shared with more than twenty other processes, so that steps
  of some milliseconds took seconds: what says so (`StepTimeGrown`, `EvidenceGap`) is true of the machine and counts as
  a false alarm, and a slow loader hides in it. Three faults were none: a batch larger than the rows left ends the loop
  (`two_large_batches.few_rows`, counted as found), a loop with a step of its own never asks the broken loader
  (`soft_actor.dies`, counted as missed), and a rate 100 times as high served one family well (`voices_without_noise`,
  counted as missed). Since then the board is corrected: a death and an early end happen in every training, few rows are
  at least one batch, and a loss that does not depend on the outputs' scale has no rate that is 100 times too high.
- **What the fifth draw's figures carry besides.** Four faults counted as missed were none: a rate times 0, and one
  times 1e-8, which one cycle of the rate sets anew when it is made (`sales_of_shops`), a list of modules that is
  detached but never called (`bodies_that_attract`), and weights of 0 that noise moves apart (`draws_of_weights`).
  Four that ended the training with an error at once are counted as found: two networks that cannot compute in bfloat16,
  one whose shapes do not fit, and one likelihood that refuses a nan. Since then the rates and the list are corrected on
  the board.
- **Only the public interface** writes their logs: `trainer.telemetry.Telemetry` at its default cadence, with real
  times.
- **Faults** are made as people make them, by a change of one part of the training, from the first step or from the
  middle on. Their strength, the right labels, and whether the list claims to see them were written down before the
  first run (`tests/scoreboard/families/faults.py`).
- **A false alarm** is any alert at warning or above on a healthy run. **Found**: after the onset, such an alert has a
  right label. **First right**: so has the very first, and none came before the onset.
- **Printed**: the same runs as another trainer would have printed them, judged by these lines alone; each run in one
  of five forms.
- **Changed after the first draw**, shown below as it was judged then. In the board: a run that is started again
  was one process with two telemetries, and is now one that is killed and begins anew; alarms are before or after the
  onset by their lines, because not every form prints steps, and a run that begins anew repeats them; where a fault ends
  the training with an error, the alert about that is right; a rate that falls to 1e-8 in mid-run may be named as a rate
  that is gone; a run that stops early on purpose, before its fault could begin, is not a faulty run. In the monitor:
  kinds that it had missed. The second draw is the proof of both.
- Each run has a seed of its own. Intervals are Wilson's, at 95 %; they hold for other runs of these families, and are
  too narrow for families that are not on the list.
- Other detectors have not judged these runs yet; they stand in the second part, on its runs.
"""


def section(draws: Sequence[Draw]) -> str:
    """Return the whole section, the newest draw first."""
    parts = [f"\n### {_title(each)}\n\n{_made(each)}\n{_draw(each.figures)}" for each in reversed(draws)]
    return INTRODUCTION + "".join(parts)


def summary(draws: Sequence[Draw]) -> str:
    """Return the README's lines: what was missed first."""
    draw = next(each for each in reversed(draws) if each.is_fresh)
    figures = draw.figures
    missed = [row for row in figures.faults if row.is_claimed and row.found.count < row.found.of]
    missed.sort(key=lambda row: row.found.count / row.found.of)
    alarmed = sorted((row for row in figures.families if row.healthy.count), key=lambda row: -row.healthy.count)
    unseen = [fault.name for fault in FAULTS.values() if not fault.claimed]
    lines = [
        f"Held-out families, {draw.name}: trainings that had no part in the making of the rules.\n",
        _made(draw),
        f"- Healthy, and alarmed: {_listed([f'{row.family} {_of(row.healthy)}' for row in alarmed])}.",
        f"- Not found in every run: {_listed([f'{row.fault} {row.found.count}/{row.found.of}' for row in missed])}."
        if figures.found.of
        else "- Faults: not judged yet on held-out families.",
        f"- Not claimed: {_listed(unseen)}.\n",
        _shares(figures),
        *(_again(each) for each in draws if each.name == draw.name + AGAIN),
    ]
    return "\n".join(lines)


def _again(draw: Draw) -> str:
    """Return in a line what the same runs come to after the mending."""
    figures = draw.figures
    return (
        f"The same runs after what they showed was mended, which proves nothing new: {figures.healthy.in_words()} of "
        f"the healthy runs with a false alarm, {figures.found.in_words()} of the faults found.\n"
    )


def read() -> list[Draw]:
    """Return the draws that were made; none if the file is not there."""
    if not FIGURES.exists():
        return []
    return [Draw(**{**each, "figures": from_json(each["figures"])}) for each in json.loads(FIGURES.read_text())]


def keep(draw: Draw) -> None:
    """Add a draw. Its first judgement stays, though of a part of its runs; one by other rules stands beside it."""
    known = read()
    first = next((each for each in known if each.name == draw.name), None)
    if first is not None and first.rules != draw.rules:
        draw = draw._replace(name=draw.name + AGAIN, is_fresh=False)
    kept = [each for each in known if each.name != draw.name]
    document: list[dict[str, Any]] = [each._asdict() | {"figures": as_json(each.figures)} for each in [*kept, draw]]
    FIGURES.write_text(json.dumps(document, indent=1) + "\n")


def _made(draw: Draw) -> str:
    """Return how much of the draw was run, if not all."""
    return f"So far {draw.made} of its {draw.planned} runs were made.\n" if draw.made < draw.planned else ""


def _title(draw: Draw) -> str:
    return f"The {draw.name}, {draw.date} (rules and code `{draw.rules}`)"


def _draw(figures: Figures) -> str:
    return "\n".join(
        [
            _shares(figures),
            "Misses, by kind:\n",
            _misses(figures),
            "Faults that the list claims to see:\n",
            _fault_table([row for row in figures.faults if row.is_claimed]),
            "What cannot be seen, with the reason; these runs do not count above:\n",
            _unclaimed([row for row in figures.faults if not row.is_claimed]),
            "Families:\n",
            _family_table(figures.families),
            "Printed numbers alone:\n",
            _forms(figures),
            f"A training took {figures.cpu_s[0]:g} to {figures.cpu_s[2]:g} s of processor time, {figures.cpu_s[1]:g} "
            "in the median, on a machine with other work.\n",
        ]
    )


def _shares(figures: Figures) -> str:
    rows: list[tuple[str, Share]] = [
        ("healthy runs with a false alarm", figures.healthy),
        ("healthy runs with a critical one", figures.critical),
        ("faults found", figures.found),
        ("… of those from the first step", figures.from_start),
        ("first label right", figures.first_right),
        ("healthy runs with a false alarm, as printed", figures.printed_healthy),
        ("faults that printed numbers show, found in them", figures.printed_found),
    ]
    return "| | runs, and 95 % interval |\n|---|---|\n" + "".join(f"| {name} | {s.in_words()} |\n" for name, s in rows)


def _misses(figures: Figures) -> str:
    return "".join(f"- `{miss.run}`: {miss.what}\n" for miss in figures.misses) or "None.\n"


def _fault_table(rows: Sequence[FaultRow]) -> str:
    head = "| fault | what is done | found | first right |\n|---|---|---|---|\n"
    ordered = sorted(rows, key=lambda row: row.found.count / max(1, row.found.of))
    return head + "".join(f"| {r.fault} | {r.what} | {_of(r.found)} | {_of(r.first_right)} |\n" for r in ordered)


def _unclaimed(rows: Sequence[FaultRow]) -> str:
    return "".join(
        f"- **{r.fault}** ({r.what}): {r.why_not}. Named right in {_of(r.found)} all the same.\n" for r in rows
    )


def _family_table(rows: Sequence[FamilyRow]) -> str:
    head = "| family | what | false alarms | faults found | rules that alarmed |\n|---|---|---|---|---|\n"
    ordered = sorted(rows, key=lambda row: (-row.healthy.count, row.family))
    return head + "".join(
        f"| {r.family} | {r.what} | {_of(r.healthy)} | {_of(r.found)} | {', '.join(r.rules) or '–'} |\n"
        for r in ordered
    )


def _forms(figures: Figures) -> str:
    head = "| form | healthy runs with a false alarm | faults found |\n|---|---|---|\n"
    return head + "".join(f"| {r.form} | {_of(r.healthy)} | {_of(r.found)} |\n" for r in figures.forms)


def _of(share: Share) -> str:
    return f"{share.count}/{share.of}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
