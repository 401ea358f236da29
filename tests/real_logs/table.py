#!/usr/bin/env python3
"""Read every real log with the monitor and compare with what is true: right, silent or wrong.

Run:  python tests/real_logs/fetch.py FOLDER --mirrors CLONES && python tests/real_logs/table.py FOLDER

Each log is read with `monitor check LOG --json`. It is right when every fact of its truth was read and is right, silent
when some were not read and none is wrong, wrong when one number is: a value that is none of the acceptable ones, or a
number of which the log has none. An answer that is no JSON, or none in time, is an error and counts as wrong.
The table goes between the two marks of docs/formats.md, and with --out as JSON lines into a file.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.reader.facts import facts_of  # noqa: E402 - the project is not installed for its own scripts
from tests.real_logs import fetch, truth  # noqa: E402

PAGE = HERE.parent.parent / "docs" / "formats.md"
BEGIN, END = "<!-- table of the real logs: begin -->", "<!-- table of the real logs: end -->"
SPLITS = {"val": {"val", "valid", "validation", "dev", "eval"}, "test": {"test"}, "train": {"train", "training", ""}}


def same(seen, value):
    """Whether two figures are one, to the rounding of a print."""
    seen, value = float(seen), float(value)
    if math.isnan(seen) or math.isnan(value):
        return math.isnan(seen) and math.isnan(value)
    return seen == value or math.isclose(seen, value, rel_tol=1e-4, abs_tol=1e-9)


def judge_value(name, seen, value):
    """(wrong, missing): a sentence each, or None, of one figure against its truth."""
    if value == "any":
        return None, None
    right = value if isinstance(value, list) else [value]
    if seen is None:
        return None, None if None in right else f"{name} (it is {right[0]})"
    if any(same(seen, each) for each in right if each is not None):
        return None, None
    expected = " or ".join("none" if each is None else str(each) for each in right)
    return f"{name} {seen} instead of {expected}", None


def plain(name):
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def judge_metric(metrics, names, split, value):
    """The same of a metric: found by any of its names, in any of its splits."""
    wanted = None if split == "*" else {word for each in split.split("|") for word in SPLITS.get(each, {each})}
    accepted = {plain(each) for each in names.split("|")}
    found = [
        seen
        for name, splits in metrics.items()
        if plain(name) in accepted
        for s, seen in splits.items()
        if wanted is None or str(s or "") in wanted
    ]
    label = f"{names.split('|')[0]}.{split}"
    if not found:
        return judge_value(label, None, value)
    answers = [judge_value(label, seen, value) for seen in found]
    return (None, None) if (None, None) in answers else answers[0]


def judge(facts, expected):
    """(wrong, missing) of the facts of one log."""
    answers = [judge_value(name, facts.get(name), value) for name, value in expected.items() if name != "metrics"]
    answers += [
        judge_metric(facts.get("metrics") or {}, names, split, value)
        for names, splits in expected["metrics"].items()
        for split, value in splits.items()
    ]
    return [wrong for wrong, _ in answers if wrong], [missing for _, missing in answers if missing]


def read(monitor, log):
    """What the monitor says of a log, or a sentence that says why nothing is known."""
    try:
        p = subprocess.run(
            [*monitor, "check", str(log), "--json"], capture_output=True, text=True, errors="replace", timeout=300
        )
    except subprocess.TimeoutExpired:
        return "no answer within 300 s"
    if p.returncode not in (0, 1, 3):
        return f"exit {p.returncode}: {(p.stderr.strip().splitlines() or [''])[-1][:120]}"
    try:
        said = json.loads(p.stdout.strip().splitlines()[-1])
        return {"facts": said.get("facts") or {}, "dialect": said.get("dialect"), "exit_code": p.returncode}
    except (IndexError, ValueError, AttributeError) as problem:
        return f"an answer that is no JSON object: {problem}"


def read_alone(log):
    """What the reader alone knows of a log at its end, in this process."""
    return {"facts": facts_of(truth.read(log).text.encode()), "dialect": None}


def row_of(reader, folder, each, largest):
    """A row of the table: the log's facts of the list, the verdict, and of what."""
    log = fetch.place(folder, each)
    row = {key: each[key] for key in ("repo", "path", "commit", "format")} | {"set": each.get("set", 1)}
    if not log.exists():
        return row | {"verdict": "absent", "wrong": [], "missing": [f"no {log}"]}
    if log.stat().st_size > largest:
        return row | {"verdict": "absent", "wrong": [], "missing": [f"larger than {largest:,} bytes"]}
    said = reader(log)
    if isinstance(said, str):
        return row | {"verdict": "wrong", "wrong": [said], "missing": []}
    wrong, missing = judge(said["facts"], truth.facts_of(each["format"], truth.read(log)))
    verdict = "wrong" if wrong else "silent" if missing else "right"
    return row | {"verdict": verdict, "wrong": wrong, "missing": missing, "dialect": said["dialect"]}


