"""Every wrong name gives one clear line and exit code 2, and nothing is written."""

import gzip
import os
import random
import re
import shlex
import struct
from pathlib import Path

import pytest

from monitor.live.daemon import Daemon
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, joined, write

ONE_LINE = re.compile(r"monitor( [a-z]+)*: .+; expected .+\n")
"""``where: what; expected ...``, where a command that was typed wrongly is a place itself."""

RULE = """groups:
  - name: own
    rules:
      - alert: Own
        fault: loss_spike
        kind: threshold
        signal: train.loss
        above: 2.0
        severity: warning
        summary: high
        why: it is
        action: look
        source: chosen by hand
"""
BROKEN_RULES = {
    "misspelt.yaml": RULE.replace("above:", "abvoe:").replace("kind: threshold", "kind: threshold\n        below: 1"),
    "unit.yaml": RULE + "        for: 5 apples\n",
    "signal.yaml": RULE.replace("train.loss", "train.los"),
    "kindless.yaml": RULE.replace("kind: threshold", "kind: threshhold"),
    "no_yaml.yaml": "groups: [",
    "empty.yaml": "",
    "latin.yaml": RULE.replace("it is", "être").encode("latin-1"),
}

CHANCE = random.Random(1)
BINARY = {
    "random bytes": CHANCE.randbytes(20_000),
    "a torch checkpoint": b"PK\x03\x04\x00\x00\x08\x08\x00\x00run/data.pkl" + bytes(500),
    "a pickle": b"\x80\x04\x95\xf6\x01\x00\x00\x00\x00\x00\x00}\x94(" + CHANCE.randbytes(500),
    "a parquet file": b"PAR1\x15\x04\x15\x10" + CHANCE.randbytes(500),
    "a program": b"\x7fELF\x02\x01\x01" + bytes(500),
    "a picture": b"\x89PNG\r\n\x1a\n" + CHANCE.randbytes(500),
    "a database": b"SQLite format 3\x00" + bytes(500),
    "a zstandard file": b"\x28\xb5\x2f\xfd\x64" + CHANCE.randbytes(500),
    "an array of weights": struct.pack("<2000f", *(CHANCE.gauss(0, 0.02) for _ in range(2000))),
    "nothing but NULs": bytes(5_000),
}


@pytest.fixture(autouse=True)
def files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a good log, an old page, and everything that is neither."""
    write(folder / "run.log", HEALTHY)
    (folder / "STATUS.md").write_bytes(b"the old page\n")
    (folder / "alerts.jsonl").write_bytes(b'{"old": 1}\n')
    (folder / "empty.log").touch()
    (folder / "folder").mkdir()
    (folder / "random.log").write_bytes(BINARY["random bytes"])
    (folder / "no_gzip.log.gz").write_bytes(b"hello\n")
    for name, text in BROKEN_RULES.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def began(*_: object) -> None:
        raise AssertionError("the watch began")

    monkeypatch.setattr(Daemon, "run", began)
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return every path below a folder, and the bytes of those that are files."""
    paths = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


def refuse(command: str | list[str], *, where: str, stdin: bytes = b"") -> None:
    """Prove that a command says one clear line which names the place, ends with 2, and leaves every file alone."""
    before = contents(Path())
    said = monitor(*(shlex.split(command) if isinstance(command, str) else command), stdin=stdin)
    assert (said.code, said.out) == (2, "")
    assert ONE_LINE.fullmatch(said.err), said.err
    assert where in said.err
    assert contents(Path()) == before


@pytest.mark.parametrize(
    "command",
    [
        "watch {} --until-end --report STATUS.md --sink jsonl:alerts.jsonl",
        "replay {}",
        "replay run.log {} --json",
        "replay {} --now mtime",
        "report {} --out STATUS.md",
    ],
)
@pytest.mark.parametrize("log", ["missing.log", "folder", "random.log", "run.log/x"])
def test_a_log_that_is_none_is_refused(command: str, log: str):
    """A folder may be watched, for the logs in it; only not with one page for all of them."""
    refuse(command.format(log), where="--report: " if command.startswith("watch") and log == "folder" else f"{log}: ")


@pytest.mark.parametrize("command", ["replay {}", "report {} --out STATUS.md"])
@pytest.mark.parametrize("log", ["empty.log", "no_gzip.log.gz"])
def test_a_log_with_nothing_to_read_is_refused(command: str, log: str):
    refuse(command.format(log), where=f"{log}: ")


