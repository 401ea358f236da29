"""What a person at the command line hears of dialects: which one, how much is understood, and when nothing is."""

import json
from pathlib import Path

import pytest

from tests.cli.command import monitor
from tests.reader.dialects.logs import HF, NANOGPT


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "run.log"
    path.write_text(NANOGPT)
    return path


def test_replay_report_and_explain_say_the_dialect_and_how_much_was_understood(log: Path):
    assert "31 of 31 lines understood (dialect nanogpt, detected in line 1)" in monitor("replay", log).out
    assert "31 understood (dialect nanogpt)" in monitor("report", log).out
    said = json.loads(monitor("dialects", "explain", log, "--json").out)
    assert (said["dialect"], said["kinds"]) == ("nanogpt", {"nanogpt:report": 31})


def test_explain_ends_with_3_where_nothing_is_understood(tmp_path: Path):
    (tmp_path / "prose.log").write_text("the weather is fine\n" * 30)
    done = monitor("dialects", "explain", tmp_path / "prose.log")
    assert done.code == 3
    assert "30  100 %  line 1  the weather is fine" in done.out


def test_a_dialect_that_only_names_a_log_reads_it_by_the_vocabulary_whatever_the_log(log: Path):
    assert "31 of 31 lines understood (dialect keras" in monitor("replay", log, "--dialect", "keras").out
    assert "31 of 31" in monitor("replay", log, "--dialect", "nanogpt").out
    assert "0 of 31" in monitor("replay", log, "--dialect", "native").out


def test_source_code_and_settings_above_a_log_do_not_count_against_it(tmp_path: Path):
    code = (
        "import torch\nfrom torch import nn\n\ndef train(model):\n    for batch in data:\n        loss = model(batch)\n"
    )
    path = tmp_path / "modded.log"
    path.write_text(code * 40 + "Namespace(lr=0.1, steps=300)\n" + NANOGPT)
    said = json.loads(monitor("dialects", "explain", path, "--json").out)
    assert (said["lines"], said["understood"], said["asides"]) == (232, 232, 201)
    path.write_text(code * 40)
    assert monitor("dialects", "explain", path).code == 3


def test_explain_shows_a_shape_with_its_share_what_it_may_be_and_the_doubt(tmp_path: Path):
    (tmp_path / "odd.log").write_text("zorp 5 loss 2.25 1.1\n" * 3 + "so be it\n")
    said = json.loads(monitor("dialects", "explain", tmp_path / "odd.log", "--json").out)
    assert [(shape["words"], shape["share"]) for shape in said["shapes"]] == [
        ("zorp # loss # #", 0.75),
        ("so be it", 0.25),
    ]
    assert said["shapes"][0]["doubt"]


def test_rules_that_cannot_apply_are_listed_once(log: Path):
    [line] = [line for line in monitor("replay", log).out.splitlines() if line.startswith("➖")]
    assert "rules do not apply to this log; monitor doctor" in line


def test_doctor_names_no_rule_blind_whose_lines_this_trainer_cannot_write(log: Path):
    said = [json.loads(line) for line in monitor("doctor", log, "--json").out.splitlines()]
    [weights] = [each for each in said if each["alert"] == "NoUpdate"]
    assert (weights["state"], weights["reason"]) == ("off", "this trainer does not log it")


@pytest.mark.parametrize(
    ("yaml", "what"),
    [
        ("dialect: x\n", "x.yaml:1: has no lines"),
        ("lines: [{}]\ndialect: x\n", "no name"),
        (
            "dialect: x\nlines:\n  - {name: a, event: dance, like: a, pattern: a, samples: [{line: a}]}\n",
            "x.yaml:3: event: 'dance'",
        ),
        (
            "dialect: x\nlines:\n  - {name: a, event: known, like: a, pattern: '(a', samples: [{line: a}]}\n",
            "x.yaml:3: pattern: ",
        ),
        (
            "dialect: x\nlines:\n  - {name: a, event: known, like: a, pattern: 'a*', samples: [{line: a}]}\n",
            "fits every line",
        ),
        (
            "dialect: x\nlines:\n"
            "  - {name: a, event: train, like: a, pattern: 'a (?P<lass>.)', samples: [{line: a 1}]}\n",
            "train has no field 'lass'",
        ),
        (
            "dialect: x\nlines:\n  - name: a\n    event: train\n    like: a\n    pattern: 'a (?P<loss>.)'\n"
            "    samples:\n      - {line: a 1, gives: {loss: 2}}\n",
            "x.yaml:8: a reads loss as '1'; expected '2'",
        ),
        (
            "dialect: x\nlines:\n  - name: a\n    event: known\n    like: a\n    pattern: a\n"
            "    samples: [{line: a}]\n    refuses:\n      - ab\n",
            "x.yaml:9: a matches 'ab'; expected no match",
        ),
    ],
)
def test_a_dialect_file_that_is_wrong_is_refused_with_its_line(tmp_path: Path, log: Path, yaml: str, what: str):
    path = tmp_path / "x.yaml"
    path.write_text(yaml)
    for done in (monitor("dialects", "check", path), monitor("replay", log, "--dialect", path)):
        assert done.code == 2
        assert what in done.err
        assert "Traceback" not in done.err


def test_a_dialect_that_nobody_knows_is_refused_with_those_there_are(log: Path):
    done = monitor("replay", log, "--dialect", "cobol")
    assert done.code == 2
    assert "expected native, atft, hf-trainer" in done.err


def test_test_prints_what_is_read_from_each_line():
    path = Path(__file__).parents[3] / "rules" / "dialects" / "atft.yaml"
    done = monitor("dialects", "test", path, "[Loss@100] total=0.3504 | horizon_1=0.2000", "so what")
    assert done.code == 1
    assert "train by loss-parts: step=100, loss=0.3504" in done.out
    assert "so what\n    no pattern matches" in done.out


def test_test_says_which_lines_bear_a_mark():
    done = monitor("dialects", "test", Path(__file__).parents[3] / "rules" / "dialects" / "marks.yaml")
    assert done.code == 0
    assert "step:20/6000 train_loss:7.1 train_time:26000ms step_avg:260.00ms\n    a mark of nanogpt\n" in done.out


def test_a_watch_says_once_which_dialect_it_took(tmp_path: Path):
    path = tmp_path / "hf.log"
    path.write_text(HF)
    done = monitor("watch", path, "--until-end", "--plain")
    assert done.code == 0
    [line] = [line for line in done.err.splitlines() if "dialect hf-trainer" in line]
    assert line.startswith(f"monitor: {path}: ")
