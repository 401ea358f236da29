"""A thread that sends to one slow receiver, so that the watch and other receivers do not wait for it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from monitor.base.errors import SinkError

Job = Callable[[], None]


class DeliveryWorker:
    """Runs one job at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[SinkError | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def go(self, job: Job) -> None:
        """Start a job; the previous one must be done."""
        if self._thread is None:
            # A daemon thread: a receiver that hangs must not keep the watch from ending.
            self._thread = threading.Thread(target=self._run, name=f"to {self._name}", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def result(self, timeout_s: float = 0.0) -> tuple[bool, SinkError | None]:
        """Return whether the job is done, and its error if any."""
        try:
            return True, self._results.get(timeout=timeout_s) if timeout_s > 0 else self._results.get_nowait()
        except queue.Empty:
            return False, None

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except SinkError as error:
                self._results.put(error)
            except Exception as error:
                # A bug in a sink must not end the watch, nor go unseen.
                self._results.put(
                    SinkError(self._name, f"failed with {type(error).__name__} ({error})", permanent=True)
                )
            else:
                self._results.put(None)
