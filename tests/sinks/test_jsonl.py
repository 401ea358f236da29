"""The JSON-lines sink: only whole lines, none twice, even after a kill or a full disk tore one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.alert import Alert, Parcel
from monitor.base.errors import SinkError
from monitor.notify import Delivery
from monitor.sinks.jsonl import JsonLines, json_line
from tests.cli.logs import TROUBLED
from tests.cli.watching import SHIPPED
from tests.lines import numbered, pipeline


@pytest.fixture(scope="module")
def alerts() -> list[Alert]:
    """Return the first three transitions of a troubled run."""
    watch = pipeline(SHIPPED)
    return [alert for line in numbered(TROUBLED) for alert in watch.take(line)][:3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.jsonl"


def lines(path: Path) -> list[str]:
    text = path.read_text()
    assert text.endswith("\n")
    return text.splitlines()


def test_each_alert_is_appended_as_one_line(path: Path, alerts: list[Alert]) -> None:
    path.write_text('{"of": "another program"}\n')
    sink = JsonLines(path)
    sink.send(alerts[:2])
    sink.send(alerts[2:])
    assert lines(path) == ['{"of": "another program"}', *map(json_line, alerts)]


@pytest.mark.parametrize("torn", [1, 100, -1])
def test_a_torn_line_is_completed_by_the_second_delivery(path: Path, alerts: list[Alert], torn: int) -> None:
    whole = f"{json_line(alerts[0])}\n{json_line(alerts[1])}\n"
    path.write_text(whole[: len(whole) - len(json_line(alerts[1])) - 1] + json_line(alerts[1])[:torn])
    sink = JsonLines(path)
    sink.send(sink.missing(alerts[:2]))
    assert lines(path) == [json_line(alerts[0]), json_line(alerts[1])]


def test_a_torn_line_of_another_program_is_closed_first(path: Path, alerts: list[Alert]) -> None:
    path.write_text('{"of": "anoth')
    JsonLines(path).send(alerts[:1])
    assert lines(path) == ['{"of": "anoth', json_line(alerts[0])]


def test_a_torn_line_longer_than_a_block_is_seen_whole(path: Path, alerts: list[Alert]) -> None:
    path.write_text("x" * 200_000)
    JsonLines(path).send(alerts[:1])
    assert lines(path) == ["x" * 200_000, json_line(alerts[0])]


def test_alerts_that_arrived_before_a_kill_are_not_duplicated(path: Path, alerts: list[Alert]) -> None:
    """The outbox still has all three: the kill came after two were delivered but before that was recorded."""
    JsonLines(path).send(alerts[:2])
    left = [Parcel(number, "file", alert) for number, alert in enumerate(alerts, 1)]
    delivery = Delivery({"file": JsonLines(path)}, left)
    assert delivery.send(0.0) == []
    assert lines(path) == [json_line(alert) for alert in alerts]
    assert sorted(delivery.settled()) == [1, 2, 3]


def test_a_file_that_cannot_be_written_is_a_temporary_failure(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written") as caught:
        JsonLines(tmp_path)
    assert not caught.value.permanent


def test_alerts_wait_while_the_disk_is_full_and_are_then_written_once(tmp_path: Path, alerts: list[Alert]) -> None:
    """/dev/full refuses every write, as a full disk does."""
    link = tmp_path / "alerts.jsonl"
    link.symlink_to("/dev/full")
    delivery = Delivery({"file": JsonLines(link)})
    delivery.add(alerts)
    [error] = delivery.send(0.0)
    assert "No space left" in str(error)
    link.unlink()
    assert delivery.send(0.5) == []
    assert not link.exists()
    assert delivery.send(1.0) == []
    assert [json.loads(line)["id"] for line in lines(link)] == [alert.id for alert in alerts]
    assert delivery.num_waiting == 0
