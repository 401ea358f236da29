"""Files of records become lines: a trainer's state, lists and tables in JSON, TensorBoard's events; also live."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import pytest

from monitor import api
from monitor.base.errors import LogError
from monitor.tail.linebuffer import Line
from monitor.tail.logset import LogSet
from monitor.tail.records import record_lines
from monitor.tail.recordtail import QUIET_S, KnownRecords, RecordTail
from monitor.tail.source import FileChange, Notice
from monitor.tail.tfevents import Scalar, event_records


def state(steps: int, *, bad: str = "") -> str:
    """Return a Hugging Face trainer's state after so many logged steps."""
    history: list[dict[str, object]] = []
    for number in range(1, steps + 1):
        loss: object = float("nan") if bad and number > 8 else round(2 * 0.9**number, 4)
        history.append(
            {"epoch": number / 4, "grad_norm": 1.1, "learning_rate": 1e-05, "loss": loss, "step": 10 * number}
        )
        if number % 4 == 0:
            history.append({"epoch": number / 4, "eval_loss": round(2 * 0.9**number, 4), "step": 10 * number})
    return json.dumps({"global_step": 10 * steps, "log_history": history, "num_train_epochs": 10}, indent=2)


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out, value = out + bytes((value & 0x7F | 0x80,)), value >> 7
    return out + bytes((value,))


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step: int, tag: str, value: float, *, as_tensor: bool = False) -> bytes:
    """Return a framed event with one scalar, in the old form or as a tensor."""
    tensor = b"\x08\x01" + field(4, struct.pack("<f", value))
    number = field(8, tensor) if as_tensor else varint(2 << 3 | 5) + struct.pack("<f", value)
    body = (
        b"\x09"
        + struct.pack("<d", 1.7e9)
        + b"\x10"
        + varint(step)
        + field(5, field(1, field(1, tag.encode()) + number))
    )
    return struct.pack("<Q", len(body)) + b"\0" * 4 + body + b"\0" * 4


def events(steps: int) -> bytes:
    return b"".join(
        event(10 * number, "train/loss", 2 * 0.9**number) + event(10 * number, "val/acc", 0.5, as_tensor=True)
        for number in range(1, steps + 1)
    )


def test_a_trainers_state_is_read_as_its_log_with_the_number_of_the_record(tmp_path: Path):
    (tmp_path / "trainer_state.json").write_text(state(12))
    log = api.read(tmp_path / "trainer_state.json")
    assert (log.values.step, log.values.loss, log.values.val_loss) == (120, 0.5649, 0.5649)
    assert log.snapshot.run.attempt.of("train.loss")[()].last.evidence.line == 14


def test_a_loss_that_is_nan_in_a_state_fires(tmp_path: Path):
    (tmp_path / "trainer_state.json").write_text(state(12, bad="nan"))
    assert "TrainLossNonfinite" in {alert.rule for alert in api.read(tmp_path / "trainer_state.json").alerts}


@pytest.mark.parametrize(
    "document",
    [
        [{"epoch": each, "train_loss": 1 / each, "val_loss": 1.1 / each} for each in range(1, 6)],
        {"loss": [1 / each for each in range(1, 6)], "val_loss": [1.1 / each for each in range(1, 6)]},
    ],
)
def test_a_list_and_a_table_in_json_have_one_report_per_epoch(document, tmp_path: Path):
    (tmp_path / "history.json").write_text(json.dumps(document, indent=1))
    log = api.read(tmp_path / "history.json")
    assert (log.values.epoch, log.values.loss, log.values.val_loss) == (5, 0.2, 1.1 / 5)


def test_json_that_is_no_list_of_records_stays_text():
    for text in (b'{"loss": 1}\n{"loss": 2}\n', b'{"lr": 0.1, "betas": [1, 2]}', b"[1, 2, 3]", b"{"):
        stream = io.BytesIO(text)
        assert record_lines("metrics.json", stream) is None
        assert stream.read() == text


def test_events_of_one_step_are_one_report(tmp_path: Path):
    path = tmp_path / "events.out.tfevents.1700000000.host.1.0"
    path.write_bytes(events(12))
    log = api.read(path)
    assert log.values.step == 120
    assert log.values.loss == pytest.approx(2 * 0.9**12)
    assert log.values.metrics == {"acc": {"val": 0.5}}
    assert log.snapshot.run.lines == 12