@pytest.mark.parametrize("kind", BINARY)
def test_a_binary_file_is_not_a_log(kind: str):
    Path("odd.log").write_bytes(BINARY[kind])
    refuse("watch odd.log --until-end", where="odd.log: is a binary file")


@pytest.mark.parametrize("command", ["watch odd.log --until-end", "replay odd.log", "report odd.log --out STATUS.md"])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_is_refused(command: str):
    Path("odd.log").write_bytes(joined(HEALTHY))
    Path("odd.log").chmod(0)
    refuse(command, where="odd.log: cannot be read")
    Path("odd.log").chmod(0o600)


@pytest.mark.parametrize("stdin", [b"", BINARY["random bytes"], BINARY["nothing but NULs"]])
def test_standard_input_is_held_to_the_same(stdin: bytes):
    refuse("replay -", where="-: is ", stdin=stdin)


@pytest.mark.parametrize(
    "place",
    ["folder", "no/such/folder/file", "run.log/file", "/proc/file", "/proc/self/fd"],
    ids=lambda place: place.replace("/", "_"),
)
@pytest.mark.parametrize(
    "command",
    ["report run.log --out {}", "watch run.log --until-end --report {}", "watch run.log --until-end --sink jsonl:{}"],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_done(command: str, place: str):
    refuse(command.format(place), where=f"{place}: cannot be written")


@pytest.mark.parametrize("place", ["run.log", "./run.log", "folder/../run.log", "link.log"])
@pytest.mark.parametrize(
    "command",
    ["report run.log --out {}", "watch run.log --until-end --report {}", "watch run.log --until-end --sink jsonl:{}"],
)
def test_nothing_is_written_over_the_log_itself(command: str, place: str):
    Path("link.log").symlink_to("run.log")
    refuse(command.format(place), where=f"{Path(place)} is the log itself")


@pytest.mark.parametrize("place", ["STATUS.md", "new.md"])
def test_the_page_and_the_alerts_cannot_share_a_file(place: str):
    """Each page would wipe out the alerts."""
    refuse(f"watch run.log --until-end --report {place} --sink jsonl:./{place}", where=place)


def test_an_empty_name_is_not_the_newest_log():
    """As an unset variable of a script gives it: the page would be of another run."""
    Path("_logs/training").mkdir(parents=True)
    write(Path("_logs/training/other.log"), HEALTHY)
    refuse("report '' --out STATUS.md", where=": ")


def test_a_folder_without_a_rule_file_is_refused():
    refuse("replay run.log --rules folder", where="folder: ")


@pytest.mark.parametrize("rules", [*BROKEN_RULES, "missing.yaml", "random.log"])
def test_a_broken_rule_file_is_refused_with_its_place(rules: str):
    refuse(f"rules check {rules}", where=rules)


@pytest.mark.parametrize(
    "command",
    [
        "rules list --rules {}",
        "replay run.log --rules {}",
        "report run.log --out STATUS.md --rules {}",
        "watch run.log --until-end --report STATUS.md --sink jsonl:alerts.jsonl --rules {}",
    ],
)
def test_a_broken_rule_file_stops_every_command(command: str):
    refuse(command.format("unit.yaml"), where="unit.yaml:14")


def test_every_mistake_of_a_rule_file_has_a_line_of_its_own():
    Path("bad.yaml").write_text(RULE.replace("above:", "abvoe:").replace("severity: warning", "severity: loud"))
    said = monitor("rules", "check", "bad.yaml", "missing.yaml")
    assert (said.code, said.out) == (2, "")
    places = [line.removeprefix("monitor: ").partition(": ")[0] for line in said.err.splitlines()]
    assert places[-1] == "missing.yaml"
    assert {"bad.yaml:8", "bad.yaml:9"} <= set(places)


@pytest.mark.parametrize(
    "time", ["yesterday", "''", "25:00", "2025-13-01", "99999-01-01", "2025-10-30T23:40:51Z+01:00", "1761867651"]
)
def test_a_time_that_is_none_is_refused(time: str):
    refuse(f"replay run.log --now {time}", where="--now")


def test_standard_input_has_no_time_of_last_change():
    refuse("replay - --now mtime", where="--now", stdin=joined(HEALTHY))


@pytest.mark.parametrize("duration", ["5", "'5 apples'", "s", "''", "-5s", "nans", "infs", "1e999s", "5min"])
def test_an_interval_that_is_none_is_refused(duration: str):
    refuse(f"watch run.log --until-end --report STATUS.md --every={duration}", where="--every")


@pytest.mark.parametrize("sink", ["nowhere", "jsonl:", ":x", "''"])
def test_an_unknown_receiver_is_refused(sink: str):
    refuse(f"watch run.log --until-end --sink {sink}", where="--sink")


@pytest.mark.parametrize(
    ("sink", "where"),
    [
        ("smtp:mail.example", "sink smtp: from is missing"),
        ("webhook:ftp://host/x", "sink webhook: not a web address: ftp://host/"),
        ("webhook:http:///x", "sink webhook: "),
        ("webhook:env:NO_SUCH_VARIABLE", "sink webhook: the variable 'NO_SUCH_VARIABLE' is not set"),
        ("webhook:credential:hook", "sink webhook: systemd passed no credentials"),
        ("webhook:file:no-such-file", "sink webhook: no-such-file cannot be read"),
        ("webhook:file:folder", "sink webhook: folder cannot be read"),
        ("webhook:file:open-secret", "sink webhook: other users can read open-secret (mode 0644)"),
        ("webhook:file:empty-secret", "sink webhook: empty-secret does not contain a secret"),
        ("command:no-such-program", "sink command: cannot find the program 'no-such-program'"),
        ("alertmanager:localhost:9093", "sink alertmanager: "),
        ("heartbeat:nonsense", "sink heartbeat: "),
    ],
)
def test_a_receiver_that_cannot_be_used_is_refused_before_anything_starts(
    sink: str, where: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name, text, mode in (("open-secret", "https://host/x", 0o644), ("empty-secret", "", 0o600)):
        Path(name).write_text(text)
        Path(name).chmod(mode)
    refuse(f"watch run.log --until-end --state state --sink {sink}", where=where)
    assert not Path("state").exists()


@pytest.mark.parametrize(
    ("command", "where"),
    [
        ("wtach run.log", "wtach"),
        ("rules lst", "lst"),
        ("watch run.log --until-edn", "--until-edn"),
        ("replay run.log --jsno", "--jsno"),
        ("report run.log --out", "--out"),
        ("--verbose", "--verbose"),
        ("replay", "LOG"),
        ("watch", "LOG"),
        ("rules check", "FILE"),
        ("watch run.log other.log", "other.log"),
        ("report run.log other.log", "other.log"),
    ],
)
def test_a_wrong_command_line_shows_what_is_expected(command: str, where: str):
    refuse(command, where=where)


@pytest.mark.parametrize("command", ["watch odd.log.gz", "replay odd.log.gz", "report odd.log.gz --out STATUS.md"])
def test_a_damaged_gzip_file_is_refused(command: str):
    whole = bytearray(_gzipped(joined(HEALTHY) * 50))
    whole[60:90] = b"\xff" * 30
    Path("odd.log.gz").write_bytes(whole)
    refuse(command, where="odd.log.gz: ")


@pytest.mark.parametrize("command", ["replay odd.log.gz --json", "report odd.log.gz --out STATUS.md"])
def test_a_gzip_file_that_breaks_off_is_refused(command: str):
    Path("odd.log.gz").write_bytes(_gzipped(random.Random(1).randbytes(50_000).hex().encode())[:-500])
    refuse(command, where="odd.log.gz: breaks off")


def test_a_gzip_file_cannot_be_followed():
    """A compressed log cannot grow, and its bytes are not lines."""
    Path("packed.log.gz").write_bytes(_gzipped(joined(HEALTHY)))
    refuse("watch packed.log.gz --until-end", where="packed.log.gz: ")


def test_without_any_log_a_report_names_where_it_looked():
    refuse("report --out STATUS.md", where="_logs/training/*.log")


def test_a_name_with_control_characters_cannot_act_on_the_terminal():
    for name in ("\x1b[2Jx.log", "two\nlines.log", "\u202egol.log"):
        said = monitor("replay", name, is_terminal=True)
        assert said.code == 2
        assert said.err.removesuffix("\n").isprintable()


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)
