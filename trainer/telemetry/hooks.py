"""Hooks on the model and the optimizers of any loop, which log what the monitors measure.

In: a model, its optimizers, and which steps to look at. Out: lines about gradients, weights, activations and the model.
The training itself is not changed, and each monitor that fails is switched off by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from trainer.measure.activations import LayerActivation
from trainer.measure.model_parts import Part, layers_of, rectified_within
from trainer.telemetry.dense import values_of
from trainer.telemetry.eventlog import EventLog, Observed
from trainer.telemetry.forward_order import ForwardOrder
from trainer.telemetry.group_gradients import Gradients
from trainer.telemetry.group_weights import WeightMoves
from trainer.telemetry.layer_outputs import LayerOutputs, watchable
from trainer.telemetry.module_hooks import Hook, is_compiled
from trainer.telemetry.optimizers import Optimizers
from trainer.telemetry.stale import StaleGradients
from trainer.telemetry.switches import Switches
from trainer.telemetry.trained import Trained

WARN_NORM = 1e-7
"""Gradient norm of a group below which a warning is written: the default of GRAD_MONITOR_WARN_NORM."""

PERSISTENT_SKIPS = 3
"""Skipped steps in a row whose gradients are reported after all (SageMaker Debugger)."""
SCALER_SKIPS = 40
"""The same before the first step was taken: a gradient scaler begins too high and comes down. Chosen by hand, 2026-11:
it halves 65,536 down to 1 in 16 skips."""


LEAST_RATE_SHARE = 1e-3
"""At a smaller share of the highest rate it says nothing that weights stay the same. Below that share the monitor does
not judge the steps of a declared rate either: 5e-4 x 0.001 is eight times the spacing of single-precision numbers
around 1."""


class Plan(NamedTuple):
    """What to do in the next step."""

    step: int
    epoch: int
    batch: int
    is_due: bool = False
    """Whether it has a report."""
    is_looked: bool = False
    """Whether its gradients are looked at for the next report."""
    wants_norm: bool = False
    """Whether the norm of its whole gradient is needed."""


AT_REST = Plan(0, 0, 0)
"""Nothing is looked at."""


class StepEnd(NamedTuple):
    """What became of a step."""

    was_taken: bool
    grad_norm: float | None
    """None if it was not asked for, or if the step was skipped: that is no reading."""
    was_reported: bool


_TAKEN, _SKIPPED = StepEnd(True, None, False), StepEnd(False, None, False)


class TrainingHooks:
    """Reports at the steps that are announced as due. Calls `on_forward` with the model before each forward pass."""

    def __init__(
        self,
        model: nn.Module,
        optimizers: object,
        log: EventLog,
        switches: Switches,
        *,
        parts: Mapping[str, Part] | None,
        layers: Mapping[str, nn.Module] | None,
        on_forward: Callable[[nn.Module, object], None],
    ) -> None:
        self._model, self._log, self._switches = model, log, switches
        self.trained = Trained(model, parts)
        """The weights that are trained, by group."""
        self._layers = layers
        self._gradients = Gradients(self.trained, self._hear_arrival)
        self._weights = WeightMoves(self.trained)
        self._outputs = LayerOutputs(switches)
        self._stale = StaleGradients(self.trained, switches, held=lambda: self._optimizers.ids())
        self._order: ForwardOrder | None = None
        self._depths: dict[str, int] | None = None
        self._optimizers = Optimizers(optimizers, before=self._before_step, after=self._after_step)
        self._plan = Plan(0, 1, 1)
        self._acts = self._is_listening = self._has_looked = self._was_reached = self._has_arrivals = False
        self._waits_for_closure = self._has_taken = False
        self._at_rate_zero: set[int] = set()
        self._skips_in_row = 0
        self.declared: set[str] = set()
        """Groups whose freezing or unfreezing was declared."""
        self._with_gradient: set[str] = set()
        """Groups whose gradient was reported."""
        self._is_known = False
        self._said: set[tuple[str, str]] = set()
        self.sees_forward = False
        """Whether the model is called as a whole, so that its forward passes are noticed."""
        self.lr = math.nan
        """Learning rate of the newest step that was logged: the first parameter group's that is not 0."""
        self._highest_rate = 0.0
        self.rates: tuple[float, ...] = ()
        """The rates of all parameter groups in it."""
        hook = Hook(switches, "forward_passes", on_forward)
        self._handle: RemovableHandle = model.register_forward_pre_hook(hook)
        switches.run("depths", self._listen_to_order)

    @property
    def device(self) -> str | None:
        """The device of the model's first weight now."""
        return next((str(weight.device) for weight in self._model.parameters()), None)

    def expect(self, plan: Plan) -> None:
        """Set which step comes next, and what to do in it."""
        self._plan = plan
        self._acts = self._optimizers.is_listening = plan.is_due or plan.is_looked or plan.wants_norm
        self._is_listening = self._has_looked = self._was_reached = False
        self._optimizers.stepped.clear()
        if not self._optimizers.has_stepped:
            self._switches.run("steps", self._optimizers.probe, self.trained.weights)
        if plan.is_due and not self.sees_forward:
            self.listen()

    def rest(self) -> None:
        """Do nothing in the next step but notice whether it is taken."""
        self._plan, self._acts, self._has_looked, self._was_reached = AT_REST, False, False, False
        self._optimizers.is_listening = False
        self._optimizers.stepped.clear()
        if not self._optimizers.has_stepped:
            self._switches.run("steps", self._optimizers.probe, self.trained.weights)

    def has_rested(self) -> bool:
        """Return whether the step was taken, and nothing happened in it that `end_step` has to see."""
        optimizers = self._optimizers
        return bool(optimizers.stepped) and not self._has_arrivals and self._has_taken and not self._skips_in_row

    def rest_again(self) -> None:
        """Do in the next step as little as in the one that has just rested."""
        self._optimizers.stepped.clear()

    def listen(self) -> None:
        """Listen to the activations of this step, and keep its weights, if a report is due."""
        if self._is_listening or not self._plan.is_due:
            return
        self._is_listening = True
        is_plain = not self._switches.run("forward_passes", is_compiled, self._model)
        if is_plain:
            self._switches.run("activations", self._listen_to_layers)
        if is_plain and not self._optimizers.is_several:
            self._switches.run("stale_gradients", self._stale.expect_backward)
        self._switches.run("weights", self._weights.keep)

    def look(self) -> None:
        """Look at the gradients now: after they are unscaled and, if possible, before clipping."""
        if self._acts:
            self._has_looked = True
            weights: Sequence[nn.Parameter] = self.trained.weights
            if self._optimizers.stepped:
                done = {id(each) for optimizer in self._optimizers.stepped for each in self._optimizers.held(optimizer)}
                weights = [weight for weight in weights if id(weight) not in done]
            self._look_at(weights)

    def end_step(self) -> StepEnd:
        """End the step: write its report, if one is due and the step was taken."""
        was_taken = bool(self._optimizers.stepped)
        if not was_taken and not self._optimizers.has_stepped:
            was_taken = bool(self._switches.run("steps", self._optimizers.has_moved))
        self._has_taken = self._has_taken or was_taken
        self._skips_in_row = 0 if was_taken else self._skips_in_row + 1
        if self._has_arrivals:
            self._switches.run("gradients", self._take_arrivals, was_taken=was_taken)
        if not self._acts:
            return _TAKEN if was_taken else _SKIPPED
        counts = was_taken or self._skips_in_row >= (PERSISTENT_SKIPS if self._has_taken else SCALER_SKIPS)
        if self._optimizers.is_several and was_taken:
            self._switches.run("gradients", self._drop_resting)
        plan = self._plan
        if was_taken and not self._was_reached:
            self._switches.run("gradients", self._look_at_rest)
        if plan.is_due or plan.is_looked:
            self._switches.run("groups", self._look_at_model)
        norm = self._switches.run("gradients", self._gradients.norm) if plan.wants_norm and counts else None
        is_reading = counts and (plan.is_due or plan.is_looked)
        self._switches.run("gradients", self._gradients.keep, counts=is_reading)
        if plan.is_due:
            if counts and self._was_reached:
                self.report(plan)
            else:
                self._forget_step()
        return StepEnd(was_taken, norm if self._was_reached else None, was_reported=counts and self._was_reached)

    def report(self, plan: Plan) -> None:
        """Write the report of this step."""
        outputs: tuple[LayerActivation, ...] = self._switches.run("activations", self._outputs.take) or ()
        self._switches.run("activations", self._log.activations, outputs, step=plan.step)
        found = self._switches.run("gradients", self._gradients.report, warn_norm=WARN_NORM)
        if found is not None and found.groups:
            self._with_gradient.update(each.group for each in found.groups if each.norm)
            self._switches.run(
                "gradients",
                self._log.gradients,
                found.groups,
                step=plan.step,
                epoch=plan.epoch,
                batch=plan.batch,
                warn_norm=WARN_NORM,
                zero=found.zero,
            )
        stale = self._switches.run("stale_gradients", self._stale.take) or {}
        if self._weights.has_copies:
            idle = {
                name
                for name, group in self.trained.trained.items()
                if (found is not None and name in found.idle)
                or all(id(each) in self._at_rate_zero for each in group.values())
            }
            moves = self._switches.run("weights", self._weights.measure, idle=idle, stale=stale) or ()
            if self._is_rate_small():
                moves = tuple(each._replace(unchanged=None) for each in moves)
            self._switches.run("weights", self._log.weights, moves, step=plan.step)

    def report_remaining(self, plan: Plan) -> None:
        """Report the gradients that the last step has left, if it had no report; none if they were cleared."""
        if self._has_gradients():
            self._gradients.look(self.trained.weights, is_full=True, counts=True)
            self._gradients.keep(counts=True)
            self.report(plan)

    def remove(self) -> None:
        """Remove all hooks from the model and the optimizers."""
        self._handle.remove()
        self._optimizers.remove()
        self._gradients.arrivals.remove()
        self._outputs.forget()
        self._stale.forget()
        self._weights.forget()
        if self._order is not None:
            self._order.take()

    def read_rates(self) -> None:
        """Note the learning rates as they are now."""
        self.rates = tuple(self._optimizers.rates())
        self.lr = next((rate for rate in self.rates if rate), self.rates[0] if self.rates else math.nan)
        self._highest_rate = max(self._highest_rate, self.lr) if self.lr > 0 else self._highest_rate

    def _is_rate_small(self) -> bool:
        """Return whether steps are so small, as at the end of a decay, that some must be rounded away."""
        return self.lr < LEAST_RATE_SHARE * self._highest_rate

    def frozen(self) -> tuple[str, ...]:
        """Return the groups without a trained weight."""
        return self.trained.frozen

    def _has_gradients(self) -> bool:
        """Return whether there are gradients now. Those of exactly zero were cleared rather than computed."""
        grads = [weight.grad for weight in self.trained.weights if weight.grad is not None]
        return any(bool((values_of(grad) != 0).any()) for grad in grads)

    def _look_at_rest(self) -> None:
        """Look at what a step without hooks has left."""
        if self._has_gradients():
            self.look()

    def _before_step(self, optimizer: Optimizer, computes_gradients: bool) -> None:
        # With a closure, the gradients are computed within the step itself.
        self._waits_for_closure = computes_gradients
        if self._has_arrivals:
            self._switches.run("gradients", self._gradients.look_at_arrivals)
        if not computes_gradients:
            self._switches.run("gradients", self._look_before_step, optimizer)

    def _after_step(self, optimizer: Optimizer) -> None:
        if self._waits_for_closure:
            self._switches.run("gradients", self._look_before_step, optimizer)
        if self._plan.wants_norm or self._plan.is_due:
            # The rate at which the weights moved; a schedule changes it before the step is logged.
            self._switches.run("learning_rates", self.read_rates)
        if self._plan.is_due:
            self._at_rate_zero = self._switches.run("learning_rates", self._optimizers.at_rate_zero) or set()
        self._has_looked = False

    def _look_before_step(self, optimizer: Optimizer) -> None:
        if self._has_looked or any(each is optimizer for each in self._optimizers.stepped):
            return
        if not self._was_reached:
            # The first look of a step also covers weights that no optimizer is known to hold.
            self.look()
            return
        self._has_looked = True
        self._look_at(list(self._optimizers.held(optimizer)))

    def _look_at(self, weights: Sequence[nn.Parameter]) -> None:
        plan = self._plan
        if not self._was_reached:
            self._was_reached = True
            if not plan.wants_norm:
                self.read_rates()
            if plan.is_due and not self._is_listening:
                self.listen()
            if not self._is_known:
                self._switches.run("groups", self._write_model)
            self._outputs.stop()
        if plan.is_due or plan.is_looked:
            self._switches.run("groups", self.trained.note)
        self._switches.run("gradients", self._gradients.look, weights, is_full=plan.is_due, counts=plan.is_due)
        if plan.is_due:
            self._switches.run("weights", self._weights.aim, weights)

    def _hear_arrival(self) -> None:
        self._has_arrivals = self._optimizers.is_listening = True

    def _take_arrivals(self, *, was_taken: bool) -> None:
        self._has_arrivals = False
        self._gradients.look_at_arrivals()
        self._gradients.keep_arrivals(counts=was_taken)

    def _drop_resting(self) -> None:
        """Leave out weights whose optimizers did not step now: their gradients are of other steps, or not made yet."""
        stepped = {id(each) for optimizer in self._optimizers.stepped for each in self._optimizers.held(optimizer)}
        resting = [
            weight
            for optimizer in self._optimizers.all
            for weight in self._optimizers.held(optimizer)
            if id(weight) not in stepped
        ]
        self._gradients.drop(resting)

    def _forget_step(self) -> None:
        self._outputs.forget()
        self._stale.forget()
        self._weights.forget()

    def _listen_to_layers(self) -> None:
        if self._layers is not None:
            self._outputs.listen(self._layers)
            return
        layers = layers_of(self._model)
        self._outputs.listen(watchable(layers), within=rectified_within(self._model, layers))

    def _listen_to_order(self) -> None:
        if not is_compiled(self._model):
            self._order = ForwardOrder(self.trained.parts, self._switches)

    def _write_model(self) -> None:
        self._is_known = True
        self._look_at_model()
        if self._order is not None:
            self._depths, self._order = self._order.take(), None
        self._log.model(self.trained.groups, self._depths or {})
        self._say(frozen=self.trained.frozen)

    def _look_at_model(self) -> None:
        """Notice weights that were added, frozen or unfrozen."""
        change = self.trained.look(is_alone=not self._optimizers.is_several)
        if change is None:
            return
        if not self._is_known:
            return
        self._log.model(self.trained.groups, self._depths or {})
        self._say(change.frozen, change.unfrozen, change.added, change.removed)

    def _say(
        self,
        frozen: tuple[str, ...] = (),
        unfrozen: tuple[str, ...] = (),
        added: tuple[str, ...] = (),
        removed: tuple[str, ...] = (),
    ) -> None:
        """Say what was observed and not declared, each once."""
        kinds = {"frozen": frozen, "unfrozen": unfrozen, "added": added, "removed": removed}
        new: dict[str, Any] = {}
        for kind, groups in kinds.items():
            left = tuple(each for each in groups if (kind, each) not in self._said and each not in self.declared)
            self._said.update((kind, each) for each in left)
            if left:
                new[f"observed_{kind}"] = left
        if new:
            stopped = tuple(each for each in new.get("observed_frozen", ()) if each in self._with_gradient)
            self._log.write(replace(Observed(step=self._plan.step, were_trained=stopped or None), **new))
