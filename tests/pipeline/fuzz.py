"""Hostile bytes by the million: random blocks, torn and twisted lines, through the tail's buffer, grammar and fold.

``python -m tests.pipeline.fuzz [MINUTES]`` runs a new seed each round and names the seed that fails.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence

from monitor.base.clock import SystemClock
from monitor.base.evidence import TEXT_LIMIT
from monitor.grammar import RECORD_TYPES
from monitor.reader.event import read_event
from monitor.run import attempt, facts
from monitor.run.run import Run
from monitor.tail.linebuffer import LineBuffer
from tests.cli.logs import HEALTHY, TROUBLED
from tests.cli.test_hostile_log import CONTROLS
from tests.lines import at, report, train

KEPT_BYTES = 4_096
"""Longest line kept here; small, so that short blocks reach it often enough."""
TAGS = sorted({kind.TAG for kind in RECORD_TYPES if kind.TAG})
SOUP = [
    *(b"\n", b"\r", b"\r\n", b"\0", b" ", b"=", b'"', b"'", b",", b":", b"/", b"|", b"[", b"]", b"\\", b"\t"),
    *(b"2025-10-30T23:40:51.000Z INFO ", b"2025-02-30T25:61:61.999Z ERROR ", b"9999-12-31T23:59:59.999Z WARNING "),
    *(b"nan", b"inf", b"-inf", b"1e999", b"-0", b"1e-400", b"0", b"99999999999999999999999999", b"1/0", b"0/0"),
    *(b"epoch=", b"step=", b"h=", b"group=", b"loss=", b"name=", b"key=", b"run=", b"status=", b"batch=", b"norm="),
    *(b"\xff\xfe", b"\xed\xa0\x80", "½٣Ⅷ".encode(), b"Traceback (most recent call last):", b"CUDA out of memory"),
    *(f"[{tag}] ".encode() for tag in TAGS),
    *CONTROLS.values(),
]
LINES = [*HEALTHY, *TROUBLED, at(1, report(5, gat=1.0, adaptive_norm=0.0)), at(2, train(5))]


def blocks(source: random.Random, count: int) -> Iterator[bytes]:
    """Yield hostile blocks of bytes, most of them shorter than a line."""
    makers = (_noise, _soup, _twisted, _torn, _long)
    for _ in range(count):
        yield source.choices(makers, (3, 4, 6, 3, 0.01))[0](source)


def feed(found: Sequence[bytes] | Iterator[bytes]) -> Run:
    """Read blocks as the tail of one log would, fold all their lines; return what is known of the run."""
    buffer, run = LineBuffer(kept_bytes=KEPT_BYTES), Run()
    num_lines = 0
    for block in found:
        for line in buffer.feed(block):
            assert len(line.data) <= KEPT_BYTES
            num_lines += 1
            event = read_event(line, "run.log")
            if event is not None:
                assert len(event.evidence.text) <= TEXT_LIMIT
                run.fold(event)
        # An unfinished line takes at most the length that is kept.
        held = buffer.preview()
        assert held is None or len(held.data) <= KEPT_BYTES
    assert run.lines <= num_lines
    assert_bounded(run)
    return run


def assert_bounded(run: Run) -> None:
    """Check the limits that no log can exceed."""
    known = run.attempt
    assert sum(map(len, known.series.values())) <= attempt.SERIES_LIMIT + len(attempt.CATALOGUE)
    assert len(known.facts) <= facts.FACTS_LIMIT
    assert len(known.longest_silence_s) <= attempt.PHASES_LIMIT
    for by_labels in known.series.values():
        for series in by_labels.values():
            assert series.recent.maxlen is not None
            assert len(series.recent) <= series.recent.maxlen


def _noise(source: random.Random) -> bytes:
    return source.randbytes(source.randrange(200))


def _soup(source: random.Random) -> bytes:
    return b"".join(source.choices(SOUP, k=source.randrange(1, 12)))


def _twisted(source: random.Random) -> bytes:
    """Return a line with some of its bytes changed, taken out or doubled."""
    line = bytearray(source.choice(LINES))
    for _ in range(source.choice((0, 1, 1, 2, 5))):
        place = source.randrange(len(line)) if line else 0
        match source.randrange(4):
            case 0 if line:
                line[place] = source.randrange(256)
            case 1:
                del line[place : place + source.randrange(1, 20)]
            case 2:
                line[place:place] = source.choice(SOUP)
            case _:
                line[place:place] = line[place : place + source.randrange(1, 60)]
    # Mostly a line of its own; else it goes on where the block before it ended.
    return source.choice((b"\n", b"\n", b"")) + bytes(line) + b"\n"


def _torn(source: random.Random) -> bytes:
    """Return a part of a line, without its end."""
    line = source.choice(LINES)
    return line[source.randrange(len(line)) :] if source.random() < 0.5 else line[: source.randrange(len(line))]


def _long(source: random.Random) -> bytes:
    return source.choice(SOUP) * source.randrange(2_000, 40_000)


def main() -> None:
    """Fuzz for some minutes; at the first failure, name its seed and exit with 1."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    clock = SystemClock()
    until = clock.monotonic() + 60 * minutes
    rounds = 0
    while clock.monotonic() < until:
        seed = random.SystemRandom().randrange(2**32)
        try:
            feed(blocks(random.Random(seed), 20_000))
        except Exception:
            print(f"fails with seed {seed}: feed(blocks(random.Random({seed}), 20_000))", file=sys.stderr)
            raise
        rounds += 1
    print(f"{rounds * 20_000:,} blocks of {rounds} seeds: no exception, no limit passed")


if __name__ == "__main__":
    main()
