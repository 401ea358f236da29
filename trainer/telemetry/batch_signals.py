"""What batches show when the training passes them on: repeats, constant features, order, the floor of the loss, and the
spread of the predictions.

In: inputs, targets and outputs of the steps looked at. Out: a record for each report. Everything is taken from samples
of fixed size, so that a look costs the same for any batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from trainer.telemetry.eventlog import BatchReport, Share
from trainer.telemetry.smoothing import Scored, Smoothing
from trainer.telemetry.softmax import OVER_BATCH, RIGHT, TWICE, losses_of_scores

ROWS = 256
"""Most rows of a batch that are looked at. Chosen by hand, 2026-11."""
COLUMNS = 1024
"""Most features, and most numbers of a row, that are looked at. Chosen by hand, 2026-11."""
RUN = 6
"""Batches in a row whose fingerprints are compared in each interval: five repeats are a fault."""
MOST_CLASSES = 2**17
"""Whole numbers above this are not classes. Chosen by hand, 2026-11: above any vocabulary in use."""
KEPT_TARGETS = 2**12
KEPT_BATCHES = 16
"""Targets kept of a batch, and batches, for the order and the floor of the loss. Chosen by hand, 2026-11."""
CLASSES, DISTANCES = {RIGHT, TWICE, OVER_BATCH}, {"mse", "mae", "huber"}
BROADCAST = "broadcast_"
BROADCASTS = {f"{BROADCAST}{name}" for name in DISTANCES}
"""Losses of every output with every target, which shapes of (N, 1) and (N,) give."""
FLOOR_BATCHES = 4
"""Batches whose loss is compared before it is known which loss it is. Chosen by hand, 2026-11."""
FLOOR_TARGETS = 64
"""Batches whose targets give the floor, unless the first epoch has fewer. Chosen by hand, 2026-11: with 32 values each,
a variance is within 3 % of the true one; with four batches it was off by 20 %.
"""
FLAT = 1e-3
"""A feature whose spread is below this share of its mean is taken for constant: single precision says little about it.
Chosen by hand, 2026-11.
"""
MOST_COMPARED = 16
"""Batches compared while more than one loss fits. Chosen by hand, 2026-11."""
LEAST_ROWS = 128
"""Rows that a floor of several columns needs: with fewer, the best constant of each column fits them too well. Chosen
by hand, 2026-11: a variance of 128 values is within 13 % of the true one, and the mean of several is nearer.
"""
SAME = 2e-3
"""Relative difference up to which a loss computed here is the training's own. Chosen by hand, 2026-11: that of half
precision.
"""


class Floor(NamedTuple):
    """The least loss that a constant prediction can have."""

    loss: str
    """Which loss it was recognised as."""
    value: float


class _Targets(NamedTuple):
    """How mixed the targets of the batches are; classes also have their number and entropy, in nats."""

    order: float | None = None
    num_classes: int | None = None
    entropy: float | None = None


class BatchSignals:
    """The batches of one training."""

    def __init__(self) -> None:
        self._prints: list[Tensor] = []
        self._repeats, self._compared = 0, 0
        self._lows: Tensor | None = None
        self._highs: Tensor | None = None
        self._filled: list[Tensor] = []
        self._moments: list[Tensor] = []
        self._first_moments: Tensor | None = None
        self._targets: list[Tensor] = []
        self._first_targets: list[Tensor] = []
        self._spreads: list[Tensor] = []
        self._has_columns = False
        self._num_compared = 0
        self._candidates: dict[str, Scored] | None = None
        self._smoothing = Smoothing()
        self._losses: set[str] | None = None
        self._smoothed = 0.0
        """The part of each target that the loss spreads over all classes."""
        self._has_new = self.has_floor = False

    def fingerprint(self, inputs: object) -> None:
        """Compare a batch with the one before."""
        found = _tensor_of(inputs)
        if found is None or not found.numel():
            return
        flat = found.detach().reshape(-1) if found.is_contiguous() else found.detach().flatten()
        some = flat[:: max(1, flat.numel() // 64)].double()
        weights = torch.arange(1, some.numel() + 1, dtype=torch.float64, device=some.device)
        self._prints.append(torch.stack([some.nan_to_num().dot(weights), weights.new_tensor(float(found.numel()))]))

    def note_targets(self, targets: object) -> None:
        """Keep the targets of one of the first batches, for the floor of the loss."""
        if not self.has_floor and len(self._first_targets) < FLOOR_TARGETS:
            truth = _tensor_of(targets)
            if truth is not None and truth.numel():
                self._first_targets.append(_in_columns(truth.detach()).clone())

    def look(self, inputs: object, targets: object, outputs: object) -> None:
        """Look at the features, targets and predictions of a batch."""
        self._has_new = True
        with torch.no_grad():
            if (features := _tensor_of(inputs)) is not None and features.is_floating_point() and features.dim() > 1:
                self._look_at_features(features.detach())
            truth, guess = _tensor_of(targets), _tensor_of(outputs)
            if truth is not None and truth.numel():
                self._targets.append(_in_columns(truth.detach()).clone())
                del self._targets[:-KEPT_BATCHES]
                self._has_columns = _are_classes(truth) or _width(truth) <= COLUMNS
            if truth is not None and guess is not None:
                if not self._knows_loss:
                    self._candidates = _losses_of(guess.detach(), truth.detach())
                if guess.is_floating_point() and truth.is_floating_point() and guess.numel() == truth.numel() > 1:
                    pair = [_thinned(each.detach().reshape(-1), KEPT_TARGETS).float().var() for each in (guess, truth)]
                    self._spreads.append(torch.stack(pair))

    @property
    def waits_for_loss(self) -> bool:
        """Whether the loss of this step is to be compared."""
        return self._candidates is not None

    def note_loss(self, loss: float) -> None:
        """Compare the loss of the step just looked at with the losses that outputs and targets give."""
        if self._candidates is None:
            return
        candidates, self._candidates = self._candidates, None
        found = {name for name, each in candidates.items() if abs(each.plain - loss) <= SAME * max(abs(loss), 1e-12)}
        self._losses = found if self._losses is None else self._losses & found
        self._num_compared += 1
        classes = {name: each for name, each in candidates.items() if name in CLASSES}
        self._smoothing.add(classes, loss, same=SAME)
        if not self._losses and (smoothed := self._smoothing.found) is not None:
            self._losses, self._smoothed = {smoothed.loss}, smoothed.part

    @property
    def _knows_loss(self) -> bool:
        """Whether enough steps were compared, or none of the losses known here fits.

        Scores that are all alike give the same loss with any softmax, so these are compared for longer.
        """
        if not self._losses:
            return self._losses is not None and not self._smoothing.is_open
        is_clear = len(self._losses) == 1 or self._losses <= BROADCASTS or self._num_compared >= MOST_COMPARED
        return self._num_compared >= FLOOR_BATCHES and is_clear

    def floor(self, *, is_epoch_over: bool) -> Floor | None:
        """Return the floor of the loss, once; None if it is not known which loss it is, or too few were seen."""
        if not is_epoch_over and len(self._first_targets) < FLOOR_TARGETS:
            return None
        if self.has_floor or not self._losses or not self._has_columns or self._num_compared < FLOOR_BATCHES:
            return None
        if len(self._losses) > 1 and RIGHT not in self._losses:
            return None
        name = RIGHT if self._losses & CLASSES else next(iter(self._losses)).removeprefix(BROADCAST)
        kept = self._first_targets or self._targets
        targets = torch.cat([each.float() for each in kept if each.shape[1:] == kept[0].shape[1:]])
        if targets.dim() > 1 and len(targets) < LEAST_ROWS:
            return None
        self.has_floor, self._first_targets = True, []
        floor = _floor_of(name, targets, smoothed=self._smoothed)
        return Floor(name, floor)

    def report(self, *, step: int) -> BatchReport | None:
        """Return what the batches since the last report have shown; None without any."""
        self._compare_prints()
        if not self._has_new and not self._compared:
            return None
        constant, zero, filled = self._features()
        shift, scale = self._moved_features()
        mistake = self._mistake(CLASSES)
        shape = self._mistake(DISTANCES | BROADCASTS)
        figures = self._target_figures()
        pred_std = target_std = None
        if self._spreads:
            pred_std, target_std = torch.stack(self._spreads).mean(0).sqrt().tolist()
        found = BatchReport(
            step=step,
            repeated=Share(self._repeats, self._compared) if self._compared else None,
            constant=constant,
            zero=zero,
            filled=filled,
            pred_std=pred_std,
            target_std=target_std,
            # Where the loss compares them otherwise, outputs may have a scale of their own.
            ratio=pred_std / target_std if shape is not None and pred_std is not None and target_std else None,
            order=figures.order,
            targets=figures.num_classes,
            entropy=figures.entropy,
            softmax_twice=None if mistake is None else int(mistake == TWICE),
            softmax_over_batch=None if mistake is None else int(mistake == OVER_BATCH),
            broadcast=None if shape is None else int(shape in BROADCASTS),
            shift=shift,
            scale=scale,
        )
        self._repeats = self._compared = 0
        self._lows = self._highs = None
        self._filled, self._moments = [], []
        self._spreads, self._has_new = [], False
        return found

    def _compare_prints(self) -> None:
        if len(self._prints) > 1:
            rows = torch.stack([each.to(self._prints[0].device) for each in self._prints]).tolist()
            self._compared += len(rows) - 1
            self._repeats += sum(row == before for row, before in zip(rows[1:], rows, strict=False))
        self._prints = []

    def _look_at_features(self, features: Tensor) -> None:
        """Widen the range of each feature; features are the last dimension, or the numbers of a row of an image."""
        rows = _thinned(features.flatten(0, -2) if features.dim() == 3 else features.flatten(1), ROWS)
        rows = _thinned(rows.movedim(1, 0), COLUMNS).float()
        low, high = rows.amin(1), rows.amax(1)
        self._filled.append((rows != 0).float().mean(1))
        mean = rows.mean(1)
        self._moments.append(torch.stack([mean, rows.square().mean(1) - mean.square()]))
        if self._lows is None or self._highs is None or self._lows.shape != low.shape:
            self._lows, self._highs = low, high
        else:
            self._lows, self._highs = torch.minimum(self._lows, low), torch.maximum(self._highs, high)

    def _mistake(self, kinds: Set[str]) -> str | None:
        """Return the loss once it is clear, or any if several fit; None if it is none of these kinds."""
        if not self._losses or not self._knows_loss or not self._losses <= kinds:
            return None
        return min(self._losses) if len(self._losses) == 1 or self._losses <= BROADCASTS else RIGHT

    def _features(self) -> tuple[Share | None, Share | None, float | None]:
        """Return how many features are constant, how many are 0, and how much of the others is not 0."""
        if self._lows is None or self._highs is None:
            return None, None, None
        same = self._lows == self._highs
        filled = torch.stack([each for each in self._filled if each.shape == same.shape]).mean(0)
        changing = (filled * ~same).sum() / (~same).sum()
        constant, zero, share = torch.stack([same.sum(), (same & (self._lows == 0)).sum(), changing]).tolist()
        known = share if math.isfinite(share) else None
        return Share(int(constant), len(same)), Share(int(zero), len(same)), known

    def _moved_features(self) -> tuple[float | None, float | None]:
        """Return how far the median feature is from its mean in the first report, and the factor of its spread."""
        if not self._moments or any(each.shape != self._moments[-1].shape for each in self._moments):
            return None, None
        moments = torch.stack(self._moments)
        mean = moments[:, 0].mean(0)
        spread = (moments[:, 1].mean(0) + moments[:, 0].var(0, correction=0)).clamp(min=0).sqrt()
        now = torch.stack([mean, spread])
        if self._first_moments is None or self._first_moments.shape != now.shape:
            self._first_moments = now
            return None, None
        before = self._first_moments.to(now.device)
        varied = before[1] > FLAT * before[0].abs()
        if not varied.any():
            return None, None
        shift = ((now[0] - before[0]).abs() / before[1])[varied].median()
        scale = (now[1] / before[1])[varied].median()
        found = torch.stack([shift, scale]).tolist()
        return found[0], found[1]

    def _target_figures(self) -> _Targets:
        """Return how mixed the batches' targets are, and for classes their number and entropy."""
        batches = [each for each in self._targets if each.numel() > 1]
        if len(batches) < FLOOR_BATCHES:
            return _Targets()
        if _are_classes(batches[0]):
            return _class_figures([each[each >= 0].long() for each in batches])
        values = [each.double().reshape(-1) for each in batches]
        whole = torch.cat(values)
        outer = float(whole.var(correction=0))
        inner = float(torch.stack([each.var() for each in values]).mean())
        is_yes_or_no = bool(((whole == 0) | (whole == 1)).all())
        return _Targets(
            order=inner / outer if outer > 0 and math.isfinite(outer) else None,
            entropy=_entropy_of_shares(batches) if is_yes_or_no else None,
        )


