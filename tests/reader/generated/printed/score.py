"""Reads logs of print statements as `monitor check` does, and says what was right, silent or wrong.

python -m tests.reader.generated.printed.score first --seeds 0:302
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from monitor import api
from monitor.reader.causes import Cause
from tests.reader.generated.judge import Outcome, judge
from tests.reader.generated.printed.formats import Format, load
from tests.reader.generated.printed.render import Printed, render
from tests.reader.test_endings import DEATHS


@dataclass
class Tally:
    """What became of many logs."""

    facts: Counter[Outcome] = field(default_factory=Counter)
    logs: int = 0
    losses: int = 0  # logs whose loss was read, of those that surely print one
    of_losses: int = 0
    problems: list[str] = field(default_factory=list)  # wrong facts, verdicts, causes
    silences: list[str] = field(default_factory=list)

    @property
    def share_read(self) -> float:
        """Give the share of the facts that were read rightly, of those that had to be read."""
        counts = [self.facts[each] for each in (Outcome.RIGHT, Outcome.SILENT, Outcome.WRONG)]
        return counts[0] / max(1, sum(counts))

    def take(self, printed: Printed, log: api.Log, where: str) -> None:
        """Judge a log."""
        self.logs += 1
        for verdict in judge(printed.facts, log.values._asdict()):
            self.facts[verdict.outcome] += 1
            if verdict.outcome in (Outcome.WRONG, Outcome.SILENT):
                said = f"{where} {verdict.outcome.value} {verdict.fact}: {verdict.seen!r}, not {verdict.expected!r}"
                (self.problems if verdict.outcome is Outcome.WRONG else self.silences).append(said)
        self.problems += [f"{where} {each}" for each in verdicts_of(printed, log)]


def verdicts_of(printed: Printed, log: api.Log) -> list[str]:
    """Say what is wrong with the verdict on a log, and with the cause of its end."""
    found = []
    loud = sorted({f"{alert.rule} ({alert.fault})" for alert in log.alerts if alert.severity.is_alarming})
    is_read = log.values.loss is not None or log.values.val_loss is not None
    is_told = any("loss_nonfinite" in each for each in loud)
    if printed.has_nan and is_read and not is_told:
        found.append(f"nan in a loss that was read, alerts {loud}")
    if not (printed.has_nan or printed.has_nan_part or printed.death) and loud:
        found.append(f"false alarms {loud}")
    if printed.death:
        cause = DEATHS[printed.death]
        if log.end.cause is not cause:
            found.append(f"died of {cause}, said {log.end.cause}: {printed.death!r}")
        others = [each for each in loud if not each.startswith("Crash")]
        if others and cause is not Cause.LOSS_NONFINITE_STOP:
            found.append(f"beside a death, false alarms {others}")
    return found


def score(forms: tuple[Format, ...], seeds: Iterable[int], folder: Path) -> Tally:
    """Render and read the logs of these seeds."""
    tally = Tally()
    for seed in seeds:
        printed = render(forms, seed)
        path = folder / "train.log"
        path.write_text(printed.text, newline="")
        tally.take(printed, api.read(path), f"{seed} {printed.name}")
    return tally


def main(arguments: list[str] | None = None) -> int:
    """Score a table, or show a log; exit 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="first or second")
    parser.add_argument("--seeds", help="FIRST:END; the default is one log of each format")
    parser.add_argument("--show", type=int, help="print the log of this seed, and stop")
    options = parser.parse_args(arguments)
    forms = load(options.table)
    if options.show is not None:
        printed = render(forms, options.show)
        print(printed.text.replace("\r", "\n"), *(f"{key}: {value}" for key, value in printed.facts.items()), sep="\n")
        return 0
    first, end = map(int, options.seeds.split(":")) if options.seeds else (0, len(forms))
    with tempfile.TemporaryDirectory() as folder:
        tally = score(forms, range(first, end), Path(folder))
    print("\n".join((*tally.problems, *tally.silences)))
    counts = ", ".join(f"{each.value} {tally.facts[each]}" for each in Outcome)
    print(f"{len(forms)} formats, {tally.logs} logs; facts {counts}: {tally.share_read:.1%} read")
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
