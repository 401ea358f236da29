"""Logs in other encodings: split, numbered and decoded alike, read whole or followed byte by byte."""

import io
import random
from pathlib import Path

import pytest

from monitor.tail import FileTail, TextBuffer, read_lines, read_stretches
from monitor.tail.linebuffer import Line, LineBuffer
from monitor.tail.textbuffer import encoding_of

TEXT = "step 1 损失 0.5\r\nĊ begins with U+010A\n\nbar 1\rbar 2\r\n\U0001f389 done\nlast"
WIDE = {
    "utf-16 with a mark": ("\ufeff" + TEXT).encode("utf-16-le"),
    "utf-16 of the other end": ("\ufeff" + TEXT).encode("utf-16-be"),
    "utf-16 without a mark": TEXT.encode("utf-16-le"),
    "utf-16 of the other end without a mark": TEXT.encode("utf-16-be"),
}


def told(lines: list) -> list[tuple[int, str, str]]:
    return [(line.number, line.data.decode(), line.ending.value) for line in lines]


AS_UTF_8 = told(list(read_lines(io.BytesIO(TEXT.encode()))))


@pytest.mark.parametrize("name", WIDE)
def test_utf_16_gives_the_lines_of_the_same_text_in_utf_8(name: str):
    assert told(list(read_lines(io.BytesIO(WIDE[name])))) == AS_UTF_8
    assert told(list(read_stretches(io.BytesIO(WIDE[name])))) == AS_UTF_8


@pytest.mark.parametrize("name", WIDE)
def test_any_cut_gives_the_same_lines_and_a_buffer_goes_on_where_another_stopped(name: str):
    data = WIDE[name]
    whole = list(read_lines(io.BytesIO(data)))
    dice = random.Random(name)
    for _ in range(40):
        buffer, lines, at = TextBuffer(), [], 0
        while at < len(data):
            size = dice.randint(1, 9)
            lines += buffer.feed(data[at : at + size])
            at += size
            if dice.random() < 0.2:
                at = buffer.resume_offset
                buffer = TextBuffer(offset=at, number=buffer.number, encoding=buffer.encoding)
        if rest := buffer.end():
            lines.append(rest)
        assert lines == whole


@pytest.mark.parametrize("name", WIDE)
def test_the_offset_of_a_line_is_where_it_stands_in_the_file(name: str):
    data, encoding = WIDE[name], encoding_of(WIDE[name])
    for line in read_lines(io.BytesIO(data)):
        text = line.data.decode().encode(encoding)
        assert data[line.offset : line.offset + len(text)] == text


@pytest.mark.parametrize("name", WIDE)
def test_a_followed_log_of_utf_16_shows_each_line_once_it_is_written(name: str, tmp_path: Path):
    path, data = tmp_path / "run.log", WIDE[name]
    path.touch()
    lines: list[Line] = []
    tail = FileTail(path)
    with path.open("ab", buffering=0) as log:
        for index in range(len(data)):
            log.write(data[index : index + 1])
            lines += [each for each in tail.poll(index * 0.001) if isinstance(each, Line)]
            if index % 7 == 0:
                position = tail.position
                tail.close()
                tail = FileTail(path, position)
        # All but the last line, and nothing waits for what comes after it.
        assert [line.number for line in lines] == [number for number, _, _ in AS_UTF_8[:-1]]
        lines += tail.finish()
    tail.close()
    assert told(lines) == AS_UTF_8


@pytest.mark.parametrize(
    "head", [b"", b"a", b"\n", b"a\n", b"\0", b"\xff", b"ab", b"a\0", b"\n\0\n\0", bytes(9) + b"x\n"]
)
def test_the_first_bytes_of_any_other_log_are_split_as_bytes(head: bytes):
    buffer, plain = TextBuffer(), LineBuffer()
    lines = [line for byte in head for line in buffer.feed(bytes([byte]))]
    expected = plain.feed(head)
    for each, found in ((buffer, lines), (plain, expected)):
        if rest := each.end():
            found.append(rest)
    assert lines == expected
