"""Blocks of lines as columns: equal to line by line, and fast."""

import time

import pytest

from monitor.reader.columns import BlockReader
from monitor.reader.state import ReadState
from tests.reader.blocks import blocks_equal_singles

FORMS = {
    "nanogpt": lambda i: f"iter {i}: loss {2 + 1 / (i + 1):.4f}, time {23 + i % 7:.2f}ms, mfu 12.34%",
    "hf": lambda i: f"{{'loss': {2 + 1 / (i + 1):.4f}, 'grad_norm': 1.5, 'learning_rate': 1e-05, 'epoch': {i / 100:.2f}}}",  # noqa: E501
    "json": lambda i: f'{{"step": {i}, "loss": {2 + 1 / (i + 1):.4f}, "lr": 1e-05}}',
    "with validations": lambda i: f"iter {i}: loss 2.{i:04d}, time 3.0ms" if i % 50 else f"step {i}: train loss 2.{i:04d}, val loss 2.3",  # noqa: E501
    "with nan": lambda i: f"step {i} loss={'nan' if i % 97 == 96 else 0.5} lr=0.001",
    "with prose": lambda i: f"step {i} loss=0.{i:04d} lr=0.001" if i % 11 else f"some words {i} and more",
    "with epochs": lambda i: f"epoch {i // 100} step {i} loss=0.{i:04d}",
    "starting again": lambda i: f"step {i % 700} loss=0.{i:04d} lr=0.001",
    "fractions that begin anew": lambda i: f"{{'loss': {2 + 1 / (i + 1):.4f}, 'learning_rate': 1e-05, 'epoch': {(i % 700) / 100:.2f}}}",  # noqa: E501
    "two dicts that begin anew": lambda i: f"{{'loss': 2.{i:04d}, 'epoch': {(i % 650) / 100:.2f}}}" if i % 3 else f"{{'loss': 2.{i:04d}, 'grad_norm': 1.5, 'epoch': {(i % 650) / 100:.2f}}}",  # noqa: E501
    "stamped": lambda i: f"2025-03-04 09:{i // 60 % 60:02d}:{i % 60:02d},{i % 1000:03d} - root - INFO - step {i} loss 0.{i:04d} lr 0.001",  # noqa: E501
    "stamped in brackets": lambda i: f"[2025-03-04 09:{i // 60 % 60:02d}:{i % 60:02d}] step {i} loss 0.{i:04d} lr 0.001",  # noqa: E501
    "two shapes": lambda i: f"step {i} loss=0.{i:04d} lr=0.001" if i % 3 else f"step {i} loss=0.{i:04d} lr=0.001 extra={i}.5",  # noqa: E501
    "place above": lambda i: f"  loss 0.{i:04d}, grad_norm 1.5" if i % 2 else f"it {25 * i}  lr 0.001",
}  # fmt: skip
FEW = (
    "with epochs", "starting again", "with prose", "place above", "fractions that begin anew",
    "two dicts that begin anew",
)  # fmt: skip
"""Forms most of whose lines depend on those before."""


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("seed", [0, 1])
def test_columns_are_equal_to_single_lines_in_any_cut(name: str, seed: int):
    num_columns = blocks_equal_singles([FORMS[name](i) for i in range(1500)], seed)
    assert num_columns > 1000 or name in FEW


def test_nanogpt_lines_are_read_as_columns():
    lines = [FORMS["nanogpt"](i).encode() for i in range(60_000)]
    state, reader = ReadState(), BlockReader()
    began, rows = time.process_time(), 0
    for start in range(0, len(lines), 4096):
        rows += sum(len(each.rows) for each in reader.read(lines[start : start + 4096], state).columns)
    took_s = time.process_time() - began
    assert rows > 59_000
    assert took_s < 1.5  # 0.15 to 0.25 s on a quiet core