@pytest.mark.parametrize("num_behind", [0, 1])
def test_the_closing_summary_of_a_training_is_no_report_of_its_last_step(tmp_path: Path, num_behind: int):
    """Hugging Face writes the mean loss of the whole training as train/train_loss, at the last step, then the epoch."""
    closing = (("train/epoch", 3.0), ("train/train_runtime", 9.0), ("train/train_loss", 1.4))
    path = tmp_path / "events.out.tfevents.1700000000.host.1.0"
    data = events(12) + event(120, "train/epoch", 3.0) + b"".join(event(120, tag, value) for tag, value in closing)
    path.write_bytes(data + event(120, "train/epoch", 3.0) * num_behind)
    log = api.read(path)
    assert log.values.loss == pytest.approx(2 * 0.9**12)
    assert log.end.ended == "completed"


def scalars(data: bytes, *, is_patient: bool = False) -> list[Scalar]:
    return [each for record in event_records("x", io.BytesIO(data), is_patient=is_patient) for each in record.scalars]


def test_events_may_end_within_a_record_but_not_hold_anything_else():
    whole = events(3)
    for end in range(len(whole)):
        assert scalars(whole[:end]) == scalars(whole)[: len(scalars(whole[:end]))]
    broken = struct.pack("<Q", 4) + b"\0" * 4 + b"\xff\xff\xff\xff" + b"\0" * 4
    with pytest.raises(LogError, match="record at byte 0 is not an event"):
        scalars(broken)
    assert scalars(broken + whole, is_patient=True) == scalars(whole)


def framed(body: bytes) -> bytes:
    return struct.pack("<Q", len(body)) + b"\0" * 4 + body + b"\0" * 4


@pytest.mark.parametrize(
    "body",
    [
        b"\x10" + b"\xff" * 900_000 + b"\x01",
        b"\x10" + b"\x80" * 11 + b"\x01",
        b"\x2a" + b"\xff" * 9 + b"\x7f",
        b"\xff" * 99,
    ],
    ids=["a number of 6 million bits", "of 77 bits", "a length beyond the end", "no field"],
)
def test_a_hostile_record_of_events_takes_no_time_and_hides_none_behind_it(body: bytes):
    assert scalars(framed(body) + events(2), is_patient=True) == scalars(events(2))


def test_a_record_of_images_is_passed_over_and_a_step_may_be_negative():
    large, below = framed(field(5, b"\0" * (2 << 20))), event((1 << 64) - 3, "loss", 1.0)
    assert scalars(large + below) == [Scalar(-3, "loss", 1.0)]


def test_of_events_only_what_was_added_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "events.out.tfevents.1.host"
    tail = RecordTail(str(path))
    path.write_bytes(events(50))
    assert len(taken(tail, 0.0)) == 49
    path.write_bytes(b"\0" * len(events(50)) + events(52)[len(events(50)) :])
    assert [json.loads(each)["step"] for each in taken(tail, 1.0)] == [500, 510]


@pytest.mark.parametrize("name", ["trainer_state.json", "events.out.tfevents.1.host"])
@pytest.mark.parametrize("while_away", [0, 3])
def test_a_watch_that_is_started_again_goes_on_behind_the_records_that_it_has_read(
    tmp_path: Path, name: str, while_away: int
):
    path, first = tmp_path / name, KnownRecords()
    write = (
        (lambda steps: path.write_bytes(events(steps))) if "tfevents" in name else (lambda n: path.write_text(state(n)))
    )
    seen: list[Line] = []
    for steps, more in ((7, 0), (7 + while_away, 2)):
        tail = RecordTail(str(path), first)
        for number, now in ((steps, 0.0), (steps + more, 1.0), (steps + more, 2.0 + QUIET_S)):
            if now < QUIET_S:
                write(number)
            found = tail.poll(now)
            assert not [each for each in found if isinstance(each, Notice)]
            seen += [each for each in found if isinstance(each, Line)]
        first = KnownRecords(seen[-1].number, seen[-1].data.decode())
    assert [each.number for each in seen] == list(range(1, len(seen) + 1))
    steps = [json.loads(each.data)["step"] for each in seen if b"eval_loss" not in each.data]
    assert steps == [10 * number for number in range(1, 7 + while_away + 3)]


