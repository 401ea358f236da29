"""The device and the precision of a forward pass, the same for training and for predicting."""

from __future__ import annotations

import torch

from trainer.config import SettingError


def device_of(asked: str, *, local_rank: int = 0, world_size: int = 1) -> torch.device:
    """Return the requested device; each of several processes on a machine takes its own GPU.

    Raises SettingError if that device does not exist.
    """
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(asked)
    if device.type == "cpu":
        return device
    if device.index is not None and world_size > 1:
        raise SettingError(f"device: one GPU for {world_size} processes; expected auto, cpu or cuda, got {asked}")
    device = torch.device("cuda", local_rank if device.index is None else device.index)
    if device.index >= torch.cuda.device_count():
        raise SettingError(f"device: does not exist; expected one of {torch.cuda.device_count()} GPUs, got {device}")
    torch.cuda.set_device(device)
    return device


def set_tf32(is_on: bool) -> None:
    """Let a GPU round the factors of fp32 products to TF32, or not; torch itself does so in recurrent layers only."""
    torch.backends.cuda.matmul.allow_tf32 = is_on
    torch.backends.cudnn.allow_tf32 = is_on


def autocast_for(precision: str, device: torch.device) -> torch.autocast:
    """Return the context for a forward pass in a precision, fp32 or bf16-mixed."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed")
