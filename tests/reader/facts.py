"""Read a log by the reader alone, and say what is known of it: `python -m tests.reader.facts LOG`, or score cases."""

import hashlib
import json
import math
import re
import sys
from pathlib import Path

from monitor.reader.envelope import opened
from monitor.reader.facts import Facts
from monitor.reader.lines import read_line
from monitor.reader.state import ReadState

CASES = Path(__file__).parents[3] / "shared" / "cases"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def lines_of(data: bytes) -> list[str]:
    """Return the lines of a log; carriage returns end lines too."""
    text = data.decode("utf-8", "replace")
    lines = (line for line in re.split(r"[\r\n]+", _ANSI.sub("", text)) if line.strip())
    return [opened(line.encode()).decode() if line[0] == "{" else line for line in lines]


def read_all(data: bytes) -> tuple[dict[str, object], Facts, ReadState]:
    """Return what the reader knows of a log at its end."""
    state, facts = ReadState(), Facts()
    for line in lines_of(data):
        facts.take(read_line(line, state))
    return facts.said(state), facts, state


def facts_of(data: bytes) -> dict[str, object]:
    """Return the facts of a log, by the names of ``monitor check --json``."""
    return read_all(data)[0]


def flat(said: dict[str, object]) -> dict[str, object]:
    """Return facts by the names of the cases."""
    found = {**said, "last_step": said.get("step"), "last_loss": said.get("loss")}
    metrics = said.get("metrics") or {}
    for name, splits in metrics.items():  # type: ignore[attr-defined]
        for split, value in splits.items():
            found[f"metrics.{name}.{split}"] = value
    return found


def is_same(seen: object, value: object) -> bool:
    """Whether a fact is the one that is stated."""
    seen, value = float(seen), float(value)  # type: ignore[arg-type]
    return math.isclose(seen, value, rel_tol=1e-4, abs_tol=1e-9) or (math.isnan(value) and math.isnan(seen))


def score(case: dict, folder: Path = CASES) -> dict[str, str]:
    """Return right, silent or WRONG for each fact of a case."""
    said = flat(read_all((folder / f"{case['name']}.log").read_bytes())[0])
    found = {}
    for name, value in case["facts"].items():
        seen, right = said.get(name), value if isinstance(value, list) else [value]
        if seen is None:
            found[name] = "right" if None in right else f"silent (it is {value})"
        else:
            ok = any(is_same(seen, each) for each in right if each is not None)
            found[name] = "right" if ok else f"WRONG {seen} instead of {value}"
    return found


def is_native(name: str, folder: Path = CASES) -> bool:
    """Whether a case is in our own grammar, which another reader reads."""
    return b" INFO [RUN] start" in (folder / f"{name}.log").read_bytes()[:400]


def is_held_out(name: str) -> bool:
    """Whether a case is of the half that was not looked at."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2 == 0


def main() -> None:
    """Score the cases, or print the facts of the logs that are named."""
    if len(sys.argv) > 1 and Path(sys.argv[-1]).is_file():
        for path in sys.argv[1:]:
            said, facts, state = read_all(Path(path).read_bytes())
            print(path, json.dumps(said)[:600], f"{facts.understood}/{facts.lines}", f"fit {state.place.fit}")
        return
    only = sys.argv[1] if len(sys.argv) > 1 else "all"
    cases = [json.loads(line) for line in (CASES / "manifest.jsonl").read_text().splitlines() if line.strip()]
    counts: dict[str, int] = {}
    for case in cases:
        if is_native(case["name"]):
            continue
        if only in ("design", "held") and is_held_out(case["name"]) != (only == "held"):
            continue
        for name, said in score(case).items():
            kind = said.split()[0]
            counts[kind] = counts.get(kind, 0) + 1
            if kind != "right":
                print(case["name"], name, said)
    print(counts)


if __name__ == "__main__":
    main()
