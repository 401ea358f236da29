"""One HTML file with an evaluation: tables and charts, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from trainer.evaluation.chart import Curve, chart
from trainer.evaluation.curves import MEAN_DAYS, Curves, curves_of
from trainer.evaluation.scoring import Evaluation
from trainer.evaluation.tables import COLUMNS, EvaluationError, parts_of, row
from trainer.measure.metrics import DEFINITIONS
from trainer.model.network import QUANTILES

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem; color: #1c2733; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #dde3ea; white-space: nowrap; }
.wide { overflow-x: auto; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; }
.chart { width: 100%; background: #fff; }
.chart text { font: 11px system-ui, sans-serif; fill: #42505f; }
.chart .title { font-weight: 600; font-size: 12px; fill: #1c2733; }
.chart .name { font-weight: 600; fill: var(--colour); }
.chart .y { text-anchor: end; } .chart .none { text-anchor: middle; }
.chart .grid { stroke: #e6ebf0; } .chart .line { fill: none; stroke-width: 1.5; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 1rem; }
</style>
<h1>{{ title }}</h1>
<p>{{ found.dates }}; costs {{ "%g"|format(found.overall.cost_bps) }} bps of each value bought or sold.
{%- if found.num_models > 1 %} Predictions are the mean of {{ found.num_models }} models.{% endif %}
{%- if found.num_training_dates %} <strong>{{ found.num_training_dates }} of these dates were trained on: their figures
do not show how it forecasts.</strong>{% endif %}
{%- if found.left_out %} Taken for missing: {{ found.left_out|join(", ") }}.{% endif %}</p>
{% macro table(rows, first) -%}
<div class="wide"><table>
<tr>{% if first %}<th>{{ first }}</th>{% endif %}{% for name in columns %}<th>{{ name }}</th>{% endfor %}</tr>
{% for cells in rows %}<tr>{% for cell in cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table></div>
{%- endmacro %}
{{ table(rows, "") }}
{% for horizon, charts in by_horizon %}
<h2>{{ horizon }} d</h2>
<div class="charts">
{% for each in charts %}<figure>{{ each }}</figure>
{% endfor %}</div>
{% endfor %}
<h2>What the models look at</h2>
<p>The weight of each feature in the network that selects among them, and the attention of a window's last day to the
days before; means over models, stocks and some of the days.</p>
<div class="charts"><figure>{{ lags }}</figure></div>
<table><tr><th>feature</th><th>weight</th><th>times an even one</th></tr>
{% for name, share, relative in shares %}<tr><td>{{ name }}</td><td>{{ "%.4f"|format(share) }}</td>
<td>{{ "%.2f"|format(relative) }}</td></tr>
{% endfor %}</table>
{% for name, rows in parts %}
<h2>By {{ name }}</h2>
{{ table(rows, name) }}
{% endfor %}
{% if found.folds and found.folds[0].logs %}
<h2>Trainings</h2>
<ul>{% for fold in found.folds %}
<li>{{ fold.dates }}: known until {{ fold.known_until }}; {{ fold.logs|join(", ") }}</li>
{% endfor %}</ul>
{% endif %}
<h2>Definitions</h2>
<dl>{% for name, text in definitions.items() %}<dt>{{ name }}</dt><dd>{{ text }}</dd>
{% endfor %}</dl>
</html>
"""


def write_page(found: Evaluation, out: Path, *, title: str) -> None:
    """Write the page. Raises EvaluationError."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(as_page(found, title=title), encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"{out}: cannot be written; expected a writable file, got {error}") from error


def as_page(found: Evaluation, *, title: str) -> str:
    """Return the page as text."""
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(_PAGE)
    return template.render(
        title=title,
        found=found,
        columns=COLUMNS,
        rows=[row(horizon, score) for horizon, score in found.scores.items()],
        by_horizon=[(horizon, _charts(curves_of(found, horizon), horizon)) for horizon in found.scores],
        parts=[
            (name, [(part.name, *row(horizon, score)) for part in parts for horizon, score in part.scores.items()])
            for name, parts in parts_of(found)
        ],
        shares=_shares(found),
        lags=_lags(found),
        definitions=DEFINITIONS,
    )


def _shares(found: Evaluation) -> list[tuple[str, float, float]]:
    """Return each feature's mean weight over the models, and its multiple of an even one, highest first."""
    models = found.predictions.shares
    names = {name for each in models for name in each}
    mean = {name: sum(each.get(name, 0.0) for each in models) / len(models) for name in names}
    return [(name, share, share * len(names)) for name, share in sorted(mean.items(), key=lambda pair: -pair[1])]


def _lags(found: Evaluation) -> Markup:
    models = found.predictions.attention
    longest = max(map(len, models))
    mean_T = np.mean([np.pad(each, (0, longest - len(each))) for each in models], axis=0)
    curve = Curve("attention", np.arange(float(longest)), mean_T, has_dots=True)
    drawn = chart(
        "Attention by lag", [curve], x_text=lambda x: f"{x:.0f}", y_title="share, by days before the last one"
    )
    return Markup(drawn)


def _charts(found: Curves, horizon: int) -> list[Markup]:
    days = found.date_C.astype("datetime64[D]").astype(np.float64)

    def date(x: float) -> str:
        return str(np.datetime64(round(x), "D"))

    def over_time(title: str, y_title: str, curves: Sequence[tuple[str, np.ndarray]]) -> str:
        lines = [Curve(name, days, np.asarray(values, dtype=np.float64)) for name, values in curves]
        return chart(title, lines, x_text=date, y_title=y_title)

    levels = np.array(QUANTILES)
    buckets = np.arange(1.0, len(found.bucket_returns) + 1)
    right = Curve("right", np.array([0.0, 1.0]), np.array([0.0, 1.0]), is_dashed=True)
    drawn = [
        over_time(
            "Cumulative return of the long-short portfolio",
            f"sum of returns; a part of 1/{horizon} is rebuilt each day",
            [("gross", found.gross_C), ("net of costs", found.net_C)],
        ),
        over_time("Drawdown, net of costs", "sum of returns below its highest so far", [("net", found.drawdown_C)]),
        over_time(
            "RankIC over time",
            f"rank correlation of prediction and return; mean over {MEAN_DAYS} days",
            [("daily", found.rank_ic_C), (f"{MEAN_DAYS} days", found.mean_rank_ic_C)],
        ),
        over_time(
            "Turnover",
            f"share of a part that is replaced; mean over {MEAN_DAYS} days",
            [("turnover", found.turnover_C)],
        ),
        chart(
            "Calibration of the quantiles",
            [right, Curve("observed", levels, found.below_Q, has_dots=True)],
            x_text=lambda x: f"{x:.2g}",
            y_title="share of what happened below the predicted quantile, by its level",
        ),
        chart(
            "Mean return by predicted decile",
            [Curve("return", buckets, found.bucket_returns, has_dots=True)],
            x_text=lambda x: f"{x:.0f}",
            y_title="1: predicted lowest; mean over all stocks and days",
        ),
    ]
    return [Markup(each) for each in drawn]
