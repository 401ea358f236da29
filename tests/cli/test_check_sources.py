"""`monitor check` by whatever way a log comes: packed, in a folder, from a pipe, in another encoding."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.command import monitor

TEXT = "第 1 轮 开始训练\r\n" + "".join(f"step {i} loss={2.5 - i / 100:.4f} lr=0.001 损失\r\n" for i in range(1, 41))


@pytest.mark.parametrize("way", ["plain", "gz", "folder", "standard input", "gbk", "utf-16"])
def test_check_says_the_same_of_a_log_by_every_way(way: str, tmp_path: Path):
    data = TEXT.encode(way if way in ("gbk", "utf-16") else "utf-8")
    log = tmp_path / ("run.log.gz" if way == "gz" else "run.log")
    log.write_bytes(gzip.compress(data) if way == "gz" else data)
    name = {"folder": str(tmp_path), "standard input": "-"}.get(way, str(log))
    done = monitor("check", name, "--json", stdin=data if name == "-" else b"")
    said = json.loads(done.out)
    assert (done.code, said["verdict"], said["lines"]) == (0, "ok", 41)
    assert {each: said["facts"][each] for each in ("step", "loss", "lr")} == {"step": 40, "loss": 2.1, "lr": 0.001}


def test_a_log_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path):
    (tmp_path / "a.log").write_text(TEXT)
    (tmp_path / "b.log").write_bytes(b"\x7fELF" + bytes(200))
    (tmp_path / "c.log").touch()
    done = monitor("check", tmp_path, "--json")
    assert [Path(each["log"]).name for each in done.objects()] == ["a.log"]
    assert done.code == 2
    assert "b.log: is a binary file" in done.err
    assert "c.log: is empty" in done.err
