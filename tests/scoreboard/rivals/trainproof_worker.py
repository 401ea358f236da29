"""Runs in trainproof's environment: reads requests from stdin and answers each with what trainproof finds.

In: one JSON object a line, `{"path": JSON-lines file, "until": seconds or null, "as": "epoch" or "watch"}`. Out: for
each a line with a JSON list of `[step, rule, text, time]`. Needs trainproof and nothing else.
"""

import contextlib
import inspect
import io
import json
import sys
from importlib.metadata import version
from typing import Any

from trainproof import watch
from trainproof.adapters import parse_log_with_format
from trainproof.epoch import check_epoch

ALARMING = ("WARN", "FAIL")
Finding = dict[str, Any]
Request = dict[str, Any]
Alarms = list[list[Any]]

PLACES = {"step", "time"}
UNREADABLE = "TP-NO-RECORDS"
"""Its finding for a log that it cannot judge, with the exit code 2 instead of 1."""


def judge_epoch(request: Request) -> Alarms:
    """Return what `trainproof epoch` finds in the finished log."""
    findings = check_epoch(request["path"])["findings"]
    place = last_place(parse_log_with_format(request["path"]))
    return [as_alarm(each, place) for each in alarming(findings)]


def judge_watch(request: Request) -> Alarms:
    """Return what `trainproof watch` would find as the log grows, polled at every record; each rule alarms once."""
    records = parse_log_with_format(request["path"])
    alarms, holding = stalls(request), set[str]()
    for count, record in enumerate(records, 1):
        if not record.keys() - PLACES:
            continue  # no field that a rule reads: the poll would find what the last one found
        found = {each["id"]: each for each in alarming(polled(request["path"], records[:count]))}
        place = last_place(records[:count])
        alarms += [as_alarm(each, place) for rule, each in found.items() if rule not in holding]
        holding = set(found)
    return sorted(alarms, key=lambda alarm: alarm[3] or 0.0)


def polled(path: str, records: list[Finding]) -> list[Finding]:
    """Return the findings of one of its polls, given the records that it would have read by then."""
    findings: list[Finding] = []
    watch.parse_log_with_format = lambda *arguments: records
    watch.print_verdict_console = lambda verdict, shown: findings.extend(shown)
    with contextlib.redirect_stdout(io.StringIO()):
        watch.poll_once(path, "jsonl", None)
    return findings


def stalls(request: Request) -> Alarms:
    """Return its stall warnings, by the times in the log instead of the polls, with its default limit."""
    limit_s = inspect.signature(watch.watch_loop).parameters["stall_timeout"].default
    with open(request["path"], encoding="utf-8") as stream:  # noqa: PTH123 (plain Python)
        lines = [json.loads(line) for line in stream]
    found, step, last_at = [], None, None
    for line in [*lines, {"at": request["until"]}]:
        at = line.get("at")
        if at is not None and last_at is not None and at - last_at > limit_s:
            found.append([step, "TP-STALL", f"no log growth for {at - last_at:.0f} s", last_at + limit_s])
        last_at = last_at if at is None else at
        step = line.get("step", step) if line.get("tag") == "TRAIN" else step
    return found


def alarming(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each["level"] in ALARMING and each["id"] != UNREADABLE]


def last_place(records: list[Finding]) -> tuple[int | None, float | None]:
    """Return the newest step and time of these records."""
    step = next((int(each["step"]) for each in reversed(records) if "step" in each), None)
    return step, next((each["time"] for each in reversed(records) if "time" in each), None)


def as_alarm(finding: Finding, place: tuple[int | None, float | None]) -> list[Any]:
    text = " ".join(filter(None, [finding["message"], finding["evidence"]]))
    return [place[0], finding["id"], text, place[1]]


def main() -> None:
    print(json.dumps({"trainproof": version("trainproof")}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        judge = {"epoch": judge_epoch, "watch": judge_watch}[request["as"]]
        print(json.dumps(judge(request)), flush=True)


main()
