"""A sample of a private log keeps its verdict and loses its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor import api
from monitor.reader.masking import Masker
from tests.cli.command import monitor
from tests.reader.dialects.logs import LOGS

SECRETS = (
    "loading /home/alice/projects/fusion-x/data_v3.parquet on node17.corp.quernstone.com (10.3.44.7)",
    "wandb: run brisk-otter-42 by Alice Liddell, id 8f3ac1d9e0",
    "2025-10-30 23:40:51,123 INFO acme.secretmodel: using tokenizer GrumpyTokenizer-xl",
)
WORDS = (
    "alice",
    "fusion",
    "corp",
    "quernstone",
    "otter",
    "Liddell",
    "acme",
    "secretmodel",
    "Grumpy",
    "10.3.44.7",
    "8f3ac1d",
)


def _masked(text: str) -> str:
    masker = Masker()
    return "\n".join(masker.masked(line) for line in text.splitlines()) + "\n"


def test_no_unknown_word_survives_and_a_word_is_always_masked_alike():
    text = _masked("\n".join(SECRETS))
    assert [word for word in WORDS if word.lower() in text.lower()] == []
    assert "23:40:51,123 INFO" in text
    one, other = _masked("zorp 1.5 quux 2.5\nzorp 1.4 quux 2.6").splitlines()
    assert re.sub(r"[\d.]+", "#", one) == re.sub(r"[\d.]+", "#", other)
    assert one.split()[0] != one.split()[2]


def test_numbers_of_any_form_and_our_own_lines_stay():
    for text in ("loss 3.1234567890123e-08 lr 12345678e-12 n 1.2k 45% 0,532 nan", "x=1.00000001e+03 b=False"):
        numbers = re.findall(r"[-+\d.,e%k]*\d[-+\d.,e%k]*", text)
        assert [each for each in numbers if each not in _masked(text)] == []
    ours = "2025-10-30T23:40:51.123Z INFO [WEIGHT-MONITOR] group=tok step=0 l2=0.459 update=0.0 ratio=0.0 unchanged=1.0"
    assert _masked(ours).split(" group=")[0] in ours


@pytest.mark.parametrize("name", LOGS)
def test_a_sample_comes_to_the_verdict_of_its_log(name: str, tmp_path: Path):
    text = LOGS[name] if isinstance(LOGS[name], str) else LOGS[name][0]
    (tmp_path / "my.log").write_text("\n".join(SECRETS) + "\n" + text)
    assert monitor("share", tmp_path / "my.log", "--out", tmp_path / "sample.log").code == 0
    logs = [api.read(tmp_path / each) for each in ("my.log", "sample.log")]
    assert logs[0].exit_code == logs[1].exit_code
    assert logs[0].values.loss == logs[1].values.loss
    assert {each.rule for each in logs[0].alerts} == {each.rule for each in logs[1].alerts}


@pytest.mark.parametrize(
    "death", ["torch.OutOfMemoryError: CUDA out of memory.", "ValueError: boom in fusion", "Killed"]
)
def test_a_death_is_one_in_the_sample(death: str, tmp_path: Path):
    lines = [f"step {step} loss {3 - step / 100:.3f}" for step in range(1, 40)]
    text = "\n".join(
        [*lines, "Traceback (most recent call last):", '  File "/home/alice/my.py", line 8, in fit', death]
    )
    (tmp_path / "my.log").write_text(text + "\n")
    (tmp_path / "sample.log").write_text(_masked(text))
    ends = [api.read(tmp_path / each).end for each in ("my.log", "sample.log")]
    assert (ends[0].ended, ends[0].cause) == (ends[1].ended, ends[1].cause)


def test_a_long_log_is_cut_in_its_middle_and_an_existing_file_is_kept(tmp_path: Path):
    (tmp_path / "my.log").write_text("".join(f"step {step} loss 1.0\n" for step in range(100)))
    said = monitor("share", tmp_path / "my.log", "--lines", "4").out
    assert said.splitlines() == [f"step {step} loss 1.0" for step in (0, 1, 98, 99)]
    (tmp_path / "sample.log").write_text("mine")
    assert monitor("share", tmp_path / "my.log", "--out", tmp_path / "sample.log").code == 2
