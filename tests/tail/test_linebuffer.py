"""Bytes → lines: the same lines however the bytes are chunked, in bounded memory, with an editor's numbers."""

from __future__ import annotations

import gzip
import io
import random
import re
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.errors import LogError
from monitor.tail.linebuffer import KEPT_BYTES, Ending, Line, LineBuffer, Stretch
from monitor.tail.whole import read_lines

# Bytes that mean something to the buffer, and some that must not.
HOSTILE = st.lists(
    st.sampled_from(
        [
            *(
                b"\n",
                b"\r",
                b"\r\n",
                b"\0",
                b"\0\0\0",
                b"\x1b[0m",
                b"\x1b[",
                b"\x1b",
                b"\x1b]0;t\x07",
                b"\x1b]",
                b"\x07",
            ),
            *(b"loss=0.5", b"x", b"\xff\xfe", b"\x85", b"\x0b", "é".encode(), b"m", b"K"),
        ]
    ),
    max_size=60,
).map(b"".join)


def lines_of(*chunks: bytes, kept_bytes: int = KEPT_BYTES) -> list[Line]:
    buffer = LineBuffer(kept_bytes=kept_bytes)
    lines = [line for chunk in chunks for line in buffer.feed(chunk)]
    rest = buffer.end()
    return [*lines, rest] if rest else lines


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def test_lines_have_the_numbers_and_offsets_of_the_file() -> None:
    data = b"first\n\nthird\r\nbar 1%\rbar 2%\rlast"
    expected = [
        Line(1, 0, b"first", 0, Ending.LF),
        Line(2, 6, b"", 0, Ending.LF),
        Line(3, 7, b"third", 0, Ending.CRLF),
        Line(4, 14, b"bar 1%", 0, Ending.CR),
        Line(4, 21, b"bar 2%", 0, Ending.CR),
        Line(4, 28, b"last", 0, Ending.END),
    ]
    assert expected == lines_of(data)


@given(HOSTILE, st.lists(st.integers(0, 400), max_size=12), st.sampled_from([1, 5, 20, KEPT_BYTES]))
def test_every_chunking_gives_the_same_lines(data: bytes, places: list[int], kept_bytes: int) -> None:
    expected = lines_of(*(bytes([byte]) for byte in data), kept_bytes=kept_bytes)
    assert expected == lines_of(*cut(data, places), kept_bytes=kept_bytes)


def lines_of_stretches(*chunks: bytes, kept_bytes: int) -> list[Line]:
    """Return the lines that chunks give as stretches."""
    buffer, found = LineBuffer(kept_bytes=kept_bytes), []
    for part in [part for chunk in chunks for part in buffer.feed_stretch(chunk)]:
        if isinstance(part, Line):
            found.append(part)
            continue
        start = 0
        for index, body in enumerate(part.data.split(b"\n")[:-1]):
            found.append(part.line(index, start, start + len(body)))
            start += len(body) + 1
    rest = buffer.end()
    return [*found, *([rest] if rest else [])]


@given(HOSTILE, st.lists(st.integers(0, 400), max_size=4), st.sampled_from([5, 20, KEPT_BYTES]))
def test_stretches_hold_the_same_lines_but_for_blank_ones(data: bytes, places: list[int], kept_bytes: int) -> None:
    expected = [line for line in lines_of(data, kept_bytes=kept_bytes) if line.data.strip()]
    found = lines_of_stretches(*cut(data, places), kept_bytes=kept_bytes)
    assert expected == [line for line in found if line.data.strip()]


def test_lines_that_end_with_a_cr_come_as_stretches() -> None:
    parts = LineBuffer().feed_stretch(b"\n 1%|\r 2%|\r\n   \r\x1b[A 3%|\n")
    assert [part.data for part in parts if isinstance(part, Stretch)] == [b" 1%|\n 2%|\n 3%|\n"]


@given(HOSTILE, st.integers(0, 400))
def test_a_buffer_made_from_the_resume_offset_gives_the_remaining_lines(data: bytes, place: int) -> None:
    first = LineBuffer()
    head = data[: place % (len(data) + 1)]
    before = first.feed(head)
    second = LineBuffer(offset=first.resume_offset, number=first.number)
    after = second.feed(data[first.resume_offset :])
    rest = second.end()
    assert lines_of(data) == [*before, *after, *([rest] if rest else [])]


@given(HOSTILE)
def test_numbers_and_offsets_agree_with_the_bytes_of_the_file(data: bytes) -> None:
    for line in lines_of(data):
        assert data.count(b"\n", 0, line.offset) + 1 == line.number
        assert line.data[:1] in (b"", data[line.offset : line.offset + 1]) or data[line.offset] == 0x1B


@given(HOSTILE)
def test_only_line_ends_nuls_and_escape_sequences_are_dropped(data: bytes) -> None:
    escape = rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)|[ -/]*[0-~]?)"
    pieces = re.split(rb"\r\n|\r|\n", data)
    expected = b"".join(re.sub(escape, b"", piece.replace(b"\0", b"")) for piece in pieces)
    assert expected == b"".join(line.data for line in lines_of(data))


def test_random_blocks_neither_raise_nor_fill_the_memory() -> None:
    source = random.Random(20251030)
    buffer = LineBuffer(kept_bytes=100)
    num_bytes = 0
    for _ in range(20_000):
        block = source.randbytes(source.randrange(200))
        num_bytes += len(block)
        assert all(len(line.data) <= 100 for line in buffer.feed(block))
    assert num_bytes == buffer.end_offset


