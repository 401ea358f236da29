"""Named faults that break a real training run for real, so that a monitor can be shown to notice.

In: `FAULT@EPOCH` from the command line, and the site they act on. Out: a changed computation; no fault writes
a line. `FAULTS` at the end is the whole list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from trainer.config import TrainerError


class FaultError(TrainerError):
    """A fault that cannot be injected as asked."""


@dataclass(frozen=True)
class Injection:
    """One planned fault."""

    fault: str
    first_epoch: int
    last_epoch: int | None  # None: until the run ends
    parameters: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """What a fault may touch."""

    model: nn.Module
    hold_log: Callable[[], AbstractContextManager[None]]
    """While held, nobody writes to the log, the heartbeat included."""
    sleep: Callable[[float], None]


class Fault:
    """One fault; each method is a place in the loop and does nothing unless its fault acts there."""

    summary: ClassVar[str] = ""
    parameters: ClassVar[dict[str, float]] = {}
    """Names and defaults of what can be set behind `FAULT@EPOCH:`."""

    def __init__(self, **parameters: float) -> None:
        self.values = {**self.parameters, **parameters}

    def begin(self, site: Site) -> None:
        """Act when the first epoch of the fault begins."""

    def end(self, site: Site) -> None:
        """Undo `begin` after the last epoch of the fault."""

    def before_batch(self, site: Site, batch: int) -> None:
        """Act before training batch `batch`, counted from 1 in its epoch."""

    def change_windows(self, windows_BTF: Tensor) -> Tensor:
        """Return the training inputs to use instead. Shapes: (B, T, F) -> (B, T, F)."""
        return windows_BTF


class _ChangedOutput(Fault):
    """A fault that replaces what parts of the model give to the next."""

    parts: ClassVar[tuple[str, ...]] = ()
    """Those that the model lacks are left out."""
    _handles: Sequence[RemovableHandle] = ()

    def begin(self, site: Site) -> None:
        parts = [part for name, part in site.model.named_children() if name in self.parts]
        self._handles = [
            part.register_forward_hook(lambda module, inputs, output: self.change(output)) for part in parts
        ]

    def end(self, site: Site) -> None:
        for handle in self._handles:
            handle.remove()

    def change(self, output: Tensor) -> Tensor:
        raise NotImplementedError


class GradZero(_ChangedOutput):
    summary = "The encoder is cut off: every gradient below the adaptive norm is exactly 0."
    parts = ("backbone_projection",)

    def change(self, output: Tensor) -> Tensor:
        # Times zero, not detached alone: the gradients must exist and be 0, as they are behind a dead layer.
        return output.detach() + 0.0 * output


class PredictionCollapse(_ChangedOutput):
    summary = "Every stock gets the same prediction, whatever its head is reset to."
    parts = ("prediction_head_shared", "linear_skip")

    def change(self, output: Tensor) -> Tensor:
        return output.mean(0, keepdim=True).expand_as(output)


class LossNonfinite(Fault):
    summary = "The first row of every training batch holds an infinite feature, so the loss is not a number."

    def change_windows(self, windows_BTF: Tensor) -> Tensor:
        windows_BTF = windows_BTF.clone()
        windows_BTF[0, -1, 0] = float("inf")
        return windows_BTF


class StallSilent(Fault):
    summary = "The run stops before a batch and writes nothing at all, heartbeat included, for `seconds`."
    parameters: ClassVar[dict[str, float]] = {"seconds": 420.0, "batch": 5.0}

    def before_batch(self, site: Site, batch: int) -> None:
        if batch == int(self.values["batch"]):
            with site.hold_log():
                site.sleep(self.values["seconds"])


class FaultPlan:
    """The faults of one run, each begun and ended with its epochs."""

    def __init__(self, injections: Sequence[Injection]) -> None:
        self._planned = [(each, FAULTS[each.fault](**each.parameters)) for each in injections]
        self._acting: list[tuple[Injection, Fault]] = []

    def enter_epoch(self, epoch: int, site: Site) -> None:
        """Begin and end what is due as `epoch`, counted from 1, begins."""
        due = [
            (each, fault)
            for each, fault in self._planned
            if each.first_epoch <= epoch <= (epoch if each.last_epoch is None else each.last_epoch)
        ]
        for each, fault in self._acting:
            if (each, fault) not in due:
                fault.end(site)
        for each, fault in due:
            if (each, fault) not in self._acting:
                fault.begin(site)
        self._acting = due

    def acting(self) -> list[Fault]:
        """Return the faults of the present epoch."""
        return [fault for _, fault in self._acting]


_FORM = re.compile(r"(?P<fault>\w+)@(?P<first>\d+)(?P<range>-(?P<last>\d*))?(?::(?P<parameters>.+))?")


def parse_injection(text: str) -> Injection:
    """Read `FAULT@EPOCH`, `FAULT@FIRST-LAST` or `FAULT@FIRST-` (to the end), with `:name=number,...` behind
    it.

    A bare epoch is open-ended too. Raises FaultError.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise FaultError(f"--inject {text}: not a fault; expected FAULT@EPOCH, got {text!r}")
    if match["fault"] not in FAULTS:
        raise FaultError(f"--inject {text}: unknown fault; expected one of {', '.join(FAULTS)}, got {match['fault']}")
    first, last = int(match["first"]), int(match["last"]) if match["last"] else None
    if first < 1 or (last is not None and last < first):
        raise FaultError(f"--inject {text}: no such epochs; expected 1 or later, in order, got {first}-{last or ''}")
    known = FAULTS[match["fault"]].parameters
    parameters = {}
    for part in (match["parameters"] or "").split(",") if match["parameters"] else ():
        name, _, number = part.partition("=")
        if name not in known:
            expected = ", ".join(known) or "no parameter"
            raise FaultError(f"--inject {text}: unknown parameter; expected {expected}, got {name}")
        try:
            parameters[name] = float(number)
        except ValueError as error:
            raise FaultError(f"--inject {text}: {name} is not a number; expected one, got {number!r}") from error
    return Injection(match["fault"], first, last, parameters)


FAULTS: dict[str, type[Fault]] = {
    "grad_zero": GradZero,
    "loss_nonfinite": LossNonfinite,
    "pred_collapse": PredictionCollapse,
    "stall_silent": StallSilent,
}
"""Every fault by the name its kind has in the rule pack."""
