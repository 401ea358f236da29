"""Panels that would make a run's figures wrong: each is refused or warned of, with names and dates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.trainer.panels import read, table, write
from trainer.panel.checks import check_panel
from trainer.panel.file import load_panel
from trainer.panel.panel import PanelSchema
from trainer.panel.problem import Consequence
from trainer.panel.splits import SplitSettings, winsorised

CODES, DAYS = 12, 120
SCHEMA = PanelSchema(horizons=(1, 5))
SPLIT = SplitSettings(valid_share=0.3, embargo_days=5, window_days=10)
DATES = np.unique(table(codes=CODES, days=DAYS)["date"])

Columns = dict[str, np.ndarray]


class Poison(NamedTuple):
    """One way to spoil a panel, and the problem that must be found."""

    spoil: Callable[[Columns], None]
    consequence: Consequence
    kind: str
    words: tuple[str, ...]
    """What the message must name."""


def grid(columns: Columns, name: str) -> np.ndarray:
    """Return a column as [dates, codes]: a view."""
    return columns[name].reshape(DAYS, CODES)


def later(columns: Columns, days: int) -> np.ndarray:
    """Return the price some dates later, [dates, codes]."""
    close = grid(columns, "close")
    return np.concatenate([close[days:], np.full((days, CODES), np.nan)])


def feature(make: Callable[[Columns], np.ndarray]) -> Callable[[Columns], None]:
    def spoil(columns: Columns) -> None:
        with np.errstate(invalid="ignore"):
            columns["beta"] = make(columns).reshape(-1)

    return spoil


def price(change: Callable[[np.ndarray], None]) -> Callable[[Columns], None]:
    return lambda columns: change(grid(columns, "close"))


def within_day_rank(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values, axis=1), axis=1).astype(float)


def within_code_score(values: np.ndarray) -> np.ndarray:
    return (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0)


def split_two_for_one(close: np.ndarray) -> None:
    close[70:, 3] /= 2


def reverse_split(close: np.ndarray) -> None:
    close[40:, 4] *= 10


def split_in_a_gap(close: np.ndarray) -> None:
    close[50, 2] = np.nan
    close[51:, 2] /= 3


def bad_print(close: np.ndarray) -> None:
    close[33, 5] *= 100
    close[80:83, 7] /= 1000


def holiday(close: np.ndarray) -> None:
    close[45] = close[44]


def stale(close: np.ndarray) -> None:
    close[20:45, 6] = close[19, 6]


def takeover(close: np.ndarray) -> None:
    close[60:, 1] *= 6.6


def outliers(columns: Columns) -> None:
    for horizon in (1, 5):
        columns[f"target_{horizon}d"] = (later(columns, horizon) / grid(columns, "close") - 1).reshape(-1)
    grid(columns, "target_1d")[25, 8] = 40.0


REFUSE, WARN = Consequence.REFUSE, Consequence.WARN
FEATURE = ("beta", "--exclude beta")
POISONS = {
    "the label itself": Poison(
        feature(lambda c: later(c, 1) / grid(c, "close") - 1), REFUSE, "label_feature", (*FEATURE, "the 1 d label")
    ),
    "the label of five days, ranked by day and turned": Poison(
        feature(lambda c: -within_day_rank(later(c, 5) / grid(c, "close"))),
        REFUSE,
        "label_feature",
        (*FEATURE, "the 5 d label", "-1.0000"),
    ),
    "the logarithm of the label, scaled by code": Poison(
        feature(lambda c: within_code_score(np.log(later(c, 5) / grid(c, "close")))),
        REFUSE,
        "label_feature",
        (*FEATURE, "the 5 d label"),
    ),
    "the label of two dates later": Poison(
        feature(lambda c: later(c, 3) / later(c, 2) - 1), REFUSE, "label_feature", (*FEATURE, "the 1 d label 2 dates")
    ),
    "a label that is not over yet": Poison(
        feature(lambda c: np.roll(later(c, 5) / grid(c, "close") - 1, 3, axis=0)),
        REFUSE,
        "label_feature",
        (*FEATURE, "the 5 d label 3 dates earlier"),
    ),
    "the price of tomorrow": Poison(
        feature(lambda c: later(c, 1)), REFUSE, "label_feature", (*FEATURE, "its change is the 1 d label")
    ),
    "the price of tomorrow, scaled by code": Poison(
        feature(lambda c: within_code_score(later(c, 1))),
        REFUSE,
        "label_feature",
        (*FEATURE, "the change of the price 1 dates later"),
    ),
    "the label summed up": Poison(
        feature(lambda c: np.cumsum(np.nan_to_num(later(c, 1) / grid(c, "close") - 1), axis=0)),
        REFUSE,
        "label_feature",
        (*FEATURE, "its difference is the 1 d label"),
    ),
    "something close to the price of tomorrow": Poison(
        feature(lambda c: later(c, 1) * (1 + 0.01 * np.random.default_rng(0).normal(size=(DAYS, CODES)))),
        WARN,
        "suspected_leak",
        ("beta", "close to the 1 d label"),
    ),
    "a split": Poison(price(split_two_for_one), WARN, "unadjusted_prices", ("c003", str(DATES[70]), "times 0.5")),
    "a reverse split": Poison(price(reverse_split), WARN, "unadjusted_prices", ("c004", str(DATES[40]), "times ")),
    "a split while the price is missing": Poison(
        price(split_in_a_gap), WARN, "unadjusted_prices", ("c002", str(DATES[51]), "times 0.3")
    ),
    "bad prints": Poison(
        price(bad_print), WARN, "bad_prints", ("2 prices", "c005", str(DATES[33]), "c007", str(DATES[80]))
    ),
    "a filled holiday": Poison(price(holiday), WARN, "still_days", ("1 dates", str(DATES[45]))),
    "a price that was filled for weeks": Poison(price(stale), WARN, "stale_prices", ("c006", "25", str(DATES[20]))),
    "a jump": Poison(price(takeover), WARN, "price_jumps", ("c001", str(DATES[60]))),
    "a label in percent": Poison(outliers, WARN, "label_outliers", ("+40", "c008", str(DATES[25]))),
}


@pytest.mark.parametrize("name", POISONS)
def test_a_poisoned_panel_is_refused_or_warned_of_with_names_and_dates(name: str, tmp_path: Path):
    poison, columns = POISONS[name], table(codes=CODES, days=DAYS)
    poison.spoil(columns)
    report = check_panel(read(columns, tmp_path / "panel.parquet", SCHEMA), SPLIT)
    found = {problem.kind: problem for problem in report.problems}
    assert poison.kind in found, [problem.message for problem in report.problems]
    problem = found[poison.kind]
    assert problem.consequence is poison.consequence
    assert [word for word in poison.words if word not in problem.message] == []
    if poison.kind in ("label_feature", "suspected_leak"):
        assert problem.columns == ("beta",)
    else:
        assert set(problem.dates) <= set(DATES.astype(str))
        assert problem.dates


def honest(close: np.ndarray) -> dict[str, np.ndarray]:
    """Features that look much like a label or a price, and are known at their date."""
    past = {days: np.concatenate([np.full((days, CODES), np.nan), close[:-days]]) for days in (1, 2, 4, 5, 19)}
    return {
        "price": close,
        "price of yesterday": past[1],
        "return of today": close / past[1] - 1,
        "return of four days": close / past[4] - 1,
        "return of five days": close / past[5] - 1,
        "return of a month": close / past[19] - 1,
        "rank of today": within_day_rank(close / past[1]),
        "market": np.repeat(np.nan_to_num(close / past[1]).mean(axis=1)[:, None], CODES, axis=1),
        "weekday": np.repeat((np.arange(DAYS) % 5)[:, None], CODES, axis=1).astype(float),
        "sector": np.tile(np.arange(CODES) % 3, (DAYS, 1)).astype(float),
        "rare event": (np.random.default_rng(1).random((DAYS, CODES)) < 0.02).astype(float),
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share_still", [0.0, 0.4])
def test_what_is_known_at_the_date_is_neither_refused_nor_suspected(tmp_path: Path, seed: int, share_still: float):
    columns = table(codes=CODES, days=DAYS, seed=seed)
    close = grid(columns, "close")
    # Prices that often do not move have many equal returns.
    stays = np.random.default_rng(seed).random((DAYS, CODES)) < share_still
    for day in range(1, DAYS):
        close[day] = np.where(stays[day], close[day - 1], close[day])
    columns |= {name: values.reshape(-1) for name, values in honest(close).items()}
    report = check_panel(read(columns, tmp_path / "panel.parquet", SCHEMA), SPLIT)
    kinds = {problem.kind for problem in report.problems}
    assert kinds <= {"non_finite_features", "stale_prices"}, [problem.message for problem in report.problems]


@pytest.mark.parametrize("scale", [0.01, 0.05])
def test_a_market_that_crashes_and_recovers_has_no_bad_prices(tmp_path: Path, scale: float):
    rng = np.random.default_rng(3)
    columns = table(codes=CODES, days=DAYS)
    moves = rng.standard_t(4, (DAYS, CODES)) * scale / 2
    moves[50] -= 0.2
    moves[53] += 0.1
    grid(columns, "close")[...] = 50 * np.exp(np.cumsum(np.clip(moves, -0.29, 0.29), axis=0))
    report = check_panel(read(columns, tmp_path / "panel.parquet", SCHEMA), SPLIT)
    assert report.problems == ()


def test_the_moves_of_a_panel_survive_its_cache(tmp_path: Path):
    columns = table(codes=CODES, days=DAYS)
    for spoil in (bad_print, stale, holiday):
        spoil(grid(columns, "close"))
    path = write(columns, tmp_path / "panel.parquet")
    built, reused = (load_panel(path, SCHEMA, cache_dir=tmp_path / "cache") for _ in range(2))
    assert reused.facts == built.facts == load_panel(path, SCHEMA).facts
    assert [len(each) for each in built.facts.moves] == [2, 1, 1]


def test_only_the_labels_of_the_training_part_are_winsorised(tmp_path: Path):
    panel = read(table(codes=CODES, days=DAYS), tmp_path / "panel.parquet", SCHEMA)
    splits = check_panel(panel, SPLIT).splits
    assert splits is not None
    train = slice(splits.train.first, splits.train.stop)
    drawn_in = winsorised(panel.targets_DCH, splits.train, panel.horizons, share=0.05)
    before, after = panel.targets_DCH[train, :, 0], drawn_in[train, :, 0]
    low, high = np.quantile(before, (0.05, 0.95))
    assert (after.min(), after.max()) == (pytest.approx(low), pytest.approx(high))
    assert (after == before).mean() == pytest.approx(0.9, abs=0.01)
    assert np.array_equal(drawn_in[splits.valid.first :], panel.targets_DCH[splits.valid.first :], equal_nan=True)