def test_a_crlf_split_between_chunks_is_one_line_end() -> None:
    assert [Line(1, 0, b"a", 0, Ending.CRLF), Line(2, 3, b"b", 0, Ending.LF)] == lines_of(b"a\r", b"\nb\n")


def test_a_cr_at_the_end_of_a_chunk_waits_for_what_follows() -> None:
    buffer = LineBuffer()
    assert buffer.feed(b"10%\r") == []
    assert [Line(1, 0, b"10%", 0, Ending.CR)] == buffer.feed(b"20%")


def test_an_escape_sequence_between_cr_and_lf_keeps_them_two_line_ends() -> None:
    expected = [
        Line(1, 0, b"", 0, Ending.LF),
        Line(2, 1, b"99%", 0, Ending.CR),
        Line(2, 5, b"", 0, Ending.LF),
        Line(3, 9, b"done", 0, Ending.LF),
    ]
    assert expected == lines_of(b"\n99%\r\x1b[K\ndone\n")


def test_a_line_beyond_the_limit_keeps_its_start_and_counts_the_rest() -> None:
    expected = [
        Line(1, 0, b"x" * KEPT_BYTES, 3_000_000 - KEPT_BYTES, Ending.LF),
        Line(2, 3_000_001, b"next", 0, Ending.LF),
    ]
    assert expected == lines_of(b"x" * 3_000_000 + b"\nnext\n")


@pytest.mark.parametrize("block", [b"x" * 2**20, b"\0" * 2**20], ids=["no newline", "NUL hole"])
def test_256_mib_without_a_newline_is_held_in_bounded_memory(block: bytes) -> None:
    buffer = LineBuffer()
    tracemalloc.start()
    for _ in range(256):
        buffer.feed(block)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8 * 2**20
    [line] = buffer.feed(b"end\n")
    assert (line.number, buffer.end_offset) == (1, 2**28 + 4)
    assert line.data in (b"end", b"x" * KEPT_BYTES)


def test_nuls_before_a_record_do_not_belong_to_a_line() -> None:
    assert [Line(1, 5, b"a", 0, Ending.LF), Line(2, 7, b"bc", 0, Ending.LF)] == lines_of(
        b"\0" * 5 + b"a\n" + b"b\0\0c\n"
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[1;32mloss\x1b[0m=0.5\x1b[K", b"loss=0.5"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", b"link"),
        (b"\x1b(Bplain", b"plain"),
        (b"\x1b]0;never closed: CUDA error", b"0;never closed: CUDA error"),
        (b"\x1b[\xff", b"\xff"),
    ],
)
def test_escape_sequences_are_dropped_but_never_text(raw: bytes, text: bytes) -> None:
    assert [text] == [line.data for line in lines_of(raw + b"\n")]


def test_invalid_utf8_passes_unchanged() -> None:
    assert [line.data for line in lines_of(b"\xff\xfe\xed\xa0\x80\n")] == [b"\xff\xfe\xed\xa0\x80"]


def test_a_partial_line_is_shown_once_and_comes_again_whole() -> None:
    buffer = LineBuffer()
    buffer.feed(b"done\nloss=0.")
    assert Line(2, 5, b"loss=0.", 0, Ending.PARTIAL) == buffer.preview()
    assert buffer.preview() is None
    assert [Line(2, 5, b"loss=0.5", 0, Ending.LF)] == buffer.feed(b"5\n")
    assert buffer.preview() is None


def test_a_partial_line_that_grew_is_shown_again() -> None:
    buffer = LineBuffer()
    buffer.feed(b"a")
    buffer.preview()
    buffer.feed(b"b")
    assert Line(1, 0, b"ab", 0, Ending.PARTIAL) == buffer.preview()


def test_bytes_after_an_ended_line_begin_a_record_on_the_same_line() -> None:
    buffer = LineBuffer()
    buffer.feed(b"head")
    assert Line(1, 0, b"head", 0, Ending.END) == buffer.end()
    assert buffer.end() is None
    assert [Line(1, 4, b"tail", 0, Ending.LF)] == buffer.feed(b"tail\n")


def test_a_gzip_file_is_read_like_the_original_log(tmp_path: Path) -> None:
    text = b"".join(b"step=%d\n" % step for step in range(1000))
    (tmp_path / "log.gz").write_bytes(gzip.compress(text))
    with gzip.open(tmp_path / "log.gz") as stream:
        assert lines_of(text) == list(read_lines(stream))


def test_a_damaged_gzip_file_gives_the_lines_before_the_damage_and_one_clear_error(tmp_path: Path) -> None:
    text = b"".join(b"step=%d loss=%d\n" % (step, step * 7919 % 1000) for step in range(100_000))
    packed = gzip.compress(text)
    (tmp_path / "log.gz").write_bytes(packed[: len(packed) // 2])
    lines = []
    with gzip.open(tmp_path / "log.gz") as stream, pytest.raises(LogError, match=r"log\.gz: breaks off \("):
        lines.extend(read_lines(stream))
    assert lines == lines_of(text)[: len(lines)]


def test_a_stream_without_a_last_newline_gives_its_last_line() -> None:
    assert [Line(1, 0, b"a", 0, Ending.LF), Line(2, 2, b"b", 0, Ending.END)] == list(read_lines(io.BytesIO(b"a\nb")))
