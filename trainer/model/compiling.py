"""The network under `torch.compile`, after a check that there is a compiler for its device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainer.config import SettingError


def compiled(network: nn.Module, device: torch.device) -> Callable[..., Tensor]:
    """Return the network compiled for any number of rows and edges; its first calls take about a minute.

    Raises SettingError if not even a sum can be compiled.
    """
    try:
        torch.compile(_probe)(torch.ones(2, device=device))
    except Exception as error:  # the compiler's many parts raise many types
        problem = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SettingError(f"compile: cannot be used; expected a compiler for {device}, got {problem}") from error
    made: Callable[..., Tensor] = torch.compile(network, dynamic=True)
    return made


def _probe(values: Tensor) -> Tensor:
    return (values.sin() + 1.0).sum()
