"""The live view in a real terminal: drawn while the log grows, gone when the watch ends; lines everywhere else."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import LIMIT_S, monitor
from tests.cli.logs import EPOCH_1, HEALTHY, TROUBLED, joined, write
from tests.cli.pseudo_terminal import Announcer, terminal
from tests.cli.test_hostile_log import CONTROLS, acts, hostile_log

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def is_drawn(made: Announcer) -> bool:
    """Whether the picture is complete, to its last row."""
    return "? help" in made.rows[-1]


def append(log: Path, lines: list[bytes]) -> None:
    with log.open("ab") as file:
        file.write(joined(lines))


def test_a_watch_in_a_terminal_is_a_picture_that_grows_with_the_log(folder: Path) -> None:
    log = write(folder / "run.log", TROUBLED[:7])
    with terminal("watch", "run.log", cwd=folder) as made:
        made.until(lambda seen: is_drawn(seen) and "RUNNING" in seen.rows[0])
        assert len(made.rows) == 24
        assert "no problem found" in made.rows[0]
        append(log, TROUBLED[7:-1])
        made.until(lambda seen: re.search(r"\d problem", seen.rows[0]) and "GradientZero" in seen.text)
        append(log, TROUBLED[-1:])
        made.until(lambda seen: "DIED" in seen.rows[0])
        made.type("\x03")
        assert made.rest() == 1
    last = made.written.rpartition("\x1b[?1049l")[2]
    assert "fit-1 (run.log) on gpu1 · DIED" in last
    assert "TrainingStall" in last
    assert not made.is_alternate


def test_until_end_leaves_the_terminal_with_the_summary(folder: Path) -> None:
    write(folder / "run.log", HEALTHY)
    with terminal("watch", "run.log", "--until-end", cwd=folder) as made:
        assert made.rest() == 0
    assert (
        "fit-1 (run.log) on gpu1 · completed at step 2, 2 of 2 epochs done" in made.written.rpartition("\x1b[?1049l")[2]
    )


def test_a_window_that_is_dragged_is_drawn_anew_at_its_size(folder: Path) -> None:
    write(folder / "run.log", EPOCH_1)
    # Some shells export the size that the window had when they began.
    with terminal("watch", "run.log", cwd=folder, COLUMNS="80", LINES="24") as made:
        made.until(is_drawn)
        assert {len(row) for row in made.rows[:4]} == {80}
        made.resize(132, 40)
        made.until(lambda seen: is_drawn(seen) and len(seen.rows) == 40)
        assert {len(row) for row in made.rows[:4]} == {132}
        made.resize(40, 10)
        made.until(lambda seen: len(seen.rows) == 10 and all(seen.rows))
        assert {len(row) for row in made.rows[:2]} == {40}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_watch_that_is_stopped_gives_the_terminal_back_as_it_was(folder: Path, number: int) -> None:
    write(folder / "run.log", EPOCH_1)
    with terminal("watch", "run.log", cwd=folder) as made:
        made.until(is_drawn)
        assert (made.is_alternate, made.echoes) == (True, False)
        made.signal(number)
        made.until(lambda seen: "epochs done" in seen.written)
        assert (made.is_alternate, made.echoes) == (False, True)
        assert made.rest() == 0
    assert made.written.rfind("\x1b[?25h") > made.written.rfind("\x1b[?25l")


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(folder: Path) -> None:
    write(folder / "run.log", EPOCH_1)
    with terminal("watch", "run.log", cwd=folder) as made:
        made.until(is_drawn)
        made.signal(signal.SIGTSTP)
        made.until(lambda seen: not seen.is_alternate)
        assert made.stopped()
        assert made.echoes
        before = len(made.written)
        made.signal(signal.SIGCONT)
        made.until(lambda seen: seen.is_alternate and "? help" in ESCAPES.sub("", seen.written[before:]))
        made.signal(signal.SIGINT)
        made.until(lambda seen: "epochs done" in seen.written)
        assert made.rest() == 0


def test_a_window_that_is_closed_ends_the_watch_which_still_leaves_its_page(folder: Path) -> None:
    log = write(folder / "run.log", EPOCH_1)
    with terminal("watch", "run.log", "--report", "STATUS.md", "--every", "1h", cwd=folder) as made:
        made.until(is_drawn)
        (folder / "STATUS.md").unlink()
        append(log, TROUBLED[len(EPOCH_1) :])
        made.hang_up()
    assert "fit-1" in (folder / "STATUS.md").read_text()


def test_changes_of_the_log_are_shown_in_the_picture_and_again_at_the_end(folder: Path) -> None:
    log = write(folder / "run.log", EPOCH_1)
    with terminal("watch", "run.log", cwd=folder) as made:
        made.until(is_drawn)
        log.rename(folder / "run.log.1")
        write(log, HEALTHY[len(EPOCH_1) :])
        made.until(lambda seen: "run.log: rotated" in seen.text)
        made.signal(signal.SIGINT)
        made.rest()
    assert "monitor: run.log: rotated" in made.written.rpartition("\x1b[?1049l")[2]


def test_nothing_hostile_reaches_the_terminal(folder: Path) -> None:
    (folder / "run.log").write_bytes(b"".join(map(hostile_log, CONTROLS.values())))
    with terminal("watch", "run.log", "--until-end", width=120, height=50, cwd=folder) as made:
        made.rest()
    # All that is left besides our own codes is text.
    assert acts(ESCAPES.sub("", made.written).replace("\r\n", "\n").replace("\x1b\\", "")) <= set()
    assert set(re.findall(r"\x1b(.)", made.written)) == {"["}


def test_plain_lines_are_given_where_they_are_asked_for(folder: Path) -> None:
    write(folder / "run.log", HEALTHY)
    with terminal("watch", "run.log", "--until-end", "--plain", cwd=folder) as made:
        assert made.rest() == 0
    assert "\x1b" not in made.written
    assert "[EPOCH] Epoch 1/2" in made.written


def test_no_color_is_honoured(folder: Path) -> None:
    write(folder / "run.log", TROUBLED)
    colours = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-7]|4[0-7]|38|48|9[0-7]|10[0-7])\b[0-9;]*m")
    found = {}
    for name, value in (("with", {}), ("without", {"NO_COLOR": "1"})):
        with terminal("watch", "run.log", cwd=folder, **value) as made:
            made.until(is_drawn)
            found[name] = bool(colours.search(made.written))
    assert found == {"with": True, "without": False}


def test_a_watch_without_a_watch_file_says_how_to_get_one(folder: Path) -> None:
    write(folder / "run 1.log", HEALTHY)
    assert "monitor init 'run 1.log' writes one" in monitor("watch", "run 1.log", "--until-end").err
    assert monitor("init", "run 1.log").code == 0
    assert "monitor init" not in monitor("watch", "--config", "watch.yaml", "--until-end").err


@pytest.mark.parametrize("variable", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "latin-1"}], ids=["dumb", "latin-1"])
def test_a_terminal_that_cannot_show_the_picture_gets_lines(folder: Path, variable: dict[str, str]) -> None:
    write(folder / "run.log", HEALTHY)
    with terminal("watch", "run.log", "--until-end", cwd=folder, **variable) as made:
        assert made.rest() == 0
    assert "\x1b" not in made.written
    assert "[EPOCH] Epoch 1/2" in made.written


def test_a_watch_without_a_terminal_imports_neither_rich_nor_numpy(folder: Path) -> None:
    write(folder / "run.log", TROUBLED)
    line = [sys.executable, "-X", "importtime", "-m", "monitor", "watch", "run.log", "--until-end"]
    ended = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    rows = [row for row in ended.stderr.splitlines() if row.startswith("import time:")]
    imported = {row.rpartition("|")[2].strip().split(".")[0] for row in rows}
    assert ended.returncode == 1
    assert "click" in imported
    assert imported & {"rich", "numpy", "torch"} == set()


def test_a_stream_that_only_claims_to_be_a_terminal_gets_lines(folder: Path) -> None:
    write(folder / "run.log", HEALTHY)
    said = monitor("watch", "run.log", "--until-end", is_terminal=True)
    assert said.code == 0
    assert "[EPOCH] Epoch 1/2" in said.out
