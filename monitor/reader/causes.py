"""The closed sets of `rules/endings/`: why a training ends or falters, and what a text about it means for the run."""

from __future__ import annotations

from enum import StrEnum


class Effect(StrEnum):
    """What a text says about the rest of the run."""

    FATAL = "fatal"
    """This attempt is over: only another attempt can write a later step."""
    MAY_SURVIVE = "may_survive"
    """Training often goes on: it was caught, retried or restarted. Without a later step it was a death."""
    NAN = "nan"
    """A loss, gradient or other value is not finite."""
    SKIP = "skip"
    """An optimizer step was skipped. Normal while a loss scale finds its level."""
    END_OK = "end_ok"
    """The training ended as it should."""


class Cause(StrEnum):
    """Why. ``words`` completes "the run died: ..."; ``ended`` is the word that `monitor check` prints for it."""

    words: str
    ended: str
    strength: int
    """How near to the root: of several texts the strongest names the cause, the others tell its effects."""

    def __new__(cls, name: str, words: str, ended: str = "failed", strength: int = 5) -> Cause:
        """Make a member of its name, words, kind of end and strength."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.words, member.ended, member.strength = words, ended, strength
        return member

    OUT_OF_MEMORY_GPU = "out_of_memory_gpu", "out of GPU memory"
    OUT_OF_MEMORY_HOST = "out_of_memory_host", "out of host memory", "killed"
    DISK_FULL = "disk_full", "the disk or quota is full"
    TIME_LIMIT = "time_limit", "the scheduler's time limit was reached", "time_limit"
    PREEMPTION = "preemption", "preempted by the scheduler", "killed"
    REQUEUED = "requeued", "requeued, to be started again", "killed"
    NODE_FAILED = "node_failed", "a machine failed", "killed"
    WORKER_KILLED = "worker_killed", "a data loading or pool worker died"
    CUDA_ERROR = "cuda_error", "the GPU, its driver or one of its libraries reported an error"
    LOSS_NONFINITE_STOP = "loss_nonfinite_stop", "the trainer gave up because the loss or gradient is not finite"

    ASSERTION = "assertion", "an assertion failed", "failed", 4
    IMPORT_ERROR = "import_error", "a module or program is missing", "failed", 4
    CONFIG_ERROR = "config_error", "the configuration or command line was refused", "failed", 4
    IO_ERROR = "io_error", "a file or device could not be read or written", "failed", 4
    NETWORK_ERROR = "network_error", "another machine could not be reached", "failed", 3

    SEGMENTATION_FAULT = "segmentation_fault", "segmentation fault", "killed", 3
    BUS_ERROR = "bus_error", "bus error, often too little shared memory", "killed", 3
    FLOATING_POINT_EXCEPTION = "floating_point_exception", "floating point exception", "killed", 3
    ILLEGAL_INSTRUCTION = "illegal_instruction", "illegal instruction", "killed", 3
    PYTHON_ERROR = "python_error", "an exception", "failed", 3
    COLLECTIVE_TIMEOUT = "collective_timeout", "a collective operation between ranks timed out or broke", "failed", 3

    INTERRUPTED = "interrupted", "interrupted by Ctrl-C or a signal", "cancelled", 2
    CANCELLED = "cancelled", "cancelled", "cancelled", 2
    KILLED = "killed", "killed by SIGKILL", "killed", 2
    ABORTED = "aborted", "the process aborted itself", "failed", 2
    RANK_FAILED = "rank_failed", "a process of the job failed", "failed", 1
    TRACEBACK = "traceback", "an exception whose last line was not read", "failed", 0

    LOSS_NONFINITE = "loss_nonfinite", "the loss is not finite", "running", 3
    GRAD_NONFINITE = "grad_nonfinite", "a gradient is not finite", "running", 3
    VALUE_NONFINITE = "value_nonfinite", "an input, weight, output or metric is not finite", "running", 3
    STEP_SKIPPED = "step_skipped", "an optimizer step was skipped", "running", 0

    COMPLETED = "completed", "the training completed", "completed", 0
    STOPPED_EARLY = "stopped_early", "the trainer stopped early, as it was told to", "stopped", 0


STARTED_AGAIN = frozenset({Cause.PREEMPTION, Cause.REQUEUED})
"""Causes after which the scheduler usually starts the run again, in the same log."""
