import re

import pytest

from monitor.reader.causes import Cause
from monitor.reader.traceback import OPEN_LIMIT, Traceback, TracebackReader

ERROR = """Traceback (most recent call last):
  File "/srv/train.py", line 118, in <module>
    main()
    ~~~~^^
  File "/srv/train.py", line 96, in main
    loss.backward()
    ~~~~~~~~~~~~~^^
RuntimeError: CUDA error: device-side assert triggered"""
CHAINED = """Traceback (most recent call last):
  File "/srv/data.py", line 12, in load
    raise MemoryError
MemoryError

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/train.py", line 9, in main
    load()
ValueError: the loader gave nothing"""
HEADS = (
    "",
    "[rank3]: ",
    "3: ",
    "(Worker pid=87031) ",
    "[1,3]<stderr>:",
    "2025-03-04T09:00:{:02d}.{:09d}Z stderr F ",
    "Mar 04 09:00:{:02d} gpu01 train.sh[812]: ",
    "[pod/train-0/pytorch] ",
    "worker-0  | ",
)
ORDINARY = ("step 12 loss=0.31", "[rank5]: step: 12, loss: 0.31", "Epoch: 3", "", "lr: 0.1", "[rank5]:     lr: 0.1")


@pytest.mark.parametrize("head", HEADS)
def test_a_traceback_is_one_event_behind_every_head(head):
    lines = ["step 1 loss=2.0", *headed(head, ERROR)]
    (found,) = read(lines)
    assert found[:4] == (2, 9, "RuntimeError", "CUDA error: device-side assert triggered")
    assert found[4:8] == ("/srv/train.py", 96, "main", "loss.backward()")
    assert Cause.CUDA_ERROR is found.ending().cause


def test_a_logger_heads_only_the_first_line():
    first, *rest = ERROR.splitlines()
    (found,) = read([f"2025-03-04 09:00:01,123 trainer ERROR    {first}", *rest])
    assert (found.first_line, found.type, found.line) == (1, "RuntimeError", 96)


def test_a_rank_and_a_logger_head_the_first_line_and_the_rank_the_others():
    first, *rest = ERROR.splitlines()
    (found,) = read([f"3: 2025-03-04 09:00:01,123 ERROR {first}", *(f"3: {line}" for line in rest)])
    assert (found.rank, found.type, found.line) == (3, "RuntimeError", 96)


@pytest.mark.parametrize("head", ["", "[rank3]: ", "2025-03-04T09:00:{:02d}.{:09d}Z stderr F "])
def test_chained_exceptions_replace_the_first_and_tell_the_root(head):
    first, second = read(headed(head, CHAINED))
    assert (first.first_line, first.type, first.chain) == (1, "MemoryError", ())
    assert (second.first_line, second.type, second.chain) == (1, "ValueError", ("MemoryError",))
    assert Cause.OUT_OF_MEMORY_HOST is second.ending().cause


def test_ranks_that_write_between_each_others_lines_are_kept_apart():
    other = ERROR.replace("CUDA error: device-side assert triggered", "shapes differ").replace("96", "97")
    mixed = [line for pair in zip(headed("[rank0]: ", ERROR), headed("[rank1]: ", other), strict=True) for line in pair]
    first, second = read(mixed)
    assert (
        first.first_line,
        first.rank,
        first.message,
        first.line,
    ) == (1, 0, "CUDA error: device-side assert triggered", 96)
    assert (second.first_line, second.rank, second.message, second.line) == (2, 1, "shapes differ", 97)


@pytest.mark.parametrize("between", ORDINARY)
@pytest.mark.parametrize("head", ["", "[rank3]: "])
def test_other_lines_between_change_nothing(head, between):
    lines = [line for each in headed(head, ERROR) for line in (each, between)]
    (found,) = read(lines)
    assert (found.type, found.code) == ("RuntimeError", "loss.backward()")


def test_coloured_tracebacks_are_read():
    coloured = ERROR.replace("RuntimeError", "\x1b[1;35mRuntimeError\x1b[0m").replace(
        '"/srv/train.py"', '\x1b[35m"/srv/train.py"\x1b[0m'
    )
    (found,) = read(coloured.splitlines())
    assert (found.type, found.line) == ("RuntimeError", 96)


def test_an_exception_of_any_name_is_read_right_below_its_frames():
    (found,) = read(ERROR.replace("RuntimeError: CUDA error: device-side assert triggered", "Boom: no").splitlines())
    assert (found.type, found.message) == ("Boom", "no")
    assert read(["step 1", *ERROR.splitlines()[:-1], "step 2", "Boom: no"]) == []


def test_an_interrupt_has_no_message():
    (found,) = read(
        ["^CTraceback (most recent call last):", '  File "train.py", line 9, in <module>', "KeyboardInterrupt"]
    )
    assert (found.type, found.message, found.said) == ("KeyboardInterrupt", "", "KeyboardInterrupt")
    assert Cause.INTERRUPTED is found.ending().cause


def test_what_breaks_off_is_unfinished():
    reader = TracebackReader()
    for number, line in enumerate(ERROR.splitlines()[:-1], 1):
        assert reader.feed(line.encode(), number) is None
    (found,) = reader.unfinished()
    assert (found.first_line, found.last_line, found.type, found.line) == (1, 7, "", 96)
    assert found.ending() is None


def test_a_finished_one_is_not_unfinished():
    reader = TracebackReader()
    for number, line in enumerate(ERROR.splitlines(), 1):
        reader.feed(line.encode(), number)
    assert reader.unfinished() == ()


def test_one_that_never_goes_on_is_forgotten():
    reader = TracebackReader()
    for number, line in enumerate([*ERROR.splitlines()[:3], *["step 1 loss=2.0"] * 300], 1):
        reader.feed(line.encode(), number)
    assert reader.unfinished() == ()


def test_ten_thousand_open_ones_are_bounded():
    reader = TracebackReader()
    for number in range(10_000):
        reader.feed(f"[rank{number}]: Traceback (most recent call last):".encode(), number)
    assert len(reader.unfinished()) == OPEN_LIMIT


def test_a_traceback_per_step_gives_an_event_each():
    found = read([line for _ in range(50) for line in ("step 1 loss=2.0", *ERROR.splitlines())])
    assert [1 + 9 * n + 1 for n in range(50)] == [each.first_line for each in found]
    assert {()} == {each.chain for each in found}


def test_hostile_lines_raise_nothing():
    for line in (
        b"\xff",
        b"",
        b"\x00" * 100,
        b'  File "',
        b'  File "x", line 99999999999999999999999, in y',
        b"(" * 5000,
    ):
        reader = TracebackReader()
        reader.feed(line + b"Traceback (most recent call last):", 1)
        reader.feed(line, 2)
        reader.feed(b'  File "a", line 1, in b', 3)
        reader.feed(line, 4)


def headed(head: str, text: str) -> list[str]:
    return [re.sub(r"\{.*?\}", "{}", head).format(*times(head, n)) + line for n, line in enumerate(text.splitlines())]


def times(head: str, n: int) -> list[str]:
    return [f"{n:02d}", f"{n * 1000:09d}"][: head.count("{")]


def read(lines: list[str]) -> list[Traceback]:
    reader = TracebackReader()
    return [found for number, line in enumerate(lines, 1) if (found := reader.feed(line.encode(), number))]
