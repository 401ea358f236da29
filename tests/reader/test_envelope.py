"""A log whose lines are in envelopes of JSON says what the log itself says, live as in one piece."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import api
from monitor.reader.envelope import opened
from tests.reader.facts import facts_of
from tests.reader.generated.log import log

Put = Callable[[str, int], dict[str, object]]
ENVELOPES: dict[str, Put] = {
    "docker": lambda line, n: {"log": line + "\n", "stream": "stdout", "time": f"2025-01-02T10:00:{n % 60:02d}.25Z"},
    "docker without a time": lambda line, n: {"log": line + "\n", "stream": "stderr"},
    "python-json-logger": lambda line, n: {"message": line, "levelname": "INFO", "name": "train", "lineno": 57},
    "zap": lambda line, n: {"level": "info", "ts": 1.75e9 + n, "caller": "train.go:51", "msg": line},
    "cloud": lambda line, n: {
        "insertId": f"a{n}",
        "jsonPayload": {"message": line, "process": 4711},
        "labels": {"pod": "train-0"},
    },
    "journald": lambda line, n: {"MESSAGE": line, "_PID": "4711", "__REALTIME_TIMESTAMP": "1750000000000000"},
}


def enveloped(text: str, put: Put) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "".join(json.dumps(put(line, n)) + "\n" for n, line in enumerate(lines))


def of_plain_lines(seeds: range) -> list[str]:
    texts = [log(seed).text.decode() for seed in seeds]
    return [text for text in texts if "\r" not in text and not text.startswith("{") and "\n{" not in text]


@pytest.mark.parametrize("name", ENVELOPES)
def test_what_is_known_is_what_the_bare_lines_say(name: str):
    put = ENVELOPES[name]
    for text in of_plain_lines(range(0, 120, 9)):
        assert facts_of(enveloped(text, put).encode()) == facts_of("\n".join(text.split("\n")).encode())


RECORDS = [
    {"message": "train step", "step": 10, "loss": 2.3},
    {"event": "epoch 3", "epoch": "3", "loss": "0.25"},
    {"msg": "eval", "metrics": {"acc": 0.5}},
    {"message": "a", "msg": "b 3"},
    {"log": ["loss 0.5"]},
    {"step": 3, "loss": 0.5},
]


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_an_object_with_figures_of_its_own_is_a_record(record: dict):
    data = json.dumps(record).encode()
    assert opened(data) is data


@pytest.mark.parametrize("broken", ['{"log": "step 3 loss 0.5"', '{"log": "a"} {"log": "b"}', '{"log": "x', "{}", "{"])
def test_what_is_no_object_stays_as_it_is(broken: str):
    assert opened(broken.encode()) == broken.encode()


@pytest.mark.parametrize("deep", ["[" * 20_000 + "]" * 20_000, '{"b":' * 5_000 + "1" + "}" * 5_000])
def test_an_object_too_deep_to_be_looked_into_stays_as_it_is_and_costs_no_alert(deep: str, tmp_path: Path):
    line = f'{{"log":"step 1 loss 2.3","a":{deep}}}'
    assert opened(line.encode()) == line.encode()
    path = tmp_path / "train.log"
    path.write_text(f"{line}\nstep 2 loss 2.2\n")
    assert api.read(path).alerts == ()


def test_the_level_and_the_time_of_the_envelope_come_before_the_line():
    said = {"severity": "error", "timestamp": "2025-01-02T10:00:00Z", "message": "\x1b[31mloss is nan\x1b[0m\n"}
    assert opened(json.dumps(said).encode()) == b"2025-01-02T10:00:00Z stdout F ERROR: loss is nan"


def test_a_bar_in_an_envelope_is_its_last_drawing():
    said = {"log": "\r 10%|# | 1/10\r 20%|## | 2/10 [00:01<00:02, 3.00it/s]"}
    assert opened(json.dumps(said).encode()) == b" 20%|## | 2/10 [00:01<00:02, 3.00it/s]"


OURS = "2026-05-28T20:26:40.000Z INFO [RUN] start run=a-1 pid=25008 host=m cmd=train.py attempt=1\n" + "".join(
    f"2026-05-28T20:26:{40 + n // 60:02d}.000Z INFO [TRAIN] epoch=1/1 batch={n}/400 step={n} loss={1 / n:.5f}\n"
    for n in range(1, 401)
)
THEIRS = "".join(f"step {n} loss {1 / n:.5f} lr 1.0e-03\n" for n in range(1, 401))


@pytest.mark.parametrize("text", [OURS, THEIRS], ids=["ours", "another trainer's"])
def test_a_long_log_in_envelopes_gives_the_same_alerts_and_values(text: str, tmp_path: Path):
    seen = []
    for folder, body in (("bare", text), ("put", enveloped(text, ENVELOPES["docker without a time"]))):
        path = tmp_path / folder / "train.log"
        path.parent.mkdir()
        path.write_text(body)
        read = api.read(path)
        seen.append((read.values, [alert.rule for alert in read.alerts]))
    assert seen[0] == seen[1]
    assert seen[0][0].loss == 0.0025
