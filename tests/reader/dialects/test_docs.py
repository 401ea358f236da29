"""The walk through writing a dialect works as it stands on the page."""

import re
from pathlib import Path

import pytest

from tests.cli.command import monitor

PAGE = (Path(__file__).parents[3] / "docs" / "dialects.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two files of the page, in the current folder."""
    [log], [dialect] = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("text", "yaml"))
    (tmp_path / "my.log").write_text(log)
    (tmp_path / "my_trainer.yaml").write_text(dialect)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_of_the_walk_prints_what_the_page_shows(folder: Path):
    for session in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for part in session.split("$ monitor ")[1:]:
            command, _, shown = part.partition("\n")
            assert monitor(*command.split()).out == shown


def test_the_walk_ends_with_the_loss_found_on_its_line(folder: Path):
    done = monitor("replay", "my.log", "--dialect", "my_trainer.yaml")
    assert done.code == 1
    assert re.search(r"TrainLossNonfinite firing.*\n +my\.log:6: ", done.out)


@pytest.fixture
def words(folder: Path) -> Path:
    """The vocabulary file of the page, beside its log."""
    [text] = re.findall(r"```yml\n(.*?)```", PAGE, re.DOTALL)
    (folder / "my_words.yml").write_text(text)
    return folder


def test_the_words_of_the_page_are_right_and_read_its_log(words: Path):
    assert monitor("dialects", "check", "my_words.yml").out == "my_words.yml: a vocabulary: ok\n"
    done = monitor("dialects", "test", "my_words.yml", "@ tick 20 | crit 2.3102 | gn 1.52")
    assert done.out == "@ tick 20 | crit 2.3102 | gn 1.52\n    loss (train)=2.3102, grad_norm=1.52\n"
    replayed = monitor("replay", "my.log", "--vocabulary", "my_words.yml")
    assert replayed.code == 1
    assert re.search(r"TrainLossNonfinite firing.*\n +my\.log:6: ", replayed.out)


def test_a_watch_file_names_the_words_too(words: Path):
    (words / "watch.yaml").write_text("logs: [my.log]\nvocabulary: [my_words.yml]\n")
    done = monitor("report", "my.log", "--config", "watch.yaml")
    assert "5 understood" in done.out
    assert "0 understood" in monitor("report", "my.log").out
