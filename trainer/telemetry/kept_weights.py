"""Whether the weights of a group are those of the report before: a small sample is kept from one to the next.

A step turns the weights a little, and a hundred steps not much further. Weights that were set back to random ones, or
replaced by others, point in a direction that has nothing to do with that of before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.telemetry.dense import each_norm, flat_of, packed

MOST_KEPT = 1024
"""Most elements of a weight that are kept: the direction of two random samples is then the same to 3 %. Chosen by hand,
2026-11."""
LEAST_KEPT = 256
"""A group with fewer may point in the same direction by chance. Chosen by hand, 2026-11."""


class _Sample(NamedTuple):
    """Elements of the matrices of a group, in one row."""

    ids: tuple[int, ...]
    """The identities of the matrices."""
    row: Tensor
    norm: float


class KeptWeights:
    """Samples of all groups in the newest report."""

    def __init__(self) -> None:
        self._kept: dict[str, _Sample] = {}

    def compare(self, groups: Mapping[str, Mapping[str, nn.Parameter]]) -> dict[str, float]:
        """Return for each group the cosine between its matrices now and in the report before; keep a sample of them.

        A group is left out where it had no report before, has other weights now, or too few elements. Biases and the
        gains of normalisations do not count: they begin alike.
        """
        rows = {
            name: row
            for name, group in groups.items()
            if (row := _row_of(list(group.values()))) is not None and len(row[1]) >= LEAST_KEPT
        }
        if not rows:
            return {}
        known = {name: before for name, row in rows.items() if (before := self._before(name, row)) is not None}
        moves = [rows[name][1] - before.row for name, before in known.items()]
        norms = packed(each_norm([*(row for _, row in rows.values()), *moves])).tolist()
        self._kept = {name: _Sample(*row, norm) for (name, row), norm in zip(rows.items(), norms, strict=False)}
        found = {}
        for (name, before), move in zip(known.items(), norms[len(rows) :], strict=True):
            norm = self._kept[name].norm
            both = 2 * norm * before.norm
            if both and math.isfinite(both):
                found[name] = round((norm * norm + before.norm * before.norm - move * move) / both, 4)
        return found

    def _before(self, name: str, row: tuple[tuple[int, ...], Tensor]) -> _Sample | None:
        """Return the sample of the report before, if it is of the same weights."""
        known, (ids, elements) = self._kept.get(name), row
        return known if known and known.ids == ids and known.row.device == elements.device else None


def _row_of(weights: Sequence[nn.Parameter]) -> tuple[tuple[int, ...], Tensor] | None:
    """Return which weights of a group are matrices, and a sample of them; None without any, or on several devices."""
    matrices = [each for each in weights if each.dim() > 1 and each.numel() and not each.is_complex()]
    if not matrices or any(each.device != matrices[0].device for each in matrices):
        return None
    parts = [flat_of(each.detach())[:: -(-each.numel() // MOST_KEPT)].float() for each in matrices]
    return tuple(map(id, matrices)), torch.cat(parts)
