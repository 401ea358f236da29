"""The processes that train one model together, one per device, as `torchrun` starts them.

In: RANK, LOCAL_RANK and WORLD_SIZE of the environment. Out: sums and lists over all processes, and a network whose
gradients are summed over all. A run of one process uses `Ranks` itself, which returns its arguments.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from trainer.config import TrainerError

PATIENCE = datetime.timedelta(minutes=30)
"""How long a process waits for the others, enough for the main one to load a panel; torch's own default."""

Anything = TypeVar("Anything")


class RanksError(TrainerError):
    """Processes that cannot work together."""


class Ranks:
    """One process alone, number 0 of 1."""

    def __init__(self, rank: int = 0, local_rank: int = 0, world_size: int = 1) -> None:
        self.rank, self.local_rank, self.world_size = rank, local_rank, world_size

    @property
    def is_main(self) -> bool:
        """Whether this process writes the main log and the checkpoints."""
        return self.rank == 0

    def agree(self, choice: Anything) -> Anything:
        """Return the main process's choice. The main process does not wait: it sends its choice when it joins."""
        return choice

    def join(self) -> None:
        """Connect to the other processes, which all methods below require. Raises RanksError if they do not come."""

    def shared(self, model: nn.Module) -> nn.Module:
        """Return the network to train with: it calls `model`, and its backward pass combines the gradients."""
        return model

    def gradients_held(self, network: nn.Module) -> AbstractContextManager[None]:
        """Return the context for a forward and backward pass whose gradients are not combined until the next one."""
        return nullcontext()

    def sum_gradients(self, model: nn.Module) -> None:
        """After backward, make each gradient the sum over all processes."""

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all processes."""
        return values

    def gather(self, value: Anything) -> list[Anything]:
        """Return the values of all processes, in order; values are pickled."""
        return [value]

    def from_main(self, read: Callable[[], Anything]) -> Anything:
        """Return the result of `read`, which only the main process calls."""
        return read()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run this block in the main process first, so that the others find its files."""
        yield


class JoinedRanks(Ranks):
    """One of several processes: gloo between CPUs, nccl between GPUs.

    The group is never shut down, except by the end of the process: while the interpreter waits for gloo's threads to
    end, one of them may wait for the interpreter. A process that has joined should therefore end with `os._exit`.
    """

    _choice: Any = None

    def agree(self, choice: Anything) -> Anything:
        self._choice = choice
        if not self.is_main:
            self._meet()
        chosen: Anything = self._choice
        return chosen

    def join(self) -> None:
        if self.is_main:
            self._meet()

    def shared(self, model: nn.Module) -> nn.Module:
        devices = {weight.device for weight in model.parameters()}
        on_gpu = [device.index for device in devices if device.type == "cuda"]
        return DistributedDataParallel(model, device_ids=on_gpu or None)

    def gradients_held(self, network: nn.Module) -> AbstractContextManager[None]:
        assert isinstance(network, DistributedDataParallel)
        held: AbstractContextManager[None] = network.no_sync()
        return held

    def sum_gradients(self, model: nn.Module) -> None:
        # DistributedDataParallel takes the mean, but each process's loss is already its share of the whole.
        torch._foreach_mul_([weight.grad for weight in model.parameters() if weight.grad is not None], self.world_size)

    def sum(self, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    def gather(self, value: Anything) -> list[Anything]:
        found: list[Any] = [None] * self.world_size
        dist.all_gather_object(found, value)
        return found

    def from_main(self, read: Callable[[], Anything]) -> Anything:
        box: list[Any] = [read() if self.is_main else None]
        dist.broadcast_object_list(box, src=0)
        result: Anything = box[0]
        return result

    @contextmanager
    def main_first(self) -> Iterator[None]:
        if not self.is_main:
            self.gather(None)
        yield
        if self.is_main:
            self.gather(None)

    def _meet(self) -> None:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        try:
            dist.init_process_group(backend, timeout=PATIENCE)
        except (dist.DistError, ValueError) as error:
            problem = str(error).splitlines()[0]
            raise RanksError(
                f"rank {self.rank}: cannot connect; expected {self.world_size} processes, got {problem}"
            ) from error
        self._choice = self.from_main(lambda: self._choice)


def ranks_of(environment: Mapping[str, str]) -> Ranks:
    """Return this process's place, which `torchrun` puts into the environment. Raises RanksError."""
    if environment.get("WORLD_SIZE", "1") == "1":
        return Ranks()
    numbers = []
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        text = environment.get(name, "")
        if not text.isdecimal():
            raise RanksError(f"environment {name}: unusable; expected a whole number set by torchrun, got {text!r}")
        numbers.append(int(text))
    rank, local_rank, world_size = numbers
    if not rank < world_size:
        raise RanksError(f"environment RANK: too high; expected less than WORLD_SIZE={world_size}, got {rank}")
    return JoinedRanks(rank, local_rank, world_size)
