"""Write into the README what only a run or the rule files can say: the demo's output, and the table of rules."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from monitor.alert import Severity
from monitor.rules import Rule, load_rules

ROOT = Path(__file__).parents[2]
WIDTH = 180
"""Characters of an output line that the README shows; the log's own lines are longer."""


def filled(readme: str, section: str, text: str) -> str:
    """Return the README with the text between a section's two marks. Raises ValueError where they are missing."""
    marks = re.compile(rf"(<!-- {section}: [^\n]*-->\n).*?(<!-- {section} end -->)", re.DOTALL)
    if not marks.search(readme):
        raise ValueError(f"README.md: no marks for {section!r}; expected <!-- {section}: ... --> and its end")
    return marks.sub(lambda match: f"{match[1]}{text}{match[2]}", readme)


def rules_table(rules: list[Rule]) -> str:
    """Return the kinds of fault as a Markdown table, with the rules that speak of each and the worst severity."""
    by_fault: dict[str, list[Rule]] = {}
    for rule in rules:
        by_fault.setdefault(rule.fault, []).append(rule)
    rows = []
    for fault, found in sorted(by_fault.items()):
        worst = max(map(_worst, found), key=lambda each: each.rank)
        rows.append(f"| {fault} | {', '.join(f'`{rule.alert}`' for rule in found)} | {worst.value} |\n")
    return "| fault | rules | severity |\n|---|---|---|\n" + "".join(rows)


def _worst(rule: Rule) -> Severity:
    """Return the severity that a rule's alert can reach."""
    reached = [rule.severity, *(level.severity for level in getattr(rule.condition, "levels", ()))]
    return max(reached, key=lambda each: each.rank)


def demo_block(output: str) -> str:
    """Return what a watch says up to the first alert that another explains, and what is wrong at the end.

    A code block, long lines cut; the alerts that are explained, their ends and all that is ok are left out.
    """
    lines = [line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …" for line in output.splitlines()]
    explained = next((place for place, line in enumerate(lines) if line.startswith("⚪")), len(lines))
    summary = next((place for place, line in enumerate(lines) if " epochs done, step " in line), explained)
    told = [line for line in lines[summary:] if not line.startswith(("✅", "➖"))]
    shown = [*lines[:explained], "…", *told, "…"]
    return "```text\n" + "\n".join(shown) + "\n```\n"


def main() -> None:
    """Fill the README from the shipped rules and the newest demo's output."""
    path = ROOT / "README.md"
    path.write_text(filled(path.read_text(), "rules", rules_table(load_rules(sorted((ROOT / "rules").glob("*.yaml"))))))
    outputs = sorted((ROOT / "_logs/training").glob("demo_*.watch.txt"))
    if not outputs:
        sys.exit("_logs/training/demo_*.watch.txt: none there, the demo's part is as it was; run make demo first")
    path.write_text(filled(path.read_text(), "demo", demo_block(outputs[-1].read_text())))


if __name__ == "__main__":
    main()
