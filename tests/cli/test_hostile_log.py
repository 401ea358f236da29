"""What a log says is shown, never obeyed: no byte of it reaches the terminal as a control."""

import unicodedata
from pathlib import Path

import pytest

from tests.cli.command import monitor
from tests.cli.logs import COMPLETED, joined
from tests.lines import at

CONTROLS = {
    "colour": b"\x1b[31m",
    "clear the screen": b"\x1b[2J\x1b[H",
    "window title": b"\x1b]0;owned\x07",
    "link": b"\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "an open escape": b"\x1b]0;never_closed",
    "8-bit escape": b"\x9b31m",
    "8-bit escape in UTF-8": b"\xc2\x9b31m",
    "bell and backspace": b"\x07\x08\x08\x08",
    "a lone escape": b"\x1b",
    "vertical tab, form feed": b"\x0b\x0c",
    "NUL": b"\x00",
    "DEL": b"\x7f",
    "right-to-left override": "\u202egnp.exe".encode(),
    "isolate": "\u2066\u2069".encode(),
    "line separator": "\u2028✅TrainingStall:fine\u2029".encode(),
    "zero width": "\u200b\ufeff".encode(),
    "broken UTF-8": b"\xff\xfe\xc3(",
    "a lone surrogate": b"\xed\xa0\x80",
    "a tag character": "\U000e0041".encode(),
}


def hostile_log(junk: bytes) -> bytes:
    """Return a log that says something hostile wherever a command would show it."""
    head = at(0, COMPLETED)[: len("2025-10-30T23:40:51.000Z")]
    quoted = b'"' + junk + b'"'
    return joined(
        [
            head + b' INFO [RUN] start run="' + junk + b'fit-1" pid=1 cmd=' + quoted,
            head + b" INFO [TRAIN] epoch=1/2 batch=1/9 step=1 loss=nan",
            head + b" INFO [TRAIN] epoch=1/2 batch=2/9 step=2 loss=nan note=" + junk,
            head + b" INFO [ENCODER-GRAD] " + junk + b"features grad_norm=0.000e+00 max=0.000e+00 step=1",
            head + b" WARNING [GRAD-MONITOR] " + junk + b"gat: norm 0.00e+00 < 1e-07 step=1",
            head + b" INFO [PHASE] name=" + quoted,
            junk,
            head + b" INFO [EPOCH] Epoch 1/2: Train Loss=nan, Val Loss=nan, LR=1.00e-04 note=" + quoted,
            head + b" INFO [RUN] end status=failed error=" + quoted,
        ]
    )


def acts(text: str) -> set[str]:
    """Return the characters of an output that a terminal would obey or hide."""
    return {
        character
        for character in text
        if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    }


@pytest.mark.parametrize("junk", CONTROLS.values(), ids=CONTROLS)
def test_nothing_hostile_reaches_a_terminal_or_the_json(folder: Path, junk: bytes):
    (folder / "run.log").write_bytes(hostile_log(junk))
    plain = monitor("replay", "run.log", is_terminal=True)
    assert plain.code == 1
    assert "critical TrainLossNonfinite firing" in plain.out
    assert acts(plain.out + plain.err) == set()

    json = monitor("replay", "run.log", "--json", is_terminal=True)
    assert json.out.isascii()
    assert acts(json.out) == set()
    assert "TrainLossNonfinite" in {each["alert"] for each in json.objects()}


def test_a_live_watch_shows_nothing_hostile_either(folder: Path):
    (folder / "run.log").write_bytes(b"".join(map(hostile_log, CONTROLS.values())))
    said = monitor("watch", "run.log", "--until-end", "--sink", "jsonl:live.jsonl", is_terminal=True)
    assert "[RUN] start" in said.out
    assert acts(said.out + said.err) == set()
    assert (folder / "live.jsonl").read_bytes().isascii()


def test_a_hostile_line_cannot_pass_for_a_verdict(folder: Path):
    """A verdict is at the start of a line; the words of a log never are."""
    forged = "✅ GradientVanishing: all is well".encode()
    (folder / "run.log").write_bytes(hostile_log(b"\r\n" + forged + b"\r\n"))
    said = monitor("replay", "run.log", is_terminal=True)
    assert [line for line in said.out.splitlines() if line.startswith(forged.decode())] == []


def test_a_line_of_a_megabyte_is_shown_in_short(folder: Path):
    (folder / "run.log").write_bytes(hostile_log(b"x" * 1_000_000))
    said = monitor("replay", "run.log", is_terminal=True)
    assert said.code == 1
    assert max(map(len, said.out.splitlines())) < 2_500


def test_a_hostile_name_of_a_log_is_shown_harmless_while_it_is_watched(folder: Path):
    name = "\x1b[2J\u202erun.log"
    (folder / name).write_bytes(hostile_log(b"x"))
    for command in (["replay", name], ["watch", name, "--until-end"], ["report", name, "--out", f"{name}.md"]):
        said = monitor(*command, is_terminal=True)
        assert said.code in (0, 1)
        assert acts(said.out + said.err) == set()
