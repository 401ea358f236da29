"""Each line of a log comes out once, for any bytes."""

from __future__ import annotations

from monitor.tail.filetail import PARTIAL_AFTER_S, FileTail
from monitor.tail.linebuffer import KEPT_BYTES, Ending, Line
from tests.tail.followed import Followed


def test_a_partial_last_line_is_shown_after_a_while_and_comes_again_whole(log: Followed) -> None:
    log.append("a\nloss=0.")
    assert log.lines() == ["a"]
    log.now = PARTIAL_AFTER_S - 0.1
    assert log.poll() == []
    log.now = PARTIAL_AFTER_S
    assert [Line(2, 2, b"loss=0.", 0, Ending.PARTIAL)] == log.poll()
    log.now += 1000
    assert log.poll() == []
    log.append("5\n")
    assert [Line(2, 2, b"loss=0.5", 0, Ending.LF)] == log.poll()
    assert log.tail.counters.lines == 2


def test_a_partial_last_line_becomes_final_when_the_caller_knows_that_the_run_is_over(log: Followed) -> None:
    log.append("a\nKilled")
    log.poll()
    assert [Line(2, 2, b"Killed", 0, Ending.END)] == log.tail.finish()
    assert log.tail.finish() == []
    log.restart()
    assert log.poll() == []


def test_every_refresh_of_a_progress_bar_is_a_record_of_its_line(log: Followed) -> None:
    log.append("a\n\r10%\r20%\r30%\nb\n")
    expected = [
        Line(1, 0, b"a", 0, Ending.LF),
        Line(2, 2, b"", 0, Ending.CR),
        Line(2, 3, b"10%", 0, Ending.CR),
        Line(2, 7, b"20%", 0, Ending.CR),
        Line(2, 11, b"30%", 0, Ending.LF),
        Line(3, 15, b"b", 0, Ending.LF),
    ]
    assert expected == log.poll()


def test_invalid_utf8_does_no_harm(log: Followed) -> None:
    log.append(b"a\n\xff\xfe\xed\xa0\x80\nb\n")
    assert [line.data for line in log.poll() if isinstance(line, Line)] == [b"a", b"\xff\xfe\xed\xa0\x80", b"b"]


def test_a_line_of_three_megabytes_keeps_its_start_and_is_counted(log: Followed) -> None:
    log.append(b"a\n" + b"x" * 3_000_000 + b"\nb\n")
    expected = [
        Line(1, 0, b"a", 0, Ending.LF),
        Line(2, 2, b"x" * KEPT_BYTES, 3_000_000 - KEPT_BYTES, Ending.LF),
        Line(3, 3_000_003, b"b", 0, Ending.LF),
    ]
    assert expected == log.poll()
    assert log.tail.counters.truncated_lines == 1


def test_a_log_that_grows_byte_by_byte_keeps_its_identity(log: Followed) -> None:
    text = b"".join(b"%d\n" % number for number in range(200))
    lines = []
    for byte in text:
        log.append(bytes([byte]))
        lines += log.lines()
    assert [str(number) for number in range(200)] == lines
    assert log.tail.counters.generations == 1


def test_a_poll_stops_at_its_limit_and_is_behind(log: Followed) -> None:
    log.append(b"0123456789abcde\n" * 1000)
    log.tail = FileTail(log.path, poll_bytes=4000)
    lines = log.tail.poll(0.0)
    assert (len(lines), log.tail.is_behind, log.tail.counters.bytes_behind) == (250, True, 12_000)
    lines += log.poll()
    assert (len(lines), log.tail.is_behind, log.tail.counters.bytes_behind) == (1000, False, 0)
    assert log.tail.counters.bytes_read == 16_000
