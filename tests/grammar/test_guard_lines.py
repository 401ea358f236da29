"""The guard's lines: one for all horizons, and the older one per horizon, which say the same."""

from monitor import grammar
from monitor.grammar import Share, Unknown, parse_line
from monitor.reader.signals import samples

HEAD = b"2025-10-30T23:40:51.123Z INFO [DEGENERACY-GUARD] "
NEW = (
    b"checks step=12 h1: std=0.4 target_std=1.0 ratio=0.4 strikes=0/3 "
    b"| h5: std=0.1 target_std=2.0 ratio=0.05 strikes=1/3"
)
OLD = [
    b"check step=12 h=1 std=0.4 target_std=1.0 ratio=0.4 strikes=0/3",
    b"check step=12 h=5 std=0.1 target_std=2.0 ratio=0.05 strikes=1/3",
]


def record_of(text: bytes) -> grammar.Record:
    return parse_line(HEAD + text).record


def test_one_line_gives_what_a_line_per_horizon_gave():
    assert list(samples(record_of(NEW))) == [sample for text in OLD for sample in samples(record_of(text))]


def test_a_report_is_read_by_horizon():
    report = record_of(NEW)
    assert [(each.h, each.ratio, each.strikes) for each in report.horizons] == [
        (1, 0.4, Share(0, 3)),
        (5, 0.05, Share(1, 3)),
    ]


def test_a_horizon_that_cannot_be_read_makes_the_line_unknown():
    assert isinstance(record_of(NEW + b" | std=0.5"), Unknown)
    assert isinstance(record_of(b"checks step=12 std"), Unknown)
