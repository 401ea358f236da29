"""Hooks on modules that can do no harm: they vanish from compiled code, from copies of the model and from its file.

A hook that fails is switched off. A copy of the model (an average of its weights, a file with the whole model) has a
hook that does nothing, because a log cannot be copied.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from trainer.telemetry.switches import Switches


class Hook:
    """A forward hook, or a hook before the forward pass, which never changes what it sees."""

    def __init__(self, switches: Switches, monitor: str, call: Callable[..., None]) -> None:
        self._switches, self._monitor, self._call = switches, monitor, call

    def __call__(self, module: nn.Module, *args: Any) -> None:
        """Pass on what torch passes. Within torch.compile and in a CUDA graph there is nothing to see."""
        if not torch.compiler.is_compiling():
            self._switches.run(self._monitor, self._call, module, *args)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        # A method of the standard library that takes anything and does nothing: the file needs no trainwarden.
        return getattr, (nullcontext(), "__exit__")


def is_compiled(model: nn.Module) -> bool:
    """Return whether a part of the model was compiled as a module: further hooks would compile it again."""
    return any(
        getattr(module, "_compiled_call_impl", None) is not None or type(module).__name__ == "OptimizedModule"
        for module in model.modules()
    )


def is_captured() -> bool:
    """Return whether a CUDA graph is being captured, into which no work of ours may go."""
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
