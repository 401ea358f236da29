"""Many logs of the past → what came of each: in several processes, and from where a killed one left off."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import IO

from monitor.base.errors import MonitorError
from monitor.engine.step import Engine
from monitor.rehearsal.past import PastRun, from_json, judge, key_of

WAITING_PER_PROCESS = 4
"""Logs that are handed out ahead, so that memory does not grow with their number."""

MakeEngine = Callable[[], Engine]
"""Makes the engine in each process; must be a function that can be sent to another process."""


def backtest(
    logs: Sequence[str],
    make_engine: MakeEngine,
    of_rules: str,
    *,
    jobs: int,
    results: Path | None = None,
    note: Callable[[PastRun], object] = lambda run: None,
) -> Iterator[PastRun]:
    """Yield what came of each log, in their order; ``note`` is called with each as it comes.

    What the file ``results`` knows by content is not judged again, and what is new is added to it at once.
    """
    known = _read(results)
    with results.open("a", encoding="utf-8") if results is not None else nullcontext() as file:
        if results is not None and file is not None and not _is_whole(results):
            # A torn line of a killed process must not swallow the next one.
            file.write("\n")
        for run in _judged(logs, known, make_engine, of_rules, jobs):
            if file is not None and not run.problem and run.key not in known:
                _add(file, run)
            note(run)
            yield run


def _judged(
    logs: Sequence[str], known: dict[str, PastRun], make_engine: MakeEngine, of_rules: str, jobs: int
) -> Iterator[PastRun]:
    if jobs == 1:
        _prepare(make_engine)
        yield from (_judge(log, key, known) for log, key in _keys(logs, of_rules))
        return
    # A fork would copy locks that the progress bar's thread holds.
    with ProcessPoolExecutor(jobs, get_context("spawn"), _prepare, (make_engine,)) as pool:
        try:
            yield from _in_order(logs, known, pool, of_rules, WAITING_PER_PROCESS * jobs)
        except BrokenProcessPool:
            raise MonitorError(
                "backtest",
                "a process was killed while it read logs, perhaps because memory ran out; expected it to end by "
                "itself; --jobs 1 needs less, and with --results FILE the next call goes on from here",
            ) from None


def _in_order(
    logs: Sequence[str], known: dict[str, PastRun], pool: ProcessPoolExecutor, of_rules: str, most_waiting: int
) -> Iterator[PastRun]:
    """Yield in the order of the logs, so that what is told does not depend on which process was faster."""
    waiting: deque[PastRun | Future[PastRun]] = deque()
    for log, key in _keys(logs, of_rules):
        if isinstance(key, PastRun):
            waiting.append(key)
        else:
            waiting.append(_known(known[key], log) if key in known else pool.submit(_judge_new, log, key))
        while waiting and (len(waiting) >= most_waiting or isinstance(waiting[0], PastRun)):
            yield _result(waiting.popleft())
    yield from map(_result, waiting)


def _result(found: PastRun | Future[PastRun]) -> PastRun:
    return found if isinstance(found, PastRun) else found.result()


def _keys(logs: Iterable[str], of_rules: str) -> Iterator[tuple[str, str | PastRun]]:
    for log in logs:
        try:
            yield log, key_of(log, of_rules)
        except OSError as error:
            yield log, PastRun(log, "", "", problem=f"cannot be read ({error.strerror})")


def _judge(log: str, key: str | PastRun, known: dict[str, PastRun]) -> PastRun:
    if isinstance(key, PastRun):
        return key
    return _known(known[key], log) if key in known else _judge_new(log, key)


def _known(run: PastRun, log: str) -> PastRun:
    return replace(run, log=log)


_engine: list[Engine] = []
"""The engine of this process: all logs share it."""


def _prepare(make_engine: MakeEngine) -> None:
    _engine[:] = [make_engine()]


def _judge_new(log: str, key: str) -> PastRun:
    try:
        return judge(log, key, _engine[0])
    except MonitorError as error:
        return PastRun(log, key, "", problem=str(error).removeprefix(f"{log}: "))


def _read(results: Path | None) -> dict[str, PastRun]:
    """Return what an earlier call has found; a last line that was torn by a kill is left out."""
    if results is None or not results.exists():
        return {}
    with results.open(encoding="utf-8", errors="replace") as file:
        found = (from_json(line) for line in file)
        return {run.key: run for run in found if run is not None}


def _is_whole(results: Path) -> bool:
    """Whether a file is empty, or its last line has its end."""
    with results.open("rb") as file:
        file.seek(max(0, results.stat().st_size - 1))
        return file.read() in (b"", b"\n")


def _add(file: IO[str], run: PastRun) -> None:
    file.write(f"{run.to_json()}\n")
    file.flush()
    os.fsync(file.fileno())