def _tensor_of(given: object) -> Tensor | None:
    """Return the first tensor of what a loop passes on: a tensor, a tuple, a dictionary."""
    if isinstance(given, Tensor):
        return given if given.layout is torch.strided else None
    values: Sequence[object] = ()
    if isinstance(given, Mapping):
        values = list(given.values())
    elif isinstance(given, Sequence) and not isinstance(given, str):
        values = given
    return next((found for each in values if (found := _tensor_of(each)) is not None), None)


def _class_figures(batches: Sequence[Tensor]) -> _Targets:
    """Return the same of classes: their spread is the chance that two targets differ (Gini)."""
    batches = [each for each in batches if each.numel() > 1]
    width = 1 + max((int(each.max()) for each in batches), default=MOST_CLASSES)
    if width > MOST_CLASSES:
        return _Targets()
    counts = [torch.bincount(each, minlength=width).double() for each in batches]
    share = torch.stack(counts).sum(0)
    share = share / share.sum()
    inner = [(1 - (each / each.sum()).square().sum()) * each.sum() / (each.sum() - 1) for each in counts]
    outer = float(1 - share.square().sum())
    some = share[share > 0]
    return _Targets(
        order=float(torch.stack(inner).mean()) / outer if outer > 0 else None,
        num_classes=len(some),
        entropy=float(-(some * some.log()).sum()),
    )


