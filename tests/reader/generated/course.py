"""A made-up training: its epochs, batches, losses and rates, before anybody prints them."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.reader.generated.draw import Draw


class Moment(NamedTuple):
    """A place in the training at which a trainer reports."""

    step: int  # optimizer steps done, over all epochs
    epoch: int  # from 0
    batch: int  # batches done within the epoch
    evaluates: bool  # a validation follows


class Epoch(NamedTuple):
    """One epoch, as far as the log goes."""

    index: int  # from 0
    reports: list[Moment]
    finished: bool
    end: Moment


class Metric(NamedTuple):
    """A quantity by which people judge a model, beside the loss."""

    words: tuple[str, ...]  # its usual spellings
    is_share: bool  # between 0 and 1, often printed in percent
    value: Callable[[float, float], float]  # of the progress from 0 to 1 and the loss


METRICS = [
    Metric(("acc", "accuracy", "acc", "accuracy", "top1", "acc1", "acc@1"), True, lambda p, _: 0.1 + 0.8 * p**0.3),
    Metric(("acc5", "top5", "acc@5"), True, lambda p, _: 0.3 + 0.65 * p**0.3),
    Metric(("f1", "F1", "f1_score", "macro_f1"), True, lambda p, _: 0.2 + 0.6 * p**0.4),
    Metric(("auc", "AUC", "auroc", "roc_auc"), True, lambda p, _: 0.5 + 0.45 * p**0.5),
    Metric(("mAP", "map50", "mAP50", "mAP50-95"), True, lambda p, _: 0.01 + 0.5 * p**0.6),
    Metric(("dice", "Dice", "dice_score", "mean_dice"), True, lambda p, _: 0.1 + 0.75 * p**0.4),
    Metric(("iou", "mIoU", "miou", "mean_iou"), True, lambda p, _: 0.1 + 0.6 * p**0.4),
    Metric(("precision", "prec"), True, lambda p, _: 0.2 + 0.6 * p**0.4),
    Metric(("recall", "rec"), True, lambda p, _: 0.25 + 0.6 * p**0.4),
    Metric(("wer", "WER", "cer", "CER"), True, lambda p, _: 0.9 - 0.75 * p**0.3),
    Metric(("bleu", "BLEU", "sacrebleu"), False, lambda p, _: 1 + 30 * p**0.4),
    Metric(("psnr", "PSNR"), False, lambda p, _: 18 + 14 * p**0.3),
    Metric(("mae", "MAE"), False, lambda p, loss: 0.8 * abs(loss) + 0.05),
    Metric(("rmse", "RMSE"), False, lambda p, loss: abs(loss) ** 0.5 + 0.01),
    Metric(("r2", "R2"), False, lambda p, _: -0.2 + 1.1 * p**0.3),
    Metric(("ppl", "perplexity", "PPL"), False, lambda p, loss: math.exp(min(loss, 20))),
    Metric(("reward", "mean_reward"), False, lambda p, _: -200 + 450 * p**0.5),
    Metric(("fid", "FID"), False, lambda p, _: 150 - 130 * p**0.3),
]


class Course:
    """The figures of one training."""

    def __init__(self, draw: Draw, *, epochs: int | None = None, complete: bool | None = None) -> None:
        self._draw = draw
        self.num_epochs = epochs or draw.whole(2, 12)
        self.every = draw.pick([1, 5, 10, 10, 20, 25, 50, 50, 100, 100, 200])
        intervals = draw.whole(3, 12)
        self.num_batches = self.every * intervals + (
            0 if draw.often(0.5) or self.every == 1 else draw.whole(1, self.every - 1)
        )
        self.num_steps = self.num_epochs * self.num_batches
        self.is_complete = draw.often(0.6) if complete is None else complete
        low = self.num_batches if self.num_epochs > 2 else self.num_steps // 3
        self.last_step = self.num_steps if self.is_complete else draw.whole(low, self.num_steps - 1)
        self.start, self.end = draw.pick(
            [(2.3, 0.05), (10.8, 2.9), (0.69, 0.2), (4.6, 1.1), (7.0, 2.0), (1.2, 0.3), (0.9, 0.002), (130.0, 11.0)]
        )
        self.noise = draw.pick([0.01, 0.03, 0.08])
        self.nan_from = draw.whole(self.last_step // 2, self.last_step) if draw.often(0.09) else None
        self._broken = draw.pick([math.nan, math.nan, math.nan, math.inf])
        self.base_rate = draw.pick([1e-3, 3e-4, 5e-5, 2e-5, 1e-4, 0.1, 0.01, 6e-4])
        self.schedule = draw.pick(["constant", "cosine", "cosine", "linear", "steps"])
        self.evaluate_every = draw.whole(2, 5)
        self.seconds = draw.pick([0.02, 0.11, 0.35, 1.2])  # per step

    def progress(self, step: int) -> float:
        """Give the share of the planned steps that is done."""
        return min(step / self.num_steps, 1.0)

    def loss(self, step: int) -> float:
        """Give the training loss around a step."""
        if self.nan_from is not None and step >= self.nan_from:
            return self._broken
        smooth = self.end + (self.start - self.end) * math.exp(-5 * self.progress(step))
        return smooth * math.exp(self._draw.bell(self.noise))

    def val_loss(self, step: int) -> float:
        """Give the validation loss at a step."""
        if self.nan_from is not None and step >= self.nan_from:
            return self._broken
        smooth = self.end + (self.start - self.end) * math.exp(-4.5 * self.progress(step))
        return smooth * (1.08 + self._draw.bell(0.01))

    def rate(self, step: int) -> float:
        """Give the learning rate at a step."""
        done = self.progress(step)
        if self.schedule == "constant":
            return self.base_rate
        if self.schedule == "steps":
            return self.base_rate * 0.1 ** int(done * 3)
        warm = min(1.0, (step + 1) / max(1, self.num_steps // 20))
        fall = 1 - done if self.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
        return self.base_rate * warm * max(fall, 0.0)

    def grad_norm(self, step: int) -> float:
        """Give the gradient norm at a step."""
        if self.nan_from is not None and step >= self.nan_from:
            return self._broken
        return (0.6 + 4 * math.exp(-6 * self.progress(step))) * math.exp(self._draw.bell(0.2))

    def metric(self, metric: Metric, step: int, split: str) -> float:
        """Give a metric at a step; slightly worse on data that was not trained on."""
        worse = 1.0 if split == "train" else 0.95
        loss = self.end + (self.start - self.end) * math.exp(-5 * self.progress(step))
        value = metric.value(worse * self.progress(step), loss) * math.exp(self._draw.bell(0.01))
        if metric.is_share:
            return min(value, 0.9999)
        return max(value, 1.0) if "perplexity" in metric.words else value

    def steps(self, *, from_zero: bool = False) -> Iterator[Moment]:
        """Give the reports of a trainer that counts steps over the whole training."""
        every = self.every * max(1, self.num_steps // self.every // 60)
        first = 0 if from_zero else every
        for count, step in enumerate(range(first, self.last_step + (not from_zero), every), 1):
            epoch, done = divmod(step - (0 if from_zero else 1), self.num_batches)
            yield Moment(step, max(epoch, 0), done + 1, count % self.evaluate_every == 0)

    def epochs(self, *, from_zero: bool = False) -> Iterator[Epoch]:
        """Give the epochs with their reports; from zero: the first batch of each epoch is reported, too."""
        for index in range(self.num_epochs):
            before = index * self.num_batches
            if before >= self.last_step:
                return
            ends = min(self.num_batches, self.last_step - before)
            first = 1 if from_zero else self.every
            reports = [Moment(before + b, index, b, False) for b in range(first, ends + 1, self.every)]
            finished = ends == self.num_batches
            yield Epoch(index, reports, finished, Moment(before + ends, index, ends, finished))
