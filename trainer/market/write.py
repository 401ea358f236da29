"""The files of a synthetic market: a long-format parquet panel, and next to it the best possible scores.

Interface:
    write_panel(market, Path("panel.parquet"))          # also writes panel.oracle.json
    read_oracle(Path("panel.parquet"))                  # -> Oracle

Columns: date, code, feature_00.., target_1d, target_5d, target_10d, target_20d (null if unlabeled), close.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer.market.generate import Market, MarketError, Oracle


def oracle_path(panel_path: Path) -> Path:
    """Return the path of the file with a panel's best achievable scores."""
    return panel_path.with_suffix(".oracle.json")


def write_panel(market: Market, path: Path) -> None:
    """Write the panel and its oracle file. Raises MarketError when they cannot be written."""
    days, codes, features = market.features_DCF.shape
    columns_FN = np.ascontiguousarray(market.features_DCF.reshape(days * codes, features).T)
    columns: dict[str, pa.Array] = {
        "date": pa.array(np.repeat(market.dates, codes), type=pa.date32()),
        "code": pa.DictionaryArray.from_arrays(
            np.tile(np.arange(codes, dtype=np.int32), days), pa.array(market.codes)
        ).cast(pa.string()),
    }
    columns |= {f"feature_{number:02d}": pa.array(column) for number, column in enumerate(columns_FN)}
    for h, horizon in enumerate(market.oracle.horizons):
        target = market.targets_DCH[:, :, h].reshape(-1)
        columns[f"target_{horizon}d"] = pa.array(target, mask=np.isnan(target))
    columns["close"] = pa.array(market.close_DC.reshape(-1))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pa.table(columns),
            path,
            use_dictionary=["code", "date"],
            row_group_size=100_000,
            write_page_checksum=True,
        )
        oracle_path(path).write_text(json.dumps(_oracle_document(market), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise MarketError(f"{path}: cannot be written; expected a writable path, got {error.strerror}") from error


def read_oracle(panel_path: Path) -> Oracle:
    """Read the best achievable scores of a synthetic panel.

    Raises MarketError when the file is missing or is not an oracle file.
    """
    path = oracle_path(panel_path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        daily = document["daily_rank_ic"]
        horizons = tuple(int(name) for name in daily)
        series_DH = np.array([daily[str(horizon)] for horizon in horizons], dtype=np.float64).T
        return Oracle(horizons, np.array(document["dates"], dtype="datetime64[D]"), series_DH)
    except OSError as error:
        raise MarketError(
            f"{path}: cannot be read; expected a synthetic panel's oracle file, got {error.strerror}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MarketError(f"{path}: not an oracle file; expected dates and daily_rank_ic, got {error!r}") from error


def _oracle_document(market: Market) -> dict[str, object]:
    oracle = market.oracle
    daily = {
        str(horizon): [None if np.isnan(value) else round(value, 6) for value in oracle.daily_rank_ic_DH[:, h].tolist()]
        for h, horizon in enumerate(oracle.horizons)
    }
    return {
        "definition": "mean over dates of the Spearman correlation over codes of expected and actual return",
        "rank_ic": {str(horizon): oracle.mean_rank_ic(horizon) for horizon in oracle.horizons},
        "seed": market.seed,
        "codes": len(market.codes),
        "days": len(market.dates),
        "features": market.features_DCF.shape[2],
        "planted": [asdict(part) for part in market.parts],
        "dates": [str(date) for date in market.dates],
        "daily_rank_ic": daily,
    }