def totals(rows):
    """The sentence under the table."""
    read_rows = [row for row in rows if row["verdict"] != "absent"]
    count = {name: sum(row["verdict"] == name for row in read_rows) for name in ("right", "silent", "wrong")}
    share = 100 * count["right"] / max(1, len(read_rows))
    return (
        f"{len(read_rows)} logs of {len({row['repo'] for row in read_rows})} repositories in "
        f"{len({row['format'] for row in read_rows})} formats: {count['right']} right ({share:.1f} %), "
        f"{count['silent']} silent, {count['wrong']} wrong."
    )


def markdown(rows):
    """The table as it stands in docs/formats.md."""
    lines = [
        totals(rows),
        *(f"Set {n}: {totals([row for row in rows if row['set'] == n])}" for n in sorted({row["set"] for row in rows})),
        "",
        *fetch.dropped(),
        "",
        "| repository | path | commit | format | verdict | of what |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        what = "; ".join([*row["wrong"], *(f"not read: {each}" for each in row["missing"])]).replace("|", "\\|")
        lines.append(
            f"| {row['repo']} | `{row['path']}` | `{row['commit'][:12]}` | {row['format']} "
            f"| {row['verdict']} | {what} |"
        )
    return "\n".join(lines)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("folder", type=pathlib.Path)
    ap.add_argument("--monitor", default=".venv/bin/monitor", help="the command, words parted by blanks")
    ap.add_argument("--reader", action="store_true", help="read by the reader alone, in this process, one by one")
    ap.add_argument("--largest", type=int, default=10**12, help="leave out logs of more bytes")
    ap.add_argument("--only", default="", help="a part of repository, path or format")
    ap.add_argument("--set", type=int, default=0, help="one set of the list only")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--out", type=pathlib.Path, help="also write the rows as JSON lines to this file")
    ap.add_argument("--page", type=pathlib.Path, default=PAGE, help="the page between whose marks the table goes")
    ap.add_argument("--print", action="store_true", dest="only_print", help="leave the page as it is")
    ap.add_argument("--at-least", type=float, default=0.0, help="exit 1 where a smaller share is right")
    ap.add_argument("--wrong-at-most", type=int, default=10**9, help="exit 1 where more logs are wrong")
    a = ap.parse_args()
    logs = [
        each
        for each in fetch.listed()
        if a.only in f"{each['repo']} {each['path']} {each['format']}" and a.set in (0, each.get("set", 1))
    ]
    reader = read_alone if a.reader else lambda log: read(a.monitor.split(), log)
    with concurrent.futures.ThreadPoolExecutor(1 if a.reader else a.jobs) as pool:
        rows = list(pool.map(lambda each: row_of(reader, a.folder, each, a.largest), logs))
    for row in rows:
        print(
            row["verdict"],
            row["format"],
            row["repo"],
            row["path"],
            *row["wrong"],
            *(f"not read: {m}" for m in row["missing"]),
            sep=" · ",
        )
    print(totals(rows))
    if a.out:
        a.out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if not (a.only_print or a.only or a.set):
        before, rest = a.page.read_text().split(BEGIN)
        after = rest.split(END)[1]
        a.page.write_text(f"{before}{BEGIN}\n\n{markdown(rows)}\n\n{END}{after}")
    right = sum(row["verdict"] == "right" for row in rows) / max(1, len(rows))
    wrong = sum(row["verdict"] == "wrong" for row in rows)
    return int(right < a.at_least or wrong > a.wrong_at_most)


if __name__ == "__main__":
    sys.exit(main())
