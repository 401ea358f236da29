"""The faults of the board's families, as people make them: each changes one part of a training object, once.

Strengths were fixed before the first run. ``claimed`` says whether the list claims to see the fault, also written
before the first run; what is not claimed stands on the page by name, with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.scoreboard.families.loop import Ended
from tests.scoreboard.families.training import Outcome, Supervised, Training, Validation
from trainer.telemetry import Telemetry


@dataclass(frozen=True)
class Fault:
    """One kind of fault."""

    name: str
    what: str
    begin: Callable[[Any], None]
    """Breaks a training object."""
    labels: frozenset[str]
    """The names of kinds that are right as the first alert."""
    needs: frozenset[str] = frozenset()
    """Traits that a training must have."""
    spares: frozenset[str] = frozenset()
    """Traits with which it is no fault, or cannot be made."""
    onsets: tuple[str, ...] = ("start", "middle")
    claimed: bool = True
    why_not: str = ""
    """Why it is not claimed."""
    in_print: frozenset[str] = frozenset()
    """The names that are right where only printed numbers are judged; empty if these do not show it."""
    batch: int = 1
    """In which list it was: the first, or the second, which only the third draw has."""


FAULTS: dict[str, Fault] = {}


def fault(
    labels: str,
    *,
    needs: str = "",
    spares: str = "",
    onsets: str = "start middle",
    unseen: str = "",
    in_print: str = "",
    batch: int = 1,
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Add a fault to the list; ``unseen`` is the reason why it is not claimed."""

    def add(begin: Callable[[Any], None]) -> Callable[[Any], None]:
        FAULTS[begin.__name__] = Fault(
            name=begin.__name__,
            what=(begin.__doc__ or "").strip().rstrip("."),
            begin=begin,
            labels=frozenset(labels.split()),
            needs=frozenset(needs.split()),
            spares=frozenset(spares.split()),
            onsets=tuple(onsets.split()),
            claimed=not unseen,
            why_not=unseen,
            in_print=frozenset(in_print.split()),
            batch=batch,
        )
        return begin

    return add


NOT_A_NUMBER = "loss_nonfinite grad_nonfinite weight_nonfinite metric_nonfinite"
TOO_FAST = (
    "update_ratio loss_diverge loss_spike grad_explode not_learning dead_units loss_nonfinite grad_nonfinite "
    "pred_collapse grad_vanish grad_zero grad_drop"
)


