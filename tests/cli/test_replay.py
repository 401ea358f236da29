"""``monitor replay``: whole logs, packed ones, piped ones, several at once."""

import gzip
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import LIMIT_S, Said, monitor
from tests.cli.logs import EPOCH_1, FOREIGN, HEALTHY, TROUBLED, joined, write
from tests.lines import START

KEYS = [
    "version",
    "id",
    "run",
    "log",
    "host",
    "attempt",
    "alert",
    "fault",
    "severity",
    "state",
    "at",
    "starts_at",
    "ends_at",
    "epoch",
    "step",
    "labels",
    "value",
    "threshold",
    "summary",
    "action",
    "reason",
    "needs",
    "evidence",
]
"""The JSON form of an alert; an explained one also names the alert that explains it."""


@pytest.fixture
def troubled(folder: Path) -> Said:
    """Return what a replay of a run says in which much goes wrong, as JSON."""
    write(folder / "run.log", TROUBLED)
    return monitor("replay", "run.log", "--json")


def test_each_line_is_strict_json_with_exactly_the_keys_of_an_alert(troubled: Said):
    assert len(troubled.objects()) > 8
    for each in troubled.objects():
        assert [key for key in each if key != "inhibited_by"] == KEYS
        assert each["version"] == 1
        assert all(list(line) == ["path", "line", "offset", "text"] for line in each["evidence"])


def test_the_alerts_of_a_run_are_printed_in_order(troubled: Said):
    times = [each["at"] for each in troubled.objects()]
    assert times == sorted(times)
    told = [(each["alert"], each["state"]) for each in troubled.objects()]
    assert [alert for alert, state in told if state == "firing" and alert != "TracebackSeen"] == [
        "GradientZero",
        "GradientZero",
        "GradientVanishing",
        "GradientVanishing",
        "TrainLossNonfinite",
        "ExcessiveResets",
        "TrainingStall",
        "GroupGradientVanishing",
        "RunFailed",
    ]
    explained = {each["alert"]: each["inhibited_by"] for each in troubled.objects() if "inhibited_by" in each}
    assert explained == {"GradientVanishing": "GradientZero", "GroupGradientVanishing": "GradientVanishing"}


def test_a_number_that_is_none_is_written_as_text(troubled: Said):
    values = [each["value"] for each in troubled.objects() if each["alert"] == "TrainLossNonfinite"]
    assert values == ["nan", 0.4]


def test_every_line_of_evidence_is_at_its_place(troubled: Said):
    """Line number and byte offset lead to the quoted text."""
    data = Path("run.log").read_bytes()
    for each in troubled.objects():
        assert each["evidence"]
        for line in each["evidence"]:
            assert line["path"] == "run.log"
            assert data[line["offset"] :].split(b"\n")[0].decode() == line["text"]
            assert data[: line["offset"]].count(b"\n") == line["line"] - 1


def test_a_summary_has_each_alert_once_as_it_stood_last(troubled: Said):
    last = {each["id"]: each for each in troubled.objects()}
    said = monitor("replay", "run.log", "--summary")
    assert said.objects() == list(last.values())


def test_a_healthy_run_has_no_json_at_all(folder: Path):
    write(folder / "run.log", HEALTHY)
    assert monitor("replay", "run.log", "--json") == Said(0, "", "")


def test_plain_output_names_the_alerts_with_their_lines_and_every_rule(folder: Path):
    write(folder / "run.log", TROUBLED)
    said = monitor("replay", "run.log")
    assert said.err == ""
    for alert in ("GradientZero", "TrainLossNonfinite", "ExcessiveResets", "TrainingStall", "RunFailed"):
        assert f"critical {alert} firing: " in said.out
    assert f"     run.log:8: {TROUBLED[7].decode()[:80]}" in said.out
    assert "fit-1 (run.log) on gpu1 · DIED at step 4, 2 of 2 epochs done" in said.out
    assert f"{len(TROUBLED) - 1} of {len(TROUBLED)} lines understood" in said.out
    for theme, alert in (("loss", "ValidationLossNonfinite"), ("gradients", "EncoderGradientZero")):
        assert re.search(rf"^✅ {theme}: .*\b{alert}\b.* \[line \d+\]$", said.out, re.MULTILINE)


# ---- where the bytes come from


@pytest.mark.parametrize("members", [1, 3])
def test_a_gzip_file_gives_the_output_of_the_plain_file(folder: Path, troubled: Said, members: int):
    data, size = joined(TROUBLED), len(joined(TROUBLED)) // members + 1
    packed = b"".join(gzip.compress(data[start : start + size]) for start in range(0, len(data), size))
    (folder / "run.log").unlink()
    (folder / "run.log.gz").write_bytes(packed)
    said = monitor("replay", "run.log.gz", "--json", "--name", "run.log")
    assert said == Said(troubled.code, troubled.out.replace('"run.log"', '"run.log.gz"'), "")


def test_standard_input_gives_the_output_of_the_file(troubled: Said):
    said = monitor("replay", "-", "--json", "--name", "run.log", stdin=joined(TROUBLED))
    assert said == Said(troubled.code, troubled.out.replace('"run.log"', '"-"'), "")


