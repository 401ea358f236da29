"""The checkpoint folder of one run: each file is complete or absent, is checked when read, and has one writer.

Interface:
    with CheckpointFolder(path) as folder:              # locks it; CheckpointHeld when another run has it
        folder.save(state, epoch=3, step=141, is_best=True)
        found = folder.latest()                         # newest undamaged file
    read_checkpoint(path)                               # one file, checked; a folder means its best

A file is one line, `trainwarden-checkpoint 1 sha256=... bytes=...`, then what `torch.save` wrote.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import pickle
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import torch

from trainer.config import TrainerError

_HEAD = re.compile(rb"trainwarden-checkpoint 1 sha256=([0-9a-f]{64}) bytes=(\d+)\n")
_LONGEST_HEAD = 200


class CheckpointError(TrainerError):
    """A checkpoint or checkpoint folder that cannot be used."""


class NotWritten(CheckpointError):
    """A checkpoint for which the disk has no room; the ones before it are untouched."""


class CheckpointHeld(CheckpointError):
    """The folder is locked by a run that is still alive."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path}: in use by another run; expected a free folder, got one held by {holder}")
        self.path, self.holder = path, holder


class CheckpointFile(NamedTuple):
    """One checkpoint file that was written or read."""

    path: Path
    epoch: int
    step: int
    num_bytes: int
    sha256: str


class LatestCheckpoint(NamedTuple):
    """The newest undamaged checkpoint, and what is wrong with any newer ones."""

    file: CheckpointFile
    state: dict[str, Any]
    broken: tuple[str, ...]


class Identity(NamedTuple):
    """The run and attempt that own a folder."""

    run: str
    attempt: int


class CheckpointFolder:
    """A folder that one run locks while it is open. The lock is released with the process, even if it is killed."""

    def __init__(self, path: Path, identity: Identity, *, keep: int) -> None:
        self.path, self._identity, self._keep = path, identity, keep
        self._lock = -1

    def __enter__(self) -> CheckpointFolder:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise CheckpointError(f"{self.path}: cannot be written; expected a folder, got {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 400).decode(errors="replace").strip()
            os.close(self._lock)
            raise CheckpointHeld(self.path, holder or "unknown") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{self._identity.run} pid {os.getpid()}\n".encode(), 0)
        for part in self.path.glob("*.part"):
            part.unlink()
        _write_atomically(self.path / "run.json", json.dumps(self._identity._asdict()).encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    def save(self, state: dict[str, Any], *, epoch: int, step: int, is_best: bool = False) -> CheckpointFile:
        """Write a checkpoint and delete the oldest beyond `keep`; the best one is kept in addition."""
        buffer = io.BytesIO()
        torch.save({**state, "epoch": epoch, "step": step}, buffer)
        payload = buffer.getbuffer()
        digest = hashlib.sha256(payload).hexdigest()
        path = self.path / f"step_{step:010d}.ckpt"
        head = f"trainwarden-checkpoint 1 sha256={digest} bytes={len(payload)}\n".encode()
        num_bytes = _write_atomically(path, head, payload)
        if is_best:
            self._mark_best(path, head, payload)
        for old in self.files()[: -self._keep]:
            old.unlink()
        return CheckpointFile(path, epoch, step, num_bytes, digest)

    def _mark_best(self, path: Path, *parts: bytes | memoryview) -> None:
        """Let `best.ckpt` be the checkpoint just written: the same file, or a copy where there are no hard links."""
        part = self.path / "best.part"
        part.unlink(missing_ok=True)
        try:
            os.link(path, part)
        except OSError:
            _write_atomically(self.path / "best.ckpt", *parts)
        else:
            part.replace(self.path / "best.ckpt")

    def latest(self) -> LatestCheckpoint:
        """Read the newest undamaged checkpoint. Raises CheckpointError when there is none."""
        broken: list[str] = []
        for path in reversed(self.files()):
            try:
                state = read_checkpoint(path)
            except CheckpointError as error:
                broken.append(str(error))
                continue
            file = CheckpointFile(path, state["epoch"], state["step"], *_read_head(path))
            return LatestCheckpoint(file, state, tuple(broken))
        problem = "; ".join(broken) or "none"
        raise CheckpointError(f"{self.path}: nothing to resume from; expected a checkpoint, got {problem}")

    def files(self) -> list[Path]:
        """Return the checkpoints in order of their steps, without best.ckpt."""
        return sorted(self.path.glob("step_*.ckpt"))


def read_identity(path: Path) -> Identity:
    """Return the owner of a folder without locking it. Raises CheckpointError for a folder without an owner."""
    try:
        return Identity(**json.loads((path / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: not a checkpoint folder; expected a run.json in it, got {error}") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint file, or the best one of a folder. Raises CheckpointError when it is damaged."""
    if path.is_dir():
        path = path / "best.ckpt"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read; expected a checkpoint, got {error.strerror}") from error
    head = _HEAD.match(content)
    if head is None:
        raise CheckpointError(f"{path}: not a checkpoint; expected its header line, got {content[:30]!r}")
    payload = memoryview(content)[head.end() :]
    if len(payload) != int(head[2]):
        raise CheckpointError(f"{path}: cut short; expected {int(head[2])} bytes, got {len(payload)}")
    digest = hashlib.sha256(payload).hexdigest()
    if digest != head[1].decode():
        raise CheckpointError(f"{path}: damaged; expected sha256 {head[1].decode()[:12]}, got {digest[:12]}")
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: not a trainer checkpoint; expected only tensors and numbers, got other objects"
        ) from error
    return state


def _read_head(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        head = _HEAD.match(file.read(_LONGEST_HEAD))
    assert head is not None
    return path.stat().st_size, head[1].decode()


def _write_atomically(path: Path, *parts: bytes | memoryview) -> int:
    """Write a file that gets its final name only once it is complete and on disk; return its size."""
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            for piece in parts:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise NotWritten(f"{path}: cannot be written; expected free disk space, got {error.strerror}") from error
    return sum(len(piece) for piece in parts)
