"""Scores a reader on generated logs: right, silent and wrong facts per kind, with examples.

python -m tests.reader.generated.score --seeds 0:2000 --reader tests.reader.facts:facts_of
python -m tests.reader.generated.score --show 17
"""

import argparse
import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.reader.generated.judge import Outcome, Verdict, judge
from tests.reader.generated.kinds.all import ALL
from tests.reader.generated.log import GeneratedLog, log

Reader = Callable[[bytes], Mapping[str, object]]


@dataclass
class Tally:
    """Counts of one kind of logs, or of all."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    logs: int = 0
    clean_logs: int = 0  # nothing silent, nothing wrong
    wrong_logs: int = 0

    def add(self, verdicts: list[Verdict]) -> None:
        """Count a log."""
        counts = Counter(verdict.outcome for verdict in verdicts)
        self.counts += counts
        self.logs += 1
        self.clean_logs += not counts[Outcome.SILENT] and not counts[Outcome.WRONG]
        self.wrong_logs += counts[Outcome.WRONG] > 0

    @property
    def share_read(self) -> float:
        """Give the share of the facts that were read rightly, of those that had to be read."""
        right, silent, wrong = (self.counts[each] for each in (Outcome.RIGHT, Outcome.SILENT, Outcome.WRONG))
        return right / max(1, right + silent + wrong)


@dataclass
class Score:
    """What a reader made of many logs."""

    total: Tally = field(default_factory=Tally)
    kinds: dict[str, Tally] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)  # by kind, wrong ones first when printed

    @property
    def wrong(self) -> list[str]:
        """Give the failures that are wrong values, or a reader that raised."""
        return [text for texts in self.failures.values() for text in texts if " silent " not in text]


def score(read: Reader, seeds: Iterable[int]) -> Score:
    """Let a reader read the logs of the seeds."""
    result = Score()
    for seed in seeds:
        made = log(seed)
        try:
            verdicts = judge(made.facts, read(made.text))
        except Exception as problem:
            verdicts = [Verdict("reader raised", Outcome.WRONG, None, repr(problem))]
        for tally in (result.total, result.kinds.setdefault(made.kind, Tally())):
            tally.add(verdicts)
        result.failures.setdefault(made.kind, []).extend(
            f"seed {seed} {verdict.outcome.value} {verdict.fact}: {verdict.seen!r}, expected {verdict.expected!r}"
            for verdict in verdicts
            if verdict.outcome in (Outcome.SILENT, Outcome.WRONG)
        )
    return result


def table(result: Score, *, examples: int) -> str:
    """Write the score as a table, with some failures of each kind."""
    lines = [f"{'kind':<36}{'logs':>6}{'clean':>7}{'right':>8}{'silent':>8}{'wrong':>7}{'read':>8}"]
    rows = sorted(result.kinds.items(), key=lambda row: row[1].share_read)
    for name, tally in [*rows, ("all", result.total)]:
        counts = [tally.counts[each] for each in (Outcome.RIGHT, Outcome.SILENT, Outcome.WRONG)]
        lines.append(
            f"{name:<36}{tally.logs:>6}{tally.clean_logs:>7}{counts[0]:>8}{counts[1]:>8}{counts[2]:>7}{tally.share_read:>8.1%}"
        )
    for name, texts in result.failures.items():
        lines += [f"{name}: {text}" for text in sorted(texts, key=lambda text: " silent " in text)[:examples]]
    return "\n".join(lines)


def shown(made: GeneratedLog) -> str:
    """Write a log with what is known of it, carriage returns as line ends."""
    text = made.text.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(
        [text, f"kind: {made.kind}", f"spec: {made.spec}", *(f"  {k}: {v}" for k, v in made.facts.items())]
    )


def main(arguments: list[str] | None = None) -> int:
    """Score a reader, or show a log; exit 1 where anything was read wrongly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0:2000", help="FIRST:END")
    parser.add_argument("--reader", default="tests.reader.facts:facts_of", help="MODULE:FUNCTION, bytes to facts")
    parser.add_argument("--only", default="", help="a part of the kind's name")
    parser.add_argument("--examples", type=int, default=3, help="failures to print per kind")
    parser.add_argument("--show", type=int, help="print the log of this seed, and stop")
    parser.add_argument("--kinds", action="store_true", help="print the kinds, and stop")
    options = parser.parse_args(arguments)
    if options.kinds:
        print("\n".join(f"{kind.name:<36}{(kind.write.__doc__ or '').strip()}" for kind in ALL))
        return 0
    if options.show is not None:
        print(shown(log(options.show)))
        return 0
    module, function = options.reader.split(":")
    first, end = map(int, options.seeds.split(":"))
    seeds = [seed for seed in range(first, end) if options.only in ALL[seed % len(ALL)].name]
    result = score(getattr(importlib.import_module(module), function), seeds)
    print(table(result, examples=options.examples))
    return 1 if result.total.counts[Outcome.WRONG] else 0


if __name__ == "__main__":
    sys.exit(main())
