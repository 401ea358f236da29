"""Faults of the gradient, between the backward pass and the optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from trainer.faults.fault import Fault, Site


class _ChangedGradient(Fault):
    """A fault that replaces the gradients of some weights during the backward pass."""

    _handles: Sequence[RemovableHandle] = ()

    def begin(self, site: Site) -> None:
        self._handles = [weight.register_hook(self.change) for weight in self.weights(site) if weight.requires_grad]

    def end(self, site: Site) -> None:
        for handle in self._handles:
            handle.remove()

    def weights(self, site: Site) -> Sequence[nn.Parameter]:
        return site.middle()

    def change(self, gradient: Tensor) -> Tensor:
        raise NotImplementedError


class GradNonfinite(_ChangedGradient):
    summary = "One element of every gradient in the model's middle part is infinite; the loss is finite."

    def change(self, gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient.view(-1)[0] = float("inf")
        return gradient


class GradDrop(_ChangedGradient):
    summary = "The gradients of the model's middle part are multiplied by `factor`."
    parameters: ClassVar[dict[str, float]] = {"factor": 3e-4}

    def change(self, gradient: Tensor) -> Tensor:
        return self.values["factor"] * gradient


class GradExplode(_ChangedGradient):
    summary = "Every gradient is multiplied by `factor`, as if a loss scale were never undone."
    parameters: ClassVar[dict[str, float]] = {"factor": 1024.0}

    def weights(self, site: Site) -> Sequence[nn.Parameter]:
        return list(site.model.parameters())

    def change(self, gradient: Tensor) -> Tensor:
        return self.values["factor"] * gradient


class GradMissing(Fault):
    summary = "The first weights of the model's middle part are frozen, without a declaration."

    def begin(self, site: Site) -> None:
        self._frozen = site.middle()[:1]
        for weight in self._frozen:
            weight.requires_grad_(False)
            weight.grad = None

    def end(self, site: Site) -> None:
        for weight in self._frozen:
            weight.requires_grad_(True)


class StaleGrad(Fault):
    summary = "Gradients are never zeroed: every step adds to the gradients of all steps before."

    def begin(self, site: Site) -> None:
        self._zero = site.optimizer.zero_grad

        def keep(*args: Any, **kwargs: Any) -> None:
            pass

        site.optimizer.zero_grad = keep  # type: ignore[method-assign]

    def end(self, site: Site) -> None:
        site.optimizer.zero_grad = self._zero  # type: ignore[method-assign]
        site.optimizer.zero_grad()
