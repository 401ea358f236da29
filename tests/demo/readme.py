"""Write the generated parts of the README, and of the pages of the demo and of the faults."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from monitor.alert import Severity
from monitor.api import read
from monitor.rules import Rule, load_rules
from monitor.terminal.lines import summary_lines

ROOT = Path(__file__).parents[2]
README, DEMO, FAULTS = ROOT / "README.md", ROOT / "docs" / "demo.md", ROOT / "docs" / "faults.md"
WIDTH = 180
"""Most characters of an output line in the README; lines of the log are longer."""


def filled(readme: str, section: str, text: str) -> str:
    """Return a page with the text between a section's two marks. Raises ValueError if they are missing."""
    marks = re.compile(rf"(<!-- {section}: [^\n]*-->\n).*?(<!-- {section} end -->)", re.DOTALL)
    if not marks.search(readme):
        raise ValueError(f"{section}: marks missing; expected <!-- {section}: ... --> and <!-- {section} end -->")
    return marks.sub(lambda match: f"{match[1]}{text}{match[2]}", readme)


def rules_table(rules: list[Rule]) -> str:
    """Return a Markdown table of the kinds of fault, the rules for each, and their highest severity."""
    by_fault: dict[str, list[Rule]] = {}
    for rule in rules:
        by_fault.setdefault(rule.fault, []).append(rule)
    rows = []
    for fault, found in sorted(by_fault.items()):
        worst = max(map(_worst, found), key=lambda each: each.rank)
        rows.append(f"| {fault} | {', '.join(f'`{rule.alert}`' for rule in found)} | {worst.value} |\n")
    return "| fault | rules | severity |\n|---|---|---|\n" + "".join(rows)


def _worst(rule: Rule) -> Severity:
    """Return the highest severity that a rule's alert can reach."""
    reached = [rule.severity, *(level.severity for level in getattr(rule.condition, "levels", ()))]
    return max(reached, key=lambda each: each.rank)


def example_log() -> str:
    """Return the log of a foreign run whose loss becomes nan after a checkpoint."""
    lines = []
    for step in range(0, 800, 10):
        time = f"2026-03-02 {9 + step // 3600:02}:{step // 60 % 60:02}:{step % 60:02}"
        loss = "nan" if step >= 310 else f"{3 - step / 400:.4f}"
        lines.append(f"{time} iter {step}: loss {loss}, time 1000.00ms, mfu 15.34%\n")
        if step == 250:
            lines.append(f"{time} saving checkpoint to out/ckpt.pt\n")
    return "".join(lines)


def check_block() -> str:
    """Return what ``monitor check`` prints of the example, as a code block."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "lr6e-4" / "train.log"
        log.parent.mkdir()
        log.write_text(example_log())
        shown = [line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …" for line in summary_lines(read(log).snapshot)]
    return "```text\n$ monitor check lr6e-4/train.log\n" + "\n".join(shown) + "\n```\n"


def demo_block(output: str) -> str:
    """Return a watch's output, as a code block: all up to the first alert that another explains, and the problems at
    the end. Long lines are cut; everything in between, and everything that is ok, is left out.
    """
    lines = [line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …" for line in output.splitlines()]
    explained = next((place for place, line in enumerate(lines) if line.startswith("⚪")), len(lines))
    summary = next((place for place, line in enumerate(lines) if " epochs done" in line and " · " in line), explained)
    problems = [line for line in lines[summary:] if not line.startswith(("✅", "➖"))]
    shown = [*lines[:explained], "…", *problems, "…"]
    return "```text\n" + "\n".join(shown) + "\n```\n"


def main() -> None:
    """Fill README and pages from the shipped rules and the newest demo's output."""
    rules = load_rules(sorted((ROOT / "rules").glob("*.yaml")))
    _fill(README, "check", check_block())
    _fill(FAULTS, "rules", rules_table(rules))
    outputs = sorted((ROOT / "_logs/training").glob("demo_*.watch.txt"))
    if not outputs:
        sys.exit("_logs/training/demo_*.watch.txt: no such file, so the demo's part is unchanged; run make demo first")
    _fill(DEMO, "demo", demo_block(outputs[-1].read_text()))


def _fill(path: Path, section: str, text: str) -> None:
    path.write_text(filled(path.read_text(), section, text))


if __name__ == "__main__":
    main()
