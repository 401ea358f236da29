"""A loss put together wrongly is told from outputs, targets and the loss; dead features from sparse ones."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from monitor.grammar import BatchReport
from trainer.telemetry.batch_signals import BatchSignals

Loss = Callable[[Tensor, Tensor], Tensor]
Change = Callable[[Tensor], Tensor]
OTHER_LOSSES: dict[str, tuple[Change, Loss]] = {
    "negative likelihood of logarithms": (lambda s: s.log_softmax(1), functional.nll_loss),
    "label smoothing": (lambda s: s, lambda s, y: functional.cross_entropy(s, y, label_smoothing=0.2)),
    "focal": (lambda s: s, lambda s, y: (functional.cross_entropy(s, y, reduction="none") * 0.3).mean()),
    "likelihood of probabilities": (lambda s: s.softmax(1), lambda p, y: functional.nll_loss(p.log(), y)),
}
MISTAKES: dict[str, tuple[Change, Loss, tuple[int, int]]] = {
    "none": (lambda s: s, functional.cross_entropy, (0, 0)),
    "a softmax in the model": (lambda s: s.softmax(1), functional.cross_entropy, (1, 0)),
    "a softmax in the loss": (lambda s: s, lambda s, y: functional.cross_entropy(s.softmax(1), y), (1, 0)),
    "over the batch in the model": (lambda s: s.softmax(0), functional.cross_entropy, (0, 1)),
    "logarithms over the batch": (lambda s: s.log_softmax(0), functional.nll_loss, (0, 1)),
    "over the batch in the loss": (lambda s: s, lambda s, y: functional.nll_loss(s.log_softmax(0), y), (0, 1)),
}


def seen(change: Change, loss: Loss, classes: int) -> BatchReport:
    torch.manual_seed(classes)
    signals = BatchSignals()
    for _ in range(6):
        scores, labels = change(2 * torch.randn(32, classes)), torch.randint(classes, (32,))
        signals.look(torch.randn(32, 4), labels, scores)
        if signals.waits_for_loss:
            signals.note_loss(float(loss(scores, labels)))
    report = signals.report(step=100)
    assert report is not None
    return report


@pytest.mark.parametrize("classes", [2, 3, 50])
@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_told_from_the_others(name: str, classes: int):
    change, loss, expected = MISTAKES[name]
    report = seen(change, loss, classes)
    assert (report.softmax_twice, report.softmax_over_batch) == expected


@pytest.mark.parametrize("name", OTHER_LOSSES)
def test_another_loss_of_classes_is_no_mistake(name: str):
    report = seen(*OTHER_LOSSES[name], 5)
    assert not report.softmax_twice and not report.softmax_over_batch


def test_scores_that_are_all_alike_are_no_mistake_and_still_have_a_floor():
    signals = BatchSignals()
    labels = torch.arange(32) % 4
    for _ in range(6):
        signals.note_targets(labels)
        signals.look(torch.randn(32, 4), labels, torch.zeros(32, 4))
        signals.note_loss(float(torch.tensor(4.0).log()))
    report = signals.report(step=100)
    assert report is not None and not report.softmax_twice and not report.softmax_over_batch
    assert signals.floor(is_epoch_over=False) is None
    floor = signals.floor(is_epoch_over=True)
    assert floor is not None and floor.loss == "cross_entropy"


@pytest.mark.parametrize("share", [0.03, 0.3, 1.0])
def test_how_much_of_the_features_that_change_is_filled(share: float):
    torch.manual_seed(1)
    signals = BatchSignals()
    for _ in range(4):
        inputs = torch.randn(256, 10) * (torch.rand(256, 10) < share)
        inputs[:, 0] = 0.0
        signals.look(inputs, torch.randn(256, 1), None)
    report = signals.report(step=100)
    assert report is not None and report.zero == (1, 10)
    assert report.filled == pytest.approx(share, abs=0.03)


PAIRED: dict[str, tuple[Loss, int]] = {
    "squares of all with all": (lambda g, t: (g - t).square().mean(), 1),
    "sizes of all with all": (lambda g, t: (g - t).abs().mean(), 1),
    "Huber's of all with all": (lambda g, t: functional.smooth_l1_loss(*torch.broadcast_tensors(g, t)), 1),
    "squares of pairs": (lambda g, t: functional.mse_loss(g.squeeze(1), t), 0),
}


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e5])
def test_a_loss_of_every_output_with_every_target_is_told(name: str, size: float):
    torch.manual_seed(2)
    loss, expected = PAIRED[name]
    signals = BatchSignals()
    for _ in range(6):
        outputs, targets = 0.2 * size * torch.randn(32, 1), size * torch.randn(32)
        signals.look(torch.randn(32, 4), targets, outputs)
        signals.note_loss(float(loss(outputs, targets)))
    report = signals.report(step=100)
    assert report is not None and report.broadcast == expected
    assert report.ratio == pytest.approx(0.2, rel=0.3)


def test_outputs_that_the_loss_scales_have_no_ratio():
    torch.manual_seed(3)
    signals = BatchSignals()
    for _ in range(6):
        outputs, targets = torch.randn(32, 1), 1e5 * torch.randn(32, 1)
        signals.look(torch.randn(32, 4), targets, outputs)
        if signals.waits_for_loss:
            signals.note_loss(float((1e4 * outputs - targets).square().mean()))
    report = signals.report(step=100)
    assert report is not None and report.ratio is None and report.pred_std is not None


def watched(change: Change, loss: Loss, classes: int, looks: int = 16) -> BatchSignals:
    """Return what was seen of scores that get better at their labels from step to step."""
    torch.manual_seed(classes)
    signals = BatchSignals()
    for step in range(looks):
        labels = torch.randint(classes, (64,))
        signals.note_targets(labels)
        raw = torch.randn(64, classes) + 4 * step / looks * functional.one_hot(labels, classes)
        scores = change(raw)
        signals.look(torch.randn(64, 4), labels, scores)
        if signals.waits_for_loss:
            signals.note_loss(float(loss(scores, labels)))
    return signals


@pytest.mark.parametrize("classes", [3, 50])
@pytest.mark.parametrize("part", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("mistake", ["none", "a softmax in the model", "over the batch in the model"])
def test_smoothed_labels_hide_no_mistake_and_have_a_floor(mistake: str, part: float, classes: int):
    change, _, expected = MISTAKES[mistake]
    signals = watched(change, lambda s, y: functional.cross_entropy(s, y, label_smoothing=part), classes)
    report, floor = signals.report(step=100), signals.floor(is_epoch_over=True)
    assert report is not None and (report.softmax_twice, report.softmax_over_batch) == expected
    if mistake == "none":
        assert floor is not None and floor.value == pytest.approx(math.log(classes), rel=0.02)


def focal(scores: Tensor, labels: Tensor) -> Tensor:
    each = functional.cross_entropy(scores, labels, reduction="none")
    return ((1 - (-each).exp()) ** 2 * each).mean()


def weighted(scores: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(scores, labels, weight=torch.arange(1.0, scores.shape[1] + 1))


def with_a_term(scores: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(scores, labels) + 0.01 * scores.square().mean()


@pytest.mark.parametrize("classes", [3, 50])
@pytest.mark.parametrize("loss", [focal, weighted, with_a_term, lambda s, y: 2 * functional.cross_entropy(s, y)])
def test_no_other_loss_is_taken_for_smoothed_labels(loss: Loss, classes: int):
    signals = watched(lambda scores: scores, loss, classes)
    report = signals.report(step=100)
    assert report is not None and report.softmax_twice is None and signals.floor(is_epoch_over=True) is None
