"""Freed memory stays with the process within the block and goes back to the system after it."""

import ctypes
import sys
from pathlib import Path

import pytest
import torch

from trainer.training.kept_memory import kept_memory

PAGE = 4096


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_freed_memory_is_kept_within_the_block_and_given_back_after_it():
    size = 2**28
    before = resident()
    with kept_memory() as is_kept:
        if not is_kept:
            pytest.skip("not glibc")
        torch.ones(size // 4)
        within = resident()
    assert within - before > 0.9 * size
    assert resident() - before < 0.5 * size


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with kept_memory() as is_kept:
        assert not is_kept