def _changed_batches(training: Training, change: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    before = training.batch
    training.batch = lambda: change(*before())


def _first_float(inputs: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change the first tensor of numbers of the inputs."""
    if not isinstance(inputs, tuple):
        return change(inputs)
    place = next(i for i, each in enumerate(inputs) if each.is_floating_point())
    return tuple(change(each) if i == place else each for i, each in enumerate(inputs))


def _children(training: Training) -> list[nn.Module]:
    """Return the parts that a person would name: children with weights, those of a single child opened."""
    parts = [each for each in training.model.children() if any(True for _ in each.parameters())]
    return _children_of(parts[0]) if len(parts) == 1 else parts


def _children_of(module: nn.Module) -> list[nn.Module]:
    return [each for each in module.children() if any(True for _ in each.parameters())] or [module]


@fault(NOT_A_NUMBER, needs="features", in_print="loss_nonfinite grad_nonfinite metric_nonfinite")
def nan_inputs(training: Training) -> None:
    """One value of the first row of every batch is nan, as after a failed join."""

    def spoil(x: Tensor) -> Tensor:
        x = x.clone()
        x[0, 0] = float("nan")
        return x

    _changed_batches(training, lambda x, y: (_first_float(x, spoil), y))


@fault(NOT_A_NUMBER, spares="whole gan policy", in_print="loss_nonfinite grad_nonfinite metric_nonfinite")
def root_of_zero(training: Training) -> None:
    """A term with the root of a norm that is 0: the loss is finite, its gradient is not."""
    before = training.compute

    def compute(inputs: Any, targets: Any) -> Outcome:
        found = before(inputs, targets)
        weight = next(w for w in training.model.parameters() if w.requires_grad)
        return found._replace(loss=found.loss + 0.01 * ((weight - weight.detach()).square().sum()).sqrt())

    training.compute = compute


@fault(
    TOO_FAST,
    needs="supervised",
    spares="raw any_rate",
    in_print="loss_diverge loss_spike loss_nonfinite grad_explode",
)
def rate_1000_times(training: Training) -> None:
    """A rate 1,000 times as high, and no clipping."""
    _times_rate(training, 1000)
    training.regime.clip = 0.0


@fault(TOO_FAST, needs="supervised", spares="any_rate")
def rate_100_times(training: Training) -> None:
    """A rate 100 times as high: the decimal point in the wrong place."""
    _times_rate(training, 100)


def _times_rate(training: Training, factor: float) -> None:
    _times_highest_rate(training, factor)
    for optimizer in training.optimizers:
        for group in optimizer.param_groups:
            group["lr"] *= factor
            if "initial_lr" in group:
                group["initial_lr"] *= factor
            if "max_lr" in group:
                group["max_lr"] *= factor
    for scheduler in training.schedulers + training.epoch_schedulers:
        for each in (scheduler, *getattr(scheduler, "_schedulers", ())):
            if hasattr(each, "base_lrs"):
                each.base_lrs = [rate * factor for rate in each.base_lrs]


def _times_highest_rate(training: Training, factor: float) -> None:
    """Do the same to a schedule that sets a highest rate of its own once it is made, as one cycle does."""
    schedule = training.regime.schedule
    if schedule is None or training.schedulers:
        return

    def made(optimizer: torch.optim.Optimizer, steps: int) -> Any:
        found = schedule(optimizer, steps)
        if isinstance(found, torch.optim.lr_scheduler.OneCycleLR):
            for group in optimizer.param_groups:
                for each in ("lr", "initial_lr", "max_lr", "min_lr"):
                    group[each] *= factor
        return found

    training.regime.schedule = made


@fault("lr_off no_update", spares="gan policy", in_print="lr_off metric_constant")
def rate_zero(training: Training) -> None:
    """A rate of 0 for every group, as from a scheduler that was given the wrong total."""
    _times_rate(training, 0.0)
    training.move_rate = lambda: None
    training.epoch_schedulers = []


@fault("update_ratio no_update rate_gone lr_off metric_constant", needs="supervised", onsets="start")
def rate_gone(training: Training) -> None:
    """The rate falls by a tenth in every step for 200 steps, undeclared: a scheduler of epochs stepped per batch."""

    def decay() -> None:
        for optimizer in training.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = max(group["lr"] * 0.9, 1e-12)

    training.move_rate = decay


@fault("no_update", spares="gan own_step", in_print="metric_constant")
def step_missing(training: Training) -> None:
    """``optimizer.step()`` is never called."""
    training.take_step = lambda: None


@fault("stale_grad", spares="gan whole scaler own_step")
def zero_grad_missing(training: Training) -> None:
    """``optimizer.zero_grad()`` is never called."""
    training.zero_grad = lambda: None


@fault("grad_missing grad_zero no_update", spares="gan whole scaler own_step", in_print="grad_zero metric_constant")
def backward_missing(training: Training) -> None:
    """``loss.backward()`` is never called."""
    training.backward = lambda loss: None


@fault("grad_missing grad_zero grad_drop grad_vanish", needs="supervised parts", spares="language")
def part_detached(training: Training) -> None:
    """The output of the first part is detached, so that nothing before it learns."""

    def cut(module: nn.Module, inputs: Any, output: Any) -> Any:
        return output.detach() if isinstance(output, Tensor) else output

    first = _children(training)[0]
    while isinstance(first, nn.ModuleList):  # is never called itself
        first = first[0]
    first.register_forward_hook(cut)


@fault("grad_missing no_update", needs="supervised parts", onsets="middle")
def part_frozen(training: Training) -> None:
    """The first part is frozen by mistake, undeclared, in the middle of the run."""
    _children(training)[0].requires_grad_(False)


@fault(
    "grad_missing no_update",
    needs="supervised relu",
    onsets="start",
    unseen="a part that is frozen from the first step looks like every adapter and probe; the log says it once",
)
def part_frozen_first(training: Training) -> None:
    """The first part is frozen by mistake before the first step."""
    _children(training)[0].requires_grad_(False)


@fault("no_update", needs="supervised parts", spares="scaler")
def part_left_out(training: Training) -> None:
    """The optimizer does not hold the weights of the first part."""
    left_out = {id(w) for w in _children(training)[0].parameters()}
    for optimizer in training.optimizers:
        for group in optimizer.param_groups:
            group["params"] = [w for w in group["params"] if id(w) not in left_out]


@fault("not_learning overfit", needs="supervised classes", onsets="start")
def labels_shuffled(training: Supervised) -> None:
    """Targets in another order than inputs."""
    training.targets = training.targets[torch.randperm(len(training.targets))]


@fault("not_learning overfit pred_collapse", needs="supervised regression", onsets="start")
def targets_shuffled(training: Supervised) -> None:
    """Values in another order than inputs."""
    training.targets = training.targets[torch.randperm(len(training.targets))]


@fault("not_learning overfit pred_collapse", needs="supervised", spares="language binary values", onsets="start")
def labels_off_by_one(training: Supervised) -> None:
    """Each input has the target of the row before it."""
    training.targets = training.targets.roll(1, 0)


@fault("batch_repeated", needs="supervised")
def one_batch(training: Training) -> None:
    """The loader returns the same batch for ever."""
    first = training.batch()
    training.batch = lambda: first


@fault("batch_repeated", needs="supervised classes", spares="language tokens", onsets="start")
def sorted_by_label(training: Supervised) -> None:
    """The rows come sorted by their label: shuffling was forgotten."""
    training.order = lambda: training.targets.argsort(stable=True)


@fault("dead_inputs", needs="features")
def features_zero(training: Training) -> None:
    """Every third feature is 0 from some point of the pipeline on."""

    def clear(x: Tensor) -> Tensor:
        x = x.clone()
        x[..., ::3] = 0
        return x

    _changed_batches(training, lambda x, y: (_first_float(x, clear), y))


@fault("dead_inputs batch_repeated", needs="tokens", onsets="start middle")
def tokens_unknown(training: Training) -> None:
    """Every token is the same one: the vocabulary does not fit."""
    _changed_batches(
        training, lambda x, y: (tuple(map(torch.zeros_like, x)) if isinstance(x, tuple) else torch.zeros_like(x), y)
    )


@fault(
    "input_shift loss_spike loss_diverge grad_explode dead_units update_ratio",
    needs="features supervised",
    onsets="middle",
)
def raw_inputs_later(training: Training) -> None:
    """Inputs are no longer normalised from the middle on: 100 times as large, and shifted."""
    _changed_batches(training, lambda x, y: (_first_float(x, lambda t: t * 100 + 300), y))


@fault(
    "input_shift",
    needs="features supervised",
    onsets="start",
    unseen="what inputs should look like is not in the log; only what comes of it could be seen",
)
def raw_inputs(training: Supervised) -> None:
    """Inputs are not normalised: 100 times as large, and shifted; in validation, too."""
    training.inputs = training.inputs * 100 + 300
    training.held = (training.held[0] * 100 + 300, training.held[1])


@fault("output_norm not_learning", needs="supervised classes", spares="language tokens", onsets="start")
def softmax_twice(training: Training) -> None:
    """The model's outputs go through a softmax before a loss that has its own."""
    _changed_outputs(training, lambda out: out.softmax(-1))


@fault("output_norm not_learning", needs="supervised classes", spares="language tokens", onsets="start")
def softmax_over_batch(training: Training) -> None:
    """The softmax runs over the rows of the batch instead of the classes."""
    _changed_outputs(training, lambda out: out.softmax(0))


def _changed_outputs(training: Training, change: Callable[[Tensor], Tensor]) -> None:
    training.model.register_forward_hook(lambda module, inputs, out: change(out))


@fault("output_norm pred_collapse not_learning", needs="regression features", onsets="start")
def targets_broadcast(training: Supervised) -> None:
    """Targets of shape (N,) against outputs of shape (N, 1): every output is compared with every target."""
    criterion = training.criterion

    def broadcast(outputs: Tensor, targets: Tensor) -> Tensor:
        shape = (len(targets), len(targets))
        return criterion(outputs.expand(shape), targets.reshape(1, -1).expand(shape))

    training.criterion = broadcast
    _changed_batches(training, lambda x, y: (x, y.squeeze(-1)))
    training.held = (training.held[0], training.held[1].squeeze(-1))
    training.metric = None


@fault("dead_units grad_zero grad_vanish not_learning pred_collapse", needs="relu supervised", onsets="start")
def dead_by_init(training: Training) -> None:
    """Biases begin at -10, those of normalisations too, so that no unit behind a ReLU is ever active."""
    linear = [m for m in training.model.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)]
    norms = [m for m in training.model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for layer in linear[:-1] + norms:
        if layer.bias is not None:
            nn.init.constant_(layer.bias, -10.0)


@fault("grad_zero dead_units grad_missing not_learning pred_collapse", needs="relu supervised", onsets="start")
def zero_by_init(training: Training) -> None:
    """All weights of the hidden layers begin at 0."""
    for layer in training.model.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@fault("loss_zero_or_frozen grad_zero", needs="supervised", spares="scaler", in_print="loss_zero_or_frozen grad_zero")
def loss_masked_out(training: Supervised) -> None:
    """The mask of the loss is 0 everywhere."""
    criterion = training.criterion
    training.criterion = lambda outputs, targets: criterion(outputs, targets) * 0.0


@fault("metric_constant", spares="whole", needs="supervised", in_print="metric_constant")
def validation_frozen(training: Training) -> None:
    """The validation uses a copy of the model that is never renewed."""
    first = training.validate()
    training.validate = lambda: first


@fault("loss_nonfinite metric_nonfinite", needs="supervised", in_print="loss_nonfinite metric_nonfinite")
def validation_nan(training: Training) -> None:
    """The validation loss is 0 divided by 0: no rows pass its filter."""
    training.validate = lambda: Validation(float("nan"), {})


@fault("overfit batch_repeated", needs="features supervised", spares="values", onsets="start", in_print="overfit")
def few_rows(training: Supervised) -> None:
    """A filter leaves 64 rows, or a single batch if that is more, seen again and again."""
    rows = torch.arange(max(64, training.size))
    inputs = tuple(e[rows] for e in training.inputs) if isinstance(training.inputs, tuple) else training.inputs[rows]
    training.inputs, training.targets = inputs, training.targets[rows]
    training.epochs *= 3


@fault("crash", onsets="middle", in_print="crash")
def dies(training: Training) -> None:
    """An error in the loader ends the process."""

    # In the step, because not every training asks `batch` for its data.
    def step(telemetry: Telemetry) -> float:
        raise RuntimeError("DataLoader worker (pid 4242) is killed by signal: Killed.")

    training.step = step


@fault("ended_early", onsets="middle", spares="gan")
def ends_early(training: Training) -> None:
    """The loop ends half way without an error: the loader was shorter than planned."""

    def step(telemetry: Telemetry) -> float:
        raise Ended

    training.step = step


@fault("grad_nonfinite", needs="scaler")
def scaler_overflows(training: Training) -> None:
    """The scaled gradients overflow in every step, so that none is taken."""
    before = training.backward
    training.backward = lambda loss: before(loss * float("inf"))


@fault("throughput_drop", needs="supervised", onsets="start middle")
def loader_slow(training: Training) -> None:
    """The loader needs 30 ms for a batch of a few milliseconds."""
    import time

    before = training.batch

    def batch() -> tuple[Any, Any]:
        time.sleep(0.03)
        return before()

    training.batch = batch


@fault("restart_loop", onsets="middle", needs="supervised")
def restarted(training: Training) -> None:
    """The process is started again from its first step, without its checkpoint, in the same log."""
    training.starts_again = True


@fault("grad_vanish grad_zero", needs="features supervised classes relu", onsets="start")
def deep_sigmoids(training: Training) -> None:
    """Eight narrow sigmoid layers in front, each with small weights: no gradient gets through."""
    width = 16
    layers: list[nn.Module] = []
    for _ in range(8):
        linear = nn.Linear(width, width)
        nn.init.normal_(linear.weight, std=0.05)
        layers += [linear, nn.Sigmoid()]
    front = nn.Sequential(*layers)
    inner = training.model

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.front, self.inner = front, inner

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(self.front(x))

    training.model = Deep()
    training.optimizers[0].add_param_group({"params": list(front.parameters())})


@fault("update_underflow no_update update_ratio", needs="features supervised classes", onsets="start")
def weights_bf16(training: Training) -> None:
    """Weights in bfloat16 with a rate of 1e-5: nearly every update is rounded away."""
    training.model.to(torch.bfloat16)
    _times_rate(training, 1e-5 / training.rate)
    forward = training.model.forward
    training.model.forward = lambda *x: forward(*(e.bfloat16() for e in x)).float()


@fault("update_ratio no_update rate_gone", needs="supervised")
def rate_tiny(training: Training) -> None:
    """A rate 1e-8 times as high: a unit taken for another."""
    _times_rate(training, 1e-8)


@fault(
    "leak_suspected",
    needs="features supervised classes",
    onsets="start",
    unseen="a task that is easy looks the same; a score all but perfect in the first epoch is said as info",
)
def label_among_features(training: Supervised) -> None:
    """The first feature is the label."""
    for each in (training.inputs, training.held[0]):
        each[:, 0] = (training.targets if each is training.inputs else training.held[1]).float() - 1


@fault("leak_suspected", needs="attention", unseen="how well a text can be predicted is not in the log", onsets="start")
def mask_missing(training: Training) -> None:
    """A language model without its causal mask sees what it must predict."""
    training.model.is_causal = False


@fault(
    "leak_suspected",
    needs="features supervised",
    onsets="start",
    unseen="a validation as good as the training is what everybody wants",
)
def validated_on_training(training: Supervised) -> None:
    """The validation uses rows of the training."""
    rows = torch.arange(256)
    training.held = (training.inputs[rows], training.targets[rows])


@fault(
    "kl_collapse",
    needs="vae",
    unseen="what the terms of a loss are is known by their names only; a divergence of 0 is good in a distillation",
    onsets="start",
)
def divergence_collapses(training: Any) -> None:
    """The divergence counts 200 times as much, so that the code carries nothing."""
    training.weight = 200.0


@fault(
    "gan_starved",
    needs="gan",
    unseen="losses of adversaries go both ways in healthy runs, too; what the terms are is known by their names only",
    onsets="start",
)
def generator_starved(training: Training) -> None:
    """The generator's rate is a thousandth: it never catches up."""
    for group in training.optimizers[0].param_groups:
        group["lr"] *= 1e-3


@fault(
    TOO_FAST + " scale_off",
    needs="supervised",
    in_print="loss_diverge loss_spike loss_nonfinite grad_explode",
    batch=2,
)
def sign_wrong(training: Supervised) -> None:
    """The loss is maximised: a sign is wrong in the backward pass."""
    before = training.backward
    training.backward = lambda loss: before(-loss)


@fault(NOT_A_NUMBER, spares="gan", onsets="middle", in_print="loss_nonfinite grad_nonfinite metric_nonfinite", batch=2)
def weight_nan(training: Training) -> None:
    """One weight becomes nan, as from a broken chip or a merge of checkpoints."""
    weight = next(w for w in training.model.parameters() if w.requires_grad)
    with torch.no_grad():
        weight.view(-1)[0] = float("nan")


@fault(
    "loss_spike loss_diverge not_learning input_shift overfit", needs="features supervised", onsets="middle", batch=2
)
def inputs_noise(training: Training) -> None:
    """A broken decoder gives noise in place of inputs, of the same mean and spread."""
    _changed_batches(training, lambda x, y: (_first_float(x, torch.randn_like), y))


@fault("loss_spike loss_diverge restart_loop update_ratio", needs="supervised", onsets="middle", batch=2)
def weights_reset(training: Training) -> None:
    """The weights are set back to random ones in mid-run: a checkpoint that did not fit was skipped in silence."""
    for layer in training.model.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()


def fitting(training: Training) -> Iterator[Fault]:
    """Yield the faults that can be made in a training."""
    traits = training.traits | ({"parts"} if len(_children(training)) > 1 else set())
    for each in FAULTS.values():
        if each.needs <= traits and not each.spares & traits:
            yield each