def test_another_document_at_the_start_of_a_watch_is_read_from_its_start(tmp_path: Path):
    path = tmp_path / "trainer_state.json"
    path.write_text(state(5))
    found = RecordTail(str(path), KnownRecords(3, '{"step": 1}')).poll(0.0)
    assert isinstance(found[0], Notice)
    assert len(found) == 7


def taken(tail: RecordTail, now: float) -> list[str]:
    return [each.data.decode() for each in tail.poll(now) if not isinstance(each, Notice)]


def test_a_rewritten_file_gives_only_the_records_that_are_new(tmp_path: Path):
    path = tmp_path / "trainer_state.json"
    tail = RecordTail(str(path))
    assert taken(tail, 0.0) == []
    path.write_text(state(3))
    first = taken(tail, 1.0)
    path.write_text(state(5)[:200])
    assert taken(tail, 2.0) == []  # it is just being written
    path.write_text(state(5))
    assert [json.loads(each).get("step") for each in (*first, *taken(tail, 3.0))] == [10, 20, 30, 40, 40, 50]
    assert taken(tail, 4.0) == []


def test_another_content_is_a_new_version_of_the_same_file(tmp_path: Path):
    path = tmp_path / "trainer_state.json"
    tail = RecordTail(str(path))
    path.write_text(state(5))
    tail.poll(0.0)
    path.write_text(state(2))
    found = tail.poll(1.0)
    assert isinstance(found[0], Notice)
    assert found[0].change is FileChange.TRUNCATED
    assert len(found) == 3


def test_the_newest_step_of_events_waits_for_its_other_figures(tmp_path: Path):
    path = tmp_path / "events.out.tfevents.1.host"
    tail = RecordTail(str(path))
    path.write_bytes(event(10, "train/loss", 1.0))
    assert taken(tail, 0.0) == []
    path.write_bytes(event(10, "train/loss", 1.0) + event(10, "lr", 0.5))
    assert taken(tail, 1.0) == []
    assert [json.loads(each) for each in taken(tail, 1.0 + QUIET_S)] == [{"step": 10, "train/loss": 1.0, "lr": 0.5}]


def test_a_folder_has_its_text_logs_and_its_files_of_records(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a/trainer_state.json", "a/config.json", "b/metrics.csv", "b/train.log"):
        (tmp_path / name).write_text("{}")
    found = LogSet([str(tmp_path)]).found()
    assert [str(Path(each).relative_to(tmp_path)) for each in found] == [
        "a/trainer_state.json",
        "b/metrics.csv",
        "b/train.log",
    ]


def test_a_state_that_grows_is_followed_and_its_nan_fires_live(tmp_path: Path):
    path = tmp_path / "trainer_state.json"
    path.write_text(state(6))
    with api.follow(path) as followed:
        assert followed.poll() == []
        path.write_text(state(12, bad="nan"))
        assert "TrainLossNonfinite" in {alert.rule for alert in followed.poll()}
        assert followed.log.values.step == 120


def test_columns_grouped_by_what_they_were_measured_on_are_rows_of_their_rounds(tmp_path: Path):
    rounds = {split: {"rmse": [round(0.9**number + offset, 4) for number in range(12)]} for split, offset in SPLITS}
    (tmp_path / "metrics.json").write_text(json.dumps(rounds))
    log = api.read(tmp_path / "metrics.json")
    assert log.values.metrics == {"rmse": {"train": 0.3138, "val": 0.4138}}
    assert (log.values.epochs_done or log.values.epoch, log.exit_code) == (12, 0)


SPLITS = (("train", 0.0), ("val", 0.1))


@pytest.mark.parametrize("document", ['{"a": []}', '{"a": {}}', '{"a": {"b": [1]}, "c": 2}', '{"a": [1], "b": [1, 2]}'])
def test_what_is_no_table_is_no_file_of_records(document: str):
    assert record_lines("metrics.json", io.BytesIO(document.encode())) is None
