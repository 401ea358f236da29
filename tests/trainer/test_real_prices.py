"""Real prices, from packages that ship some: check, fit, predict, and every figure again with pandas and scipy.

`make test-real-prices` installs the packages; only their CSV files are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from monitor import grammar
from tests.trainer.evaluation.walks import fold_figures, walk
from tests.trainer.runs import Run, fit
from trainer.cli import main

pytestmark = pytest.mark.slow
COST_BPS = 10.0
YEAR = 252


class Prices(NamedTuple):
    """Prices of one package, and how they are used."""

    package: str
    file: str
    last_days: int
    horizons: tuple[int, ...]


PRICES = {
    "20 American stocks": Prices("skfolio", "datasets/data/sp500_dataset.csv.gz", 900, (1, 5)),
    "88 Canadian stocks": Prices("universal", "data/tse.csv", 500, (1, 5)),
    "36 stocks of the sixties": Prices("universal", "data/nyse_o.csv", 600, (1, 10)),
}


@pytest.fixture
def pandas(require: Callable[[str], None]) -> Any:
    for name in ("pandas", "scipy", "skfolio", "universal"):
        require(name)
    import pandas

    return pandas


def write_panel(pandas: Any, prices: Prices, path: Path) -> Any:
    """Write prices and a few features of the past as a CSV panel; return the prices by date and code."""
    spec = find_spec(prices.package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    wide = pandas.read_csv(Path(spec.submodule_search_locations[0]) / prices.file)
    if "Date" in wide:
        wide = wide.set_index(pandas.to_datetime(wide.pop("Date")))
    else:
        wide.index = pandas.bdate_range("2001-01-01", periods=len(wide))
    wide = wide.tail(prices.last_days)
    change = wide.pct_change()
    features = {
        "close": wide,
        "return_1": change,
        "return_5": wide.pct_change(5),
        "return_20": wide.pct_change(20),
        "volatility": change.rolling(20).std(),
        "above_low": wide / wide.rolling(20).min() - 1,
    }
    long = pandas.concat({name: each.stack() for name, each in features.items()}, axis=1)
    long.rename_axis(["date", "code"]).reset_index().dropna(subset=["close"]).to_csv(path, index=False)
    return wide


@pytest.mark.parametrize("name", PRICES)
def test_every_figure_is_found_again_with_pandas_and_scipy(name: str, pandas: Any, tmp_path: Path):
    prices = PRICES[name]
    panel = tmp_path / "panel.csv"
    wide = write_panel(pandas, prices, panel)
    horizons = ",".join(map(str, prices.horizons))
    checked = CliRunner().invoke(main, ["check", "--data", str(panel), "--horizons", horizons, "--test-share", "0.2"])
    assert (checked.exit_code, checked.stdout.splitlines()[-1].endswith("usable")) == (0, True), checked.stdout
    run = fit(
        tmp_path,
        panel,
        epochs=1,
        batch_size=400,
        horizons=prices.horizons,
        test_share=0.2,
        checkpoint_dir=str(tmp_path / "c"),
    )
    predicted = invoke("predict", "--checkpoint", tmp_path / "c", "--data", panel, "--out", tmp_path / "preds.parquet")
    assert predicted == ""
    predictions = pandas.read_parquet(tmp_path / "preds.parquet")
    by_date = predictions.assign(date=pandas.to_datetime(predictions["date"])).set_index(["date", "code"])
    tested = json.loads(invoke("evaluate", "--checkpoint", tmp_path / "c", "--data", panel, "--json"))
    parts = run.records(grammar.Data)[0]
    for place, horizon in enumerate(prices.horizons):
        # In single precision, as the panel keeps labels: returns that differ in their 17th digit are tied.
        returns = (wide.shift(-horizon) / wide - 1).astype("float32").astype(float)
        logged = vars(run.records(grammar.HorizonMetrics)[place])
        for dates, found, beyond in (
            (parts.valid, logged, parts.test.split("..")[0]),
            (parts.test, tested["horizons"][str(horizon)], None),
        ):
            first, last = dates.split("..")
            within = returns[first:last]
            if beyond is not None:  # labels must end before the test part
                stop = wide.index.get_loc(beyond) - horizon
                within = within[within.index < wide.index[stop]]
            expected = figures(pandas, by_date, within, horizon)
            differ = {key: (value, found[key]) for key, value in expected.items() if not close(value, found[key])}
            assert differ == {}


def close(left: float, right: Any) -> bool:
    return isinstance(right, int | float) and abs(left - right) <= 1e-6 * max(1.0, abs(left))


def figures(pandas: Any, predictions: Any, returns: Any, horizon: int) -> Mapping[str, float]:
    """Return the figures of one horizon, from predictions by date and code and returns by date in rows."""
    import numpy as np
    from scipy import stats

    label = returns.stack().rename("label").rename_axis(["date", "code"])
    rows = predictions.join(label, how="inner").dropna(subset=["label"]).sort_index()
    guess, low, high = (f"pred_{horizon}d{end}" for end in ("", "_q10", "_q90"))
    rows = rows.astype({guess: float, low: float, high: float})
    days = rows.groupby(level="date")
    flat = days["label"].nunique().lt(2)
    moving = rows[~rows.index.get_level_values("date").map(flat)]
    ic, rank_ic, spread, weights, hits = {}, {}, {}, {}, []
    for date, day in moving.groupby(level="date"):
        day = day.droplevel("date")
        ic[date] = stats.pearsonr(day[guess], day["label"]).statistic
        rank_ic[date] = stats.spearmanr(day[guess], day["label"]).statistic
        places = max(1, len(day) // 10)
        order = day[guess].sort_values()
        weight = pandas.Series(0.0, index=day.index)
        weight[order.index[-places:]], weight[order.index[:places]] = 1 / places, -1 / places
        weights[date], spread[date] = weight, (weight * day["label"]).sum()
        hits.append(np.sign((day[guess] - day[guess].mean()) * (day["label"] - day["label"].mean())))
    ic, rank_ic, spread = pandas.Series(ic), pandas.Series(rank_ic), pandas.Series(spread)
    weights = pandas.DataFrame(weights).T.fillna(0.0)
    hits = pandas.concat(hits)
    place = pandas.Series(np.searchsorted(returns.index, spread.index), index=spread.index)
    start = (place - place.iloc[0]) % horizon
    apart, net, turnover = [], [], []
    for first in range(horizon):
        mine = spread[start == first]
        held = weights[start == first]
        traded = held.diff().abs().sum(axis=1)
        traded.iloc[0] = held.iloc[0].abs().sum()
        apart.append(mine.mean() / mine.std())
        paid = mine - traded * COST_BPS / 1e4
        net.append(paid.mean() / paid.std())
        turnover += [(after - before).abs().sum() / 4 for (_, before), (_, after) in pairwise(held.iterrows())]
    year = (YEAR / horizon) ** 0.5
    within = rows[guess] - days[guess].transform("mean"), rows["label"] - days["label"].transform("mean")
    residual = ((rows["label"] - rows[guess]) ** 2).sum() / ((rows["label"] - rows["label"].mean()) ** 2).sum()
    return {
        "n_days": len(flat),
        "n_undefined": int(flat.sum()),
        "ic": ic.mean(),
        "rank_ic": rank_ic.mean(),
        "sharpe": spread.mean() / spread.std() * year,
        "hit_rate": (hits > 0).sum() / (hits != 0).sum(),
        "pred_std": within[0].std(ddof=0),
        "target_std": within[1].std(ddof=0),
        "r2": 1 - residual,
        "ic_ir": ic.mean() / ic.std(),
        "ic_se": newey_west(ic, 2 * (horizon - 1)),
        "rank_ic_se": newey_west(rank_ic, 2 * (horizon - 1)),
        "rank_ic_t": rank_ic.mean() / newey_west(rank_ic, 2 * (horizon - 1)),
        "sharpe_apart": np.mean(apart) * year,
        "sharpe_net": np.mean(net) * year,
        "turnover": np.mean(turnover),
        "coverage_80": rows["label"].between(rows[low], rows[high]).mean(),
    }


def newey_west(series: Any, lags: int) -> float:
    off = series - series.mean()
    total = (off**2).sum() + 2 * sum(
        (1 - lag / (lags + 1)) * (off * off.shift(lag)).sum() for lag in range(1, lags + 1)
    )
    return (total / (len(series) - 1) / len(series)) ** 0.5


def invoke(*words: Any) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.stderr
    return done.stdout if "evaluate" in words else ""


@pytest.mark.parametrize("name", PRICES)
def test_no_fold_sees_its_future(name: str, pandas: Any, tmp_path: Path):
    prices = PRICES[name]
    write_panel(pandas, prices, tmp_path / "panel.csv")
    words = ("--folds", 2, "--fold-days", 40)
    settings = {"horizons": prices.horizons, "embargo_days": 10, "batch_size": 400}
    before = walk(tmp_path / "before", tmp_path / "panel.csv", *words, **settings)
    end = before["folds"][0]["dates"].split("..")[1]
    rows = pandas.read_csv(tmp_path / "panel.csv")
    is_later = pandas.to_datetime(rows["date"]) > end
    for column in rows.columns.drop(["date", "code"]):
        # The past in reverse: what a model would love to know.
        rows.loc[is_later, column] = rows.loc[is_later, column].to_numpy()[::-1] * 3 + 1
    rows.to_csv(tmp_path / "spoilt.csv", index=False)
    after = walk(tmp_path / "after", tmp_path / "spoilt.csv", *words, **settings)
    left, right = fold_figures(before), fold_figures(after)
    assert left[0] == right[0]
    assert left[1]["horizons"] != right[1]["horizons"]


def test_the_log_of_real_prices_has_no_line_that_cannot_be_read(pandas: Any, tmp_path: Path):
    panel = tmp_path / "panel.csv"
    write_panel(pandas, PRICES["20 American stocks"], panel)
    run: Run = fit(tmp_path, panel, epochs=1, batch_size=400, horizons=(1, 5))
    assert run.unknown() == []
