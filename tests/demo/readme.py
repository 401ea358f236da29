"""Write the generated parts of the README: the demo's output and the table of rules."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from monitor.alert import Severity
from monitor.rules import Rule, load_rules

ROOT = Path(__file__).parents[2]
WIDTH = 180
"""Most characters of an output line in the README; lines of the log are longer."""


def filled(readme: str, section: str, text: str) -> str:
    """Return the README with the text between a section's two marks. Raises ValueError if they are missing."""
    marks = re.compile(rf"(<!-- {section}: [^\n]*-->\n).*?(<!-- {section} end -->)", re.DOTALL)
    if not marks.search(readme):
        raise ValueError(f"README.md: marks missing; expected <!-- {section}: ... --> and <!-- {section} end -->")
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
    """Fill the README from the shipped rules and the newest demo's output."""
    path = ROOT / "README.md"
    path.write_text(filled(path.read_text(), "rules", rules_table(load_rules(sorted((ROOT / "rules").glob("*.yaml"))))))
    outputs = sorted((ROOT / "_logs/training").glob("demo_*.watch.txt"))
    if not outputs:
        sys.exit("_logs/training/demo_*.watch.txt: no such file, so the demo's part is unchanged; run make demo first")
    path.write_text(filled(path.read_text(), "demo", demo_block(outputs[-1].read_text())))


if __name__ == "__main__":
    main()
