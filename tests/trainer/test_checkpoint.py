"""The checkpoint folder: complete files, checked files, one owner."""

import fcntl
import os
from pathlib import Path

import pytest
import torch

from trainer.checkpoint import (
    CheckpointError,
    CheckpointFolder,
    CheckpointHeld,
    Identity,
    read_checkpoint,
    read_identity,
)

OURS = Identity("run-1", 1)


def state_at(step: int) -> dict:
    return {"model": {"w": torch.full((3,), float(step))}}


def folder_at(path: Path, *, keep: int = 2) -> CheckpointFolder:
    return CheckpointFolder(path, OURS, keep=keep)


def test_a_saved_state_is_read_back(tmp_path: Path):
    with folder_at(tmp_path / "c") as folder:
        saved = folder.save(state_at(20), epoch=2, step=20)
        found = folder.latest()
    assert found.file == saved
    assert torch.equal(found.state["model"]["w"], torch.full((3,), 20.0))
    assert saved.num_bytes == saved.path.stat().st_size


def test_the_newest_checkpoints_and_the_best_are_kept(tmp_path: Path):
    with folder_at(tmp_path, keep=2) as folder:
        for step in (1, 2, 3, 4):
            folder.save(state_at(step), epoch=0, step=step, is_best=step == 1)
        steps = [read_checkpoint(path)["step"] for path in folder.files()]
    assert steps == [3, 4]
    assert read_checkpoint(tmp_path)["step"] == 1
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "foreign"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_used(tmp_path: Path, damage: str):
    with folder_at(tmp_path) as folder:
        folder.save(state_at(1), epoch=0, step=1)
        path = folder.save(state_at(2), epoch=0, step=2).path
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        broken = {"flip": bytes(content), "cut": bytes(content[:-7]), "empty": b"", "foreign": b"PK\x03\x04 other"}
        path.write_bytes(broken[damage])
        with pytest.raises(CheckpointError, match=r"step_0000000002\.ckpt: .*expected"):
            read_checkpoint(path)
        found = folder.latest()
    assert found.state["step"] == 1
    assert len(found.broken) == 1


def test_a_partly_written_file_of_a_dead_process_is_never_used_and_is_deleted(tmp_path: Path):
    with folder_at(tmp_path) as folder:
        folder.save(state_at(1), epoch=0, step=1)
    part = tmp_path / "step_0000000002.part"
    part.write_bytes(b"trainwarden-checkpoint 1 sha256=")
    with folder_at(tmp_path) as folder:
        assert folder.latest().state["step"] == 1
        assert not part.exists()


def test_a_folder_of_a_running_run_is_refused_with_the_name_of_its_owner(tmp_path: Path):
    holder = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    os.write(holder, b"other-run pid 42\n")
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(CheckpointHeld, match=r"in use by another run; .* other-run pid 42"), folder_at(tmp_path):
        pass
    os.close(holder)
    with folder_at(tmp_path):
        assert read_identity(tmp_path) == OURS


def test_a_folder_without_checkpoints_has_nothing_to_resume(tmp_path: Path):
    with folder_at(tmp_path) as folder, pytest.raises(CheckpointError, match="nothing to resume from"):
        folder.latest()


def test_a_folder_without_a_run_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"not a checkpoint folder; expected a run\.json"):
        read_identity(tmp_path)


def test_a_checkpoint_with_code_is_not_loaded(tmp_path: Path):
    class Evil:
        def __reduce__(self) -> tuple:
            return (os.mkdir, (str(tmp_path / "evil"),))

    with folder_at(tmp_path / "c") as folder:
        path = folder.save({"x": Evil()}, epoch=0, step=1).path
    with pytest.raises(CheckpointError, match="not a trainer checkpoint; expected only tensors"):
        read_checkpoint(path)
    assert not (tmp_path / "evil").exists()
