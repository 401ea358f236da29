"""The API: valid by its own description, the JSON of `check`, paging, ETags, and what a watch does meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.command import monitor
from tests.web.served import BEARER, Served, served
from tests.web.states import NAN, RULE, Watch, logs_in, steps


def test_the_description_is_valid(server: Served):
    from openapi_spec_validator import validate

    validate(server.ask("/api/openapi.json").json)


def checked(server: Served, path: str, method: str = "get", status: int = 200, **words: Any) -> Any:
    """Ask, and hold the answer to the description of its address."""
    description = server.ask("/api/openapi.json").json
    answer = server.ask(path, **words) if method == "get" else server.post(path, **words)
    assert answer.status == status, answer.body
    parts = path.partition("?")[0].split("/")
    template = next(
        each
        for each in description["paths"]
        if len(each.split("/")) == len(parts)
        and all(one == "{id}" or one == other for one, other in zip(each.split("/"), parts, strict=True))
    )
    told = description["paths"][template][method]["responses"][str(status)]["content"]["application/json"]["schema"]
    Draft202012Validator({**told, "components": description["components"]}).validate(answer.json)
    return answer.json


def test_every_answer_is_as_the_description_says(server: Served):
    run = checked(server, "/api/runs")["runs"][0]
    checked(server, f"/api/runs/{run['id']}")
    checked(server, f"/api/runs/{run['id']}/series")
    checked(server, f"/api/runs/{run['id']}/series?key=train.loss")
    checked(server, "/api/alerts?state=firing&state=closed")
    checked(server, "/healthz")
    checked(server, "/api/runs/none", status=404)
    checked(server, "/api/runs?limit=0", status=400)
    checked(server, "/api/alerts?state=odd", status=400)
    (alert,) = checked(server, "/api/alerts?state=firing")["alerts"]
    silence = {"run": alert["run_page"], "target": RULE, "for": "2h"}
    checked(server, "/api/silences", "post", 201, document=silence)
    checked(server, "/api/acks", "post", 201, document={"run": alert["run_page"], "alert": alert["id"]})
    checked(server, "/api/silences", "post", 400, document={**silence, "for": "soon"})
    checked(server, "/api/acks", "post", 404, document={"run": "none", "alert": alert["id"]})
    checked(server, "/api/acks", "post", 401, document={}, headers={})


def test_a_run_is_as_check_prints_it_after_its_end(tmp_path: Path, logs: list[Path]):
    Watch(tmp_path / "states" / "one", logs).close()
    printed = {each["log"]: each for each in monitor("check", *logs, "--json").objects()}
    with served([tmp_path / "states"]) as server:
        runs = server.ask("/api/runs").json["runs"]
    assert len(runs) == len(printed) == 2
    for run in runs:
        expected = printed[run["log"]]
        # The id of a run in a state is that of its first run in that state, as for check.
        assert {name: run[name] for name in expected} == expected


def test_lists_come_in_pages_and_whole(tmp_path: Path):
    logs = logs_in(tmp_path, [(f"run-{number}", steps(0, 60)) for number in range(5)])
    watch = Watch(tmp_path / "state", logs)
    with served([tmp_path / "state"]) as server:
        found, offset = [], 0
        while offset is not None:
            page = server.ask(f"/api/runs?limit=2&offset={offset}").json
            found += [Path(each["log"]) for each in page["runs"]]
            offset = page["next_offset"]
    watch.close()
    assert (sorted(found), page["total"]) == (logs, 5)


def test_an_unchanged_answer_is_not_sent_again(server: Served, watch: Watch, logs: list[Path]):
    first = server.ask("/api/runs")
    again = server.ask("/api/runs", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    with logs[0].open("a") as log:
        log.write(steps(400, 500))
    watch.turn()
    server.look()
    assert server.ask("/api/runs", headers={"If-None-Match": first.headers["etag"]}).status == 200


def test_watches_come_and_go(tmp_path: Path, server: Served):
    (log,) = logs_in(tmp_path, [("late", steps(0, 100))])
    late = Watch(tmp_path / "states" / "two", [log])
    server.look()
    runs = {each["log"]: each["watch"]["is_running"] for each in server.ask("/api/runs").json["runs"]}
    assert (len(runs), runs[str(log)]) == (3, True)
    late.close()
    server.look()
    runs = {each["log"]: each for each in server.ask("/api/runs").json["runs"]}
    assert (runs[str(log)]["watch"]["is_running"], runs[str(log)]["ended"]) == (False, "no_end")
    for each in (tmp_path / "states" / "two").iterdir():
        each.unlink()
    server.look()
    assert len(server.ask("/api/runs").json["runs"]) == 2


def test_the_points_of_a_series_have_their_lines(server: Served, logs: list[Path]):
    run = next(each for each in server.ask("/api/runs").json["runs"] if each["log"] == str(logs[1]))
    (series,) = server.ask(f"/api/runs/{run['id']}/series?key=train.loss").json["series"]
    last = series["points"][-1]
    assert (last["value"], last["step"], last["line"], series["count"]) == ("nan", 400, 41, 41)
    assert logs[1].read_bytes()[last["offset"] :].decode() == NAN


def test_a_silence_and_an_acknowledgement_reach_the_state(tmp_path: Path, server: Served):
    (alert,) = server.ask("/api/alerts").json["alerts"]
    run, state = alert["run_page"], tmp_path / "states" / "one"
    made = {"run": run, "alert": alert["id"], "reason": "restarting", "author": "ana"}
    assert server.post("/api/acks", made).json["done"][0]["target"] == alert["id"]
    said = monitor("silence", "--state", state).out
    assert alert["id"] in said
    assert "by ana (as" in said
    server.post("/api/silences", {"run": run, "target": RULE, "for": "2h"})
    assert f"{RULE} silent until" in monitor("silence", "--state", state).out


def test_what_changes_is_in_the_stream_in_order_and_is_told_again_to_who_was_away(
    server: Served, watch: Watch, logs: list[Path]
):
    before = server.observer.events.last_id
    with server.stream() as stream:
        with logs[0].open("a") as log:
            log.write(NAN)
        watch.turn()
        server.look()
        told = [stream.next(), stream.next()]
    (kind, _, rows), (alert_kind, last, alert) = told
    assert (kind, [(each["log"], each["mark"]) for each in rows["rows"]]) == ("runs", [(str(logs[0]), "breach")])
    assert (alert_kind, alert["alert"]["alert"], alert["alert"]["state"]) == ("alert", RULE, "firing")
    assert last == server.observer.events.last_id
    with server.stream(before) as again:
        assert [again.next(), again.next()] == told


@pytest.mark.parametrize("known", ["0badf00d-1", "nonsense"])
def test_who_knows_another_stream_is_told_to_read_everything_again(server: Served, known: str):
    with server.stream(known) as stream:
        assert stream.next() == ("reload", server.observer.events.last_id, {})


def test_a_state_that_cannot_be_read_is_named_and_hides_no_other(tmp_path: Path, server: Served):
    broken = tmp_path / "states" / "broken"
    broken.mkdir()
    (broken / "state.db").write_bytes(b"SQLite format 3\0" + b"\0" * 4000)
    server.look()
    found = server.ask("/api/runs").json
    assert len(found["runs"]) == 2
    assert [str(broken) in each for each in found["troubles"]] == [True]


def test_an_earlier_alert_counts_even_where_no_transition_of_it_is_kept(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("monitor.web.observer.HISTORY_LIMIT", 0)
    watch = Watch(tmp_path / "state", logs_in(tmp_path, [("ill", steps(0, 100) + NAN + steps(410, 900))]))
    with served([tmp_path / "state"]) as server:
        (run,) = server.ask("/api/runs").json["runs"]
    watch.close()
    assert (run["verdict"], run["exit_code"]) == ("breach", 1)


def test_head_and_bearer_are_understood(server: Served):
    assert server.ask("/api/runs", "HEAD", headers=BEARER).status == 200


@pytest.mark.parametrize(("share_s", "is_judged"), [(0.0, False), (60.0, True)])
def test_runs_that_only_grew_old_are_judged_in_the_time_that_is_left(
    server: Served, monkeypatch: pytest.MonkeyPatch, share_s: float, is_judged: bool
):
    monkeypatch.setattr("monitor.web.observer.JUDGE_S", 0.0)
    monkeypatch.setattr("monitor.web.observer.ELDERLY_S", share_s)
    before = dict(server.observer.board.entries)
    server.look()
    assert [each is not before[name] for name, each in server.observer.board.entries.items()] == [is_judged] * 2
