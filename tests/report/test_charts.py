"""Charts: drawn from the figures of the log, the same each time, next to a Markdown page."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from monitor import grammar
from monitor.report.build import build
from monitor.report.chart import Chart, Curve, Dot, Shape
from monitor.report.drawing import draw_file, draw_inline
from monitor.report.publish import publish
from monitor.report.sections.charts import charts
from monitor.report.sections.epochs import epoch_table


def charts_of(snapshot) -> dict[str, Chart]:
    return {chart.name: chart for chart in charts(snapshot, epoch_table(snapshot))}


def test_each_dot_is_a_figure_of_the_log_and_names_its_line(snapshot_of, healthy):
    found = charts_of(snapshot_of(healthy))
    assert set(found) == {"loss", "sharpe", "correlation", "gradients", "resets"}
    assert [(dot.x, dot.y) for dot in found["sharpe"].curves[0].dots] == [(1, 0.08), (2, 0.16)]
    for chart in found.values():
        for curve in chart.curves:
            for dot in curve.dots:
                [line] = dot.evidence[-1:]
                assert healthy[line.line - 1].startswith(line.text[:40])
    assert [dot.y for dot in found["loss"].curves[1].dots] == [0.5, 0.25]
    assert {curve.name for curve in found["gradients"].curves} >= {"gat", "variable_selection"}


def test_gpu_use_is_drawn_by_the_minutes_since_the_start(snapshot_of, log):
    log.start().preface()
    for used in (10.0, 60.0):
        log.add(grammar.Gpu(index=0, util_pct=used, used_mb=17421.0, total_mb=81920.0))
    gpu = charts_of(snapshot_of(log.lines))["gpu"]
    assert [curve.name for curve in gpu.curves] == ["GPU 0 use", "GPU 0 memory"]
    assert [round(dot.y) for dot in gpu.curves[0].dots] == [10, 60]
    assert gpu.y_range == (0.0, 100.0)


def test_a_log_without_figures_has_no_chart(snapshot_of):
    assert charts_of(snapshot_of(["hello"])) == {}


def test_the_notes_list_what_is_not_drawn(snapshot_of, log):
    log.start().preface()
    for step in range(1, 100):
        log.train(step, 1, loss=math.nan if step == 99 else 0.5)
    log.gradients(100, 1, zero=("gat",))
    found = charts_of(snapshot_of(log.lines))
    assert "train, newest reports: the newest 64 of 99 values" in found["loss"].notes
    assert "train, newest reports: 1 value is nan or infinite, and not drawn" in found["loss"].notes
    assert "values of exactly 0 are on the lower edge: gat" in found["gradients"].notes


def test_what_every_curve_leaves_out_is_noted_once(snapshot_of, log):
    log.start().preface()
    for step in range(0, 1000, 10):
        log.gradients(step, 1)
    [note] = [each for each in charts_of(snapshot_of(log.lines))["gradients"].notes if "newest" in each]
    assert note.startswith("8 curves: the newest ")
    assert note.endswith(" of 100 values")


def test_the_same_chart_gives_the_same_bytes_and_valid_xml(require, snapshot_of, healthy):
    require("pygal")
    for chart in charts_of(snapshot_of(healthy)).values():
        assert draw_file(chart) == draw_file(chart)
        tree = ElementTree.fromstring(draw_file(chart))
        tags = {each.tag.rpartition("}")[2] for each in tree.iter()}
        assert not tags & {"script", "foreignObject", "image", "a", "use"}
        assert "20" not in draw_file(chart)[:60]
        assert "<style" not in draw_inline(chart)
        assert ' style="' not in draw_inline(chart)


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        (0.0,),
        (0.0, 0.0),
        (math.nan,),
        (math.inf, -math.inf),
        (1e308, -1e308),
        (5e-324, 1e-300),
        (-1.0, 0.0, 1.0),
        (1e-7, 1.0, math.nan, 1e7),
    ],
)
def test_any_figures_can_be_drawn(require, shape: Shape, is_log: bool, values: tuple[float, ...]):
    require("pygal")
    dots = tuple(Dot(float(x), y, ()) for x, y in enumerate(values))
    chart = Chart("loss", "Loss", "step", "loss", (Curve("train", dots, len(dots)),), shape, is_log)
    ElementTree.fromstring(draw_file(chart))


def test_a_markdown_page_has_its_charts_in_a_folder_next_to_it(require, snapshot_of, healthy, tmp_path: Path):
    require("pygal")
    out = tmp_path / "STATUS.md"
    (tmp_path / "STATUS.charts").mkdir()
    (tmp_path / "STATUS.charts" / "gpu.svg").write_text("of an earlier run")
    (tmp_path / "STATUS.charts" / "mine.txt").write_text("somebody's")
    publish(out, build(snapshot_of(healthy)), "md")
    text = out.read_text()
    names = {path.name for path in (tmp_path / "STATUS.charts").iterdir()}
    assert names == {"loss.svg", "sharpe.svg", "correlation.svg", "gradients.svg", "resets.svg", "mine.txt"}
    for name in names - {"mine.txt"}:
        assert f"](STATUS.charts/{name})" in text


def test_without_the_library_the_markdown_page_explains_it(snapshot_of, healthy, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("monitor.report.drawing.can_draw", lambda: False)
    publish(tmp_path / "STATUS.md", build(snapshot_of(healthy)), "md")
    assert "Charts are not drawn: pygal is not installed" in (tmp_path / "STATUS.md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["STATUS.md"]


def test_a_page_with_blanks_and_brackets_in_its_name_links_its_charts(require, snapshot_of, healthy, tmp_path: Path):
    require("pygal")
    publish(tmp_path / "my (page).md", build(snapshot_of(healthy)), "md")
    assert "](my%20%28page%29.charts/loss.svg)" in (tmp_path / "my (page).md").read_text()
