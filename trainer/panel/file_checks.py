"""Checks of a panel's file: a loaded panel in, problems with its rows, columns and values out."""

import numpy as np

from trainer.panel.panel import CacheUse, Panel, PanelError
from trainer.panel.problem import Consequence, PanelProblem, some_of
from trainer.panel.source import find_files


def check_source(panel: Panel) -> PanelProblem | None:
    """Return a refusal if the panel's file has changed or disappeared since it was read."""
    try:
        sources = (panel.source,) if panel.static is None else (panel.source, panel.static)
        files = tuple(file for source in sources for file in find_files(source))
        mtime_s = max(each.stat().st_mtime for each in files)
    except (OSError, PanelError):
        message = f"{panel.source}: deleted since it was read; expected the file of this run, got no file"
        return PanelProblem(Consequence.REFUSE, "stale_source", message, 1)
    if files != panel.files:
        differ = sorted(str(each) for each in set(files) ^ set(panel.files))
        message = (
            f"{panel.source}: other files than were read; expected the same, got a difference in {', '.join(differ)}"
        )
        return PanelProblem(Consequence.REFUSE, "stale_source", message, len(differ))
    if mtime_s == panel.source_mtime_s:
        return None
    message = (
        f"{panel.source}: changed since it was read; expected modification time "
        f"{_utc(panel.source_mtime_s)}, got {_utc(mtime_s)}"
    )
    return PanelProblem(Consequence.REFUSE, "stale_source", message, 1)


def source_problems(panel: Panel) -> list[PanelProblem]:
    """Report a stale cache, and a file that changed since it was read."""
    problems = []
    if panel.cache in (CacheUse.REBUILT, CacheUse.REPAIRED):
        why = "was built from other content" if panel.cache is CacheUse.REBUILT else "could not be read"
        message = f"{panel.source}: the cache {why}; expected the file's fingerprint, rebuilt the cache"
        problems.append(PanelProblem(Consequence.WARN, "stale_cache", message, 1))
    changed = check_source(panel)
    return [*problems, changed] if changed is not None else problems


def row_problems(panel: Panel) -> list[PanelProblem]:
    """Report repeated rows, rows without a key, and unused columns."""
    facts, source, problems = panel.facts, panel.source, []
    if facts.rows_duplicate:
        named = ", ".join(f"{row.date} {row.code} ({row.rows} rows)" for row in facts.duplicates)
        message = f"{source}: {facts.rows_duplicate} rows repeat a (date, code); expected each once, got {named}" + (
            ", ..." if facts.rows_duplicate > sum(row.rows - 1 for row in facts.duplicates) else ""
        )
        dates = tuple(row.date for row in facts.duplicates)
        problems.append(PanelProblem(Consequence.REFUSE, "duplicate_rows", message, facts.rows_duplicate, dates=dates))
    if facts.rows_without_key:
        message = f"{source}: {facts.rows_without_key} rows lack a date or a code; expected both, skipped the rows"
        problems.append(PanelProblem(Consequence.WARN, "rows_without_key", message, facts.rows_without_key))
    if facts.ignored_columns:
        message = (
            f"{source}: {len(facts.ignored_columns)} columns are not used; expected numeric columns "
            f"without a label's name, got {some_of(facts.ignored_columns)}"
        )
        problems.append(
            PanelProblem(
                Consequence.WARN, "ignored_columns", message, len(facts.ignored_columns), facts.ignored_columns
            )
        )
    return problems


def value_problems(panel: Panel) -> list[PanelProblem]:
    """Report unusable features, labels, prices and past returns."""
    facts, source, problems = panel.facts, panel.source, []
    counts = {name: n for name, n in zip(panel.feature_names, facts.non_finite_features, strict=True) if n}
    if counts:
        worst = sorted(counts, key=lambda name: -counts[name])
        named = tuple(f"{name} ({counts[name]} rows)" for name in worst)
        message = (
            f"{source}: {sum(counts.values())} feature values in {len(counts)} columns are not finite; "
            f"expected numbers, used the training mean, got {some_of(named)}"
        )
        problems.append(
            PanelProblem(Consequence.WARN, "non_finite_features", message, sum(counts.values()), tuple(worst))
        )
    infinite = {h: n for h, n in zip(panel.horizons, facts.infinite_targets, strict=True) if n}
    if infinite:
        horizons = ", ".join(f"{h} d ({n} rows)" for h, n in infinite.items())
        message = f"{source}: infinite labels; expected returns, treated the rows as unlabeled, got {horizons}"
        problems.append(PanelProblem(Consequence.WARN, "infinite_targets", message, sum(infinite.values())))
    if facts.bad_weights:
        message = f"{source}: {facts.bad_weights} weights are missing or below 0; expected weights, took them for 0"
        problems.append(PanelProblem(Consequence.WARN, "bad_weights", message, facts.bad_weights))
    if facts.bad_prices:
        message = f"{source}: {facts.bad_prices} prices are missing or not above 0; expected prices, ignored these"
        problems.append(PanelProblem(Consequence.WARN, "bad_prices", message, facts.bad_prices))
    if not np.isfinite(panel.returns_DC).any():
        message = f"{source}: no past returns, so the graph has no edges; expected a price or 1 d labels, got neither"
        problems.append(PanelProblem(Consequence.WARN, "no_past_returns", message, len(panel.dates)))
    return problems


def _utc(time_s: float) -> str:
    return str(np.datetime64(int(time_s * 1000), "ms")) + "Z"
