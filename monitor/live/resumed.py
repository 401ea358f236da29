"""The pipeline of a log, to go on from its stored state or to look at it."""

from __future__ import annotations

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.store import Saved


def resumed(log: str, engine: Engine, saved: Saved) -> Pipeline:
    """Return a log's pipeline as it was at the watch's newest commit."""
    return Pipeline(
        log,
        engine,
        run=saved.run,
        states=saved.states,
        fired=saved.fired,
        history=saved.history,
        unjudged=saved.unjudged,
    )