def _in_columns(targets: Tensor) -> Tensor:
    """Return some rows of targets with several numbers each; of other targets some of the numbers."""
    width = _width(targets)
    if width < 2 or width > COLUMNS or _are_classes(targets):
        return _thinned(targets.reshape(-1), KEPT_TARGETS)
    return _thinned(targets.reshape(len(targets), -1), max(1, KEPT_TARGETS // width))


def _width(targets: Tensor) -> int:
    """Return how many numbers the target of one row has."""
    return targets.numel() // max(1, len(targets)) if targets.dim() > 1 else 1


def _entropy_of_shares(batches: Sequence[Tensor]) -> float | None:
    """Return the entropy of targets of 0 and 1, in nats, the mean of their columns."""
    same = [each.double() for each in batches if each.shape[1:] == batches[0].shape[1:]]
    return _of_two(torch.cat(same).mean(0))


def _of_two(share: Tensor) -> float:
    """Return the mean entropy of a choice between two, of which one has this share; shares may be many."""
    return float(-(torch.xlogy(share, share) + torch.xlogy(1 - share, 1 - share)).mean())


def _thinned(values: Tensor, most: int) -> Tensor:
    """Return at most about ``most`` rows, evenly spread."""
    return values[:: -(-len(values) // most)] if len(values) > most else values


def _are_classes(targets: Tensor) -> bool:
    return not targets.is_floating_point() and not targets.is_complex()


def _losses_of(guess: Tensor, truth: Tensor) -> dict[str, Scored]:
    """Return the losses in use that these outputs and targets would give, by name."""
    if _are_classes(truth):
        return _losses_of_classes(guess, truth)
    return {name: Scored(value, math.nan) for name, value in _losses_of_values(guess, truth.float()).items()}


def _losses_of_classes(guess: Tensor, truth: Tensor) -> dict[str, Scored]:
    rounding = torch.finfo(guess.dtype).eps if guess.is_floating_point() else 0.0
    guess = guess.float()
    if truth.dtype is torch.bool or guess.dim() < 2 or truth.numel() * guess.shape[-1] > 2**24:
        return {}
    if guess.shape[:-1] == truth.shape:
        logits = guess.flatten(0, -2)
    elif guess.shape[:1] + guess.shape[2:] == truth.shape:
        logits = guess.movedim(1, -1).flatten(0, -2)
    else:
        return {}
    return losses_of_scores(logits, truth.reshape(-1).long(), rounding=rounding)


def _losses_of_values(guess: Tensor, truth: Tensor) -> dict[str, float]:
    guess = guess.float()
    if guess.shape != truth.shape:
        return _broadcast(guess, truth)
    error = guess - truth
    found = _distances(error)
    if bool(((truth >= 0) & (truth <= 1)).all()):
        found["bce_with_logits"] = float(functional.binary_cross_entropy_with_logits(guess, truth))
        if bool(((guess >= 0) & (guess <= 1)).all()):
            found["bce"] = float(functional.binary_cross_entropy(guess, truth))
    return found


def _broadcast(guess: Tensor, truth: Tensor) -> dict[str, float]:
    """Return the losses of outputs of shape (N, 1) and targets of shape (N,): of each pair, and of all with all."""
    if guess.numel() != truth.numel() or not 1 < truth.numel() <= KEPT_TARGETS or guess.dim() == truth.dim():
        return {}
    pairs, crossed = guess.reshape(-1) - truth.reshape(-1), guess.reshape(-1, 1) - truth.reshape(1, -1)
    return {
        f"{prefix}{name}": value
        for prefix, error in (("", pairs), (BROADCAST, crossed))
        for name, value in _distances(error).items()
    }


def _distances(error: Tensor) -> dict[str, float]:
    """Return the means of three functions of the difference between outputs and targets."""
    return {
        "mse": float(error.square().mean()),
        "mae": float(error.abs().mean()),
        "huber": float(functional.huber_loss(error, torch.zeros_like(error))),
    }


def _floor_of(loss: str, targets: Tensor, *, smoothed: float = 0.0) -> float:
    """Return the least value of a loss that a constant prediction reaches on these targets.

    ``smoothed`` is the part of each target that is spread evenly over the classes, as many as the targets show.
    """
    targets = targets.double()
    if loss == "cross_entropy":
        _, counts = targets[targets >= 0].unique(return_counts=True)
        share = counts.double() / counts.sum()
        share = (1 - smoothed) * share + smoothed / len(share)
        # Classes that few targets show make the entropy of a sample too small (Miller 1955).
        return float(-(share * share.log()).sum()) + (len(counts) - 1) / (2 * float(counts.sum()))
    columns = targets.reshape(len(targets), -1)
    if loss == "mse":
        return float(columns.var(0, correction=0).mean())
    if loss == "mae":
        return float((columns - columns.median(0).values).abs().mean())
    if loss == "huber":
        return float(_least_huber(columns).mean())
    mean = columns.mean(0)
    # A constant prediction of the mean has the entropy of the mean, whether targets are hard or soft.
    return _of_two(mean) if bool(((mean >= 0) & (mean <= 1)).all()) else 0.0


def _least_huber(columns: Tensor) -> Tensor:
    """Return the least Huber loss of a constant for each column."""
    least, most = columns.quantile(0.05, dim=0), columns.quantile(0.95, dim=0)
    places = (least + (most - least) * share for share in torch.linspace(0, 1, 64, dtype=torch.float64).tolist())
    each = [functional.huber_loss(place.expand_as(columns), columns, reduction="none").mean(0) for place in places]
    return torch.stack(each).amin(0)
