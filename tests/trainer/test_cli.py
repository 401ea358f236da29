"""The `trainer` command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.trainer.runs import SMALL, make_panel
from trainer.cli import main
from trainer.settings import settings

FLAGS = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def invoke(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", [[], ["fit"], ["synth"], ["check"], ["predict"]])
def test_help_imports_neither_torch_nor_numpy(command: list[str]):
    code = (
        "import sys\nfrom trainer.cli import main\n"
        f"main({[*command, '--help']!r}, standalone_mode=False)\n"
        "sys.exit(bool({'torch', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_every_setting_has_an_option_with_its_sentence_and_variable():
    code, out, _ = invoke("fit", "--help")
    words = " ".join(out.split())
    assert code == 0
    for row in settings():
        assert f"--{row.name.replace('_', '-')} " in words
        assert " ".join(row.what.split()) in words
        assert row.env in words


def test_synth_check_and_fit_work_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = invoke("synth", "--out", "panel.parquet", "--codes", "12", "--days", "110", "--seed", "1")
    assert (code, out.strip()) == (0, "panel.parquet")
    code, out, _ = invoke("check", "--data", "panel.parquet")
    assert (code, out.splitlines()[-1].endswith("usable")) == (0, True)
    code, out, err = invoke("fit", "--data", "panel.parquet", "--log", "run.log", *FLAGS, "--epochs", "1")
    assert (code, out.strip()) == (0, "run.log")
    assert err.startswith("completed after 1 epochs")
    assert Path("run.log").read_text().count("Epoch 1/1: Train Loss=") == 1


def test_without_a_panel_a_synthetic_one_is_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = invoke("fit", "--codes", "12", "--days", "110", "--name", "own", *FLAGS, "--epochs", "1")
    assert code == 0
    assert Path("_data/synthetic_12x110_seed1.parquet").is_file()
    assert Path(out.strip()).parent == Path("_logs/training")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "missing.parquet"], "missing.parquet: cannot be read; expected a parquet, CSV or feather file"),
        (["--data", "."], "or a pattern, got a folder without"),
        (["--inject", "nonsense@1"], "unknown fault; expected one of"),
        (["--clip", "-1"], "clip: cannot be used; expected more than 0, got -1.0"),
        (["--config", "missing.toml"], "missing.toml: cannot be read; expected a YAML or TOML file"),
        (["--log", "."], ".: cannot be written; expected a log file"),
    ],
)
def test_bad_input_prints_one_line_and_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    code, out, err = invoke("fit", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_check_reports_why_fit_would_refuse_a_panel(tmp_path: Path):
    import pyarrow.parquet as pq

    panel = make_panel(tmp_path)
    table = pq.read_table(panel)
    pq.write_table(table.take([0, *range(len(table))]), panel)
    code, out, _ = invoke("check", "--data", str(panel))
    assert code == 1
    assert out.startswith("refuse: ")
    assert "1 rows repeat a (date, code)" in out


def test_a_run_that_fails_exits_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from trainer.training import loop

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(loop, "take_step", fail)
    panel = make_panel(tmp_path)
    code, out, err = invoke("fit", "--data", str(panel), "--log", str(tmp_path / "run.log"), *FLAGS)
    assert (code, out.strip()) == (1, str(tmp_path / "run.log"))
    assert err.startswith("failed after 0 epochs")
