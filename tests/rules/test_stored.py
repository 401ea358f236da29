"""Rules that were read are kept for the next start: the same rules, only as long as nothing changed, only our own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.base import cache
from monitor.base.errors import Problems
from monitor.rules import Rule, file, load_rules, stored
from monitor.rules.choice import shipped_rule_files


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder of a user who has started nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(file, "_known", {})
    return tmp_path / "trainwarden"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Return a rule file of a user's."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(next(each for each in shipped_rule_files() if each.name == "resources.yaml").read_bytes())
    return path


def restarted(path: Path, monkeypatch: pytest.MonkeyPatch, *, may_read: bool) -> list[Rule]:
    """Return the rules of a file as another process reads it; without ``may_read`` it must not read YAML."""
    monkeypatch.setattr(file, "_known", {})
    with monkeypatch.context() as patch:
        if not may_read:
            patch.setattr(file, "YamlFile", lambda *_: pytest.fail("the file was read again"))
        return load_rules([path])


@pytest.mark.parametrize("path", shipped_rule_files(), ids=lambda path: path.stem)
def test_rules_are_made_again_as_they_were(path: Path):
    for rule, _ in file._rules_of(path)[0]:
        made = stored.made_of(json.loads(json.dumps(stored.json_of(rule))))
        assert made == rule
        assert made.condition.model_fields_set == rule.condition.model_fields_set
        assert made.condition.in_words() == rule.condition.in_words()


def test_a_file_that_did_not_change_is_not_read_again(rules: Path, monkeypatch: pytest.MonkeyPatch):
    first = load_rules([rules])
    assert restarted(rules, monkeypatch, may_read=False) == first


def test_a_file_that_changed_is_read_again(rules: Path, monkeypatch: pytest.MonkeyPatch):
    load_rules([rules])
    rules.write_text(rules.read_text().replace("severity: warning", "severity: info"))
    assert "warning" not in {rule.severity for rule in restarted(rules, monkeypatch, may_read=True)}


def test_other_code_reads_the_file_again(rules: Path, monkeypatch: pytest.MonkeyPatch):
    load_rules([rules])
    monkeypatch.setattr(cache, "code_stamp", lambda packages: b"other")
    monkeypatch.setattr(file, "_known", {})
    assert file._kept(rules, file._key(rules)) is None


def test_files_read_once_do_not_fill_the_folder(tmp_path: Path, folder: Path):
    for number in range(3 * cache.MOST_DOCUMENTS):
        cache.keep(tmp_path / f"{number}.yaml", "key", number)
        assert len(list(folder.iterdir())) <= cache.MOST_DOCUMENTS
    assert cache.kept(tmp_path / f"{number}.yaml", "key") == number


def _cut(kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:-10])


def _of_unknown_types(kept: Path) -> None:
    kept.write_text(kept.read_text().replace('"Trend"', '"Popen"'))


def _writable(kept: Path) -> None:
    kept.chmod(0o666)


def _link(kept: Path) -> None:
    kept.rename(kept.with_suffix(".real"))
    kept.symlink_to(kept.with_suffix(".real"))


def _pipe(kept: Path) -> None:
    kept.unlink()
    os.mkfifo(kept)


@pytest.mark.parametrize("spoil", [_cut, _of_unknown_types, _writable, _link, _pipe, Path.unlink])
def test_what_is_not_surely_ours_and_whole_is_not_used(
    rules: Path, folder: Path, spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
):
    first = load_rules([rules])
    [kept] = folder.iterdir()
    spoil(kept)
    monkeypatch.setattr(file, "_known", {})
    assert file._kept(rules, file._key(rules)) is None
    assert restarted(rules, monkeypatch, may_read=True) == first


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_no_problem(rules: Path, tmp_path: Path):
    tmp_path.chmod(0o500)
    assert load_rules([rules])
    tmp_path.chmod(0o700)


def test_a_cache_that_is_a_file_is_no_problem(rules: Path, folder: Path):
    folder.write_text("in the way")
    assert load_rules([rules])


def test_a_folder_that_others_may_write_is_not_used(rules: Path, folder: Path):
    folder.mkdir()
    folder.chmod(0o777)
    assert load_rules([rules])
    assert list(folder.iterdir()) == []


def test_a_file_with_a_problem_is_not_kept(rules: Path, folder: Path):
    rules.write_text(rules.read_text() + "\nmore: 1\n")
    with pytest.raises(Problems):
        load_rules([rules])
    assert not folder.exists()