def test_a_named_pipe_loses_nothing(folder: Path, troubled: Said):
    """As the shell's ``<(zcat run.log.gz)`` makes one."""
    data = joined([*FOREIGN * 2_000, *TROUBLED])
    (folder / "whole.log").write_bytes(data)
    os.mkfifo("pipe")
    writer = threading.Thread(target=Path("pipe").write_bytes, args=(data,), daemon=True)
    writer.start()
    said = monitor("replay", "pipe", "--json", "--name", "whole.log")
    writer.join(LIMIT_S)
    assert said.out == monitor("replay", "whole.log", "--json").out.replace('"whole.log"', '"pipe"')


def test_a_last_line_without_an_end_counts(folder: Path, troubled: Said):
    (folder / "run.log").write_bytes(joined(TROUBLED).rstrip(b"\n"))
    assert monitor("replay", "run.log", "--json") == troubled


def test_windows_line_ends_change_the_offsets_alone(folder: Path, troubled: Said):
    (folder / "run.log").write_bytes(joined(TROUBLED).replace(b"\n", b"\r\n"))
    said = monitor("replay", "run.log", "--json")
    assert [_without_offsets(each) for each in said.objects()] == [
        _without_offsets(each) for each in troubled.objects()
    ]


def test_several_logs_are_printed_one_after_another(folder: Path, troubled: Said):
    write(folder / "other.log", TROUBLED)
    said = monitor("replay", "run.log", "other.log", "--json")
    assert said.out == troubled.out + troubled.out.replace('run.log"', 'other.log"')


def test_of_several_logs_each_part_names_its_log(folder: Path):
    """Two runs without an alert look alike otherwise."""
    write(folder / "a.log", HEALTHY)
    write(folder / "b.log", HEALTHY)
    out = monitor("replay", "a.log", "b.log").out
    assert 0 <= out.find("a.log") < out.find("b.log")


# ---- the time up to which silence is judged


def test_without_now_an_unfinished_log_is_not_judged_for_its_silence(folder: Path):
    write(folder / "run.log", EPOCH_1)
    said = monitor("replay", "run.log")
    assert said.code == 0
    assert "fit-1 (run.log) on gpu1 · no end seen; last line 23:40:57" in said.out
    assert "❔ TrainingStall: " in said.out


@pytest.mark.parametrize(
    ("now", "stalled"),
    [
        ("2025-10-30T23:45:57Z", []),
        ("2025-10-30T23:45:58Z", ["2025-10-30T23:45:57.000Z"]),
        ("2025-10-30T23:45:58", ["2025-10-30T23:45:57.000Z"]),
        ("2025-10-31T00:45:58+01:00", ["2025-10-30T23:45:57.000Z"]),
    ],
)
def test_silence_is_judged_up_to_now_which_is_utc_by_default(folder: Path, now: str, stalled: list[str]):
    """The log's last line is of 23:40:57."""
    write(folder / "run.log", EPOCH_1)
    said = monitor("replay", "run.log", "--json", "--now", now)
    assert [each["at"] for each in said.objects()] == stalled


def test_now_may_be_the_logs_last_change(folder: Path):
    log = write(folder / "run.log", EPOCH_1)
    os.utime(log, (START + 306, START + 306))
    assert monitor("replay", "run.log", "--json", "--now", "mtime").objects() == []
    os.utime(log, (START + 307, START + 307))
    [stall] = monitor("replay", "run.log", "--json", "--now", "mtime").objects()
    assert (stall["alert"], stall["state"]) == ("TrainingStall", "firing")


def test_a_stall_up_to_now_is_not_taken_back_by_the_summary(folder: Path):
    write(folder / "run.log", EPOCH_1)
    said = monitor("replay", "run.log", "--now", "2025-10-31T12:00:00Z")
    assert said.code == 1
    assert "critical TrainingStall firing" in said.out
    assert "❌ TrainingStall: " in said.out
    assert not re.search("^✅.*TrainingStall", said.out, re.MULTILINE)


def test_a_time_before_the_last_line_observes_no_silence(folder: Path):
    write(folder / "run.log", EPOCH_1)
    said = monitor("replay", "run.log", "--now", "2000-01-01")
    assert not re.search("^✅.*TrainingStall", said.out, re.MULTILINE)


# ---- rules


def test_a_folder_of_rules_is_read_and_a_rule_of_the_same_name_replaces(folder: Path):
    write(folder / "run.log", TROUBLED)
    (folder / "own").mkdir()
    (folder / "own/stall.yaml").write_text(
        """groups:
  - name: own
    rules:
      - alert: TrainingStall
        fault: stall_silent
        kind: stall
        silence: 1h
        severity: critical
        summary: "{reason}"
        why: it is
        action: look
        source: the test
"""
    )
    alerts = {each["alert"] for each in monitor("replay", "run.log", "--json", "--rules", "own").objects()}
    assert "TrainingStall" not in alerts
    assert "ExcessiveResets" in alerts


def _without_offsets(alert: dict[str, Any]) -> dict[str, Any]:
    return {**alert, "evidence": [{**line, "offset": 0} for line in alert["evidence"]]}
