"""The service under a real systemd, from installation to stop: nothing is lost, and every failure is reported.

One machine is booted for all tests of this file, which takes about a minute; each test has a run of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from monitor.base.clock import SystemClock
from monitor.grammar import Record, RunStart, format_line
from tests.lines import report, train
from tests.notify.receivers import until as within
from tests.service.machine import PROGRAMS, Machine, booted, build, has_our_python, in_memory

pytestmark = pytest.mark.slow
CLOCK = SystemClock()
HOOK = "http://127.0.0.1:8099/hook"
RECEIVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("/srv/received.jsonl", "ab") as file:
            file.write(body.replace(b"\\n", b" ") + b"\\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""
TRAINER = """
import os, socket, sys, time
from monitor.grammar import Share
from monitor.grammar import RunStart, Train, format_line
log = open(sys.argv[1], "a", buffering=1)
start = RunStart(run="of-ana", pid=os.getpid(), host=socket.gethostname(), attempt=1)
log.write(format_line(time.time(), start) + "\\n")
for step in range(1, 100_000):
    record = Train(epoch=Share(1, 2), batch=Share(step, 100_000), step=step, loss=0.5 + 1 / step, lr=0.1)
    log.write(format_line(time.time(), record) + "\\n")
    time.sleep(0.2)
"""
WATCH_FILE = """
logs: [{log}]
rules: [/etc/trainwarden/{name}-rules.yaml]
sinks: [stderr, "webhook:credential:webhook"]
notify: {{group_wait: 0s, group_interval: 1s}}
report: {{out: STATUS.md, every: 5s}}
"""
RULES = """
groups:
  - name: mine
    rules:
      - alert: StepSeen
        fault: overfit
        kind: threshold
        signal: train.loss
        above: {level}
        severity: critical
        summary: "the loss is {{value}}"
        why: a test wants it
        action: nothing
        source: chosen by hand for this test, 2026-11
"""


def until(is_so: Callable[[], bool]) -> None:
    """Wait until a condition holds, with patience for a busy machine."""
    within(is_so, 60.0)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, with a receiver of alerts and users."""
    from tests.conftest import require_installed

    for program in PROGRAMS:
        require_installed(program)
    if os.geteuid() != 0:
        _leave_out("only root boots a machine")
    with in_memory(tmp_path_factory.mktemp("machine")) as folder:
        root = folder / "root"
        build(root)
        if not has_our_python(root):
            _leave_out("the installed Debian has another Python, for which these packages are not compiled")
        with booted(root) as found:
            _furnish(found)
            yield found


def _leave_out(why: str) -> NoReturn:
    """Skip the tests, or fail if this build machine was set up to run them."""
    if PROGRAMS[0] in os.environ.get("TRAINWARDEN_REQUIRE", "").split(","):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def _furnish(machine: Machine) -> None:
    machine.write("/srv/receiver.py", RECEIVER)
    machine.write("/srv/trainer.py", TRAINER)
    machine.write("/srv/received.jsonl", "")
    machine.run("systemd-run", "--quiet", "--unit=receiver", "/usr/bin/python3", "/srv/receiver.py")
    for user in ("ana", "bob"):
        machine.run("useradd", "--create-home", "--shell", "/bin/sh", user)
    machine.run("chmod", "700", "/home/ana")
    machine.run("monitor", "service", "install", "any")
    machine.run("systemd-sysusers")
    machine.run("systemd-tmpfiles", "--create")
    machine.run("usermod", "-aG", "trainwarden", "ana")
    machine.write("/etc/trainwarden/secrets/webhook", f"{HOOK}\n", mode=0o600)


class Run:
    """One run and its instance of the service."""

    def __init__(self, machine: Machine, name: str, log: str | None = None) -> None:
        self.machine, self.name, self.unit = machine, name, f"monitor@{name}.service"
        self.log = log or f"/srv/training/{name}.log"
        self._step = 0

    def install(self, *options: str, drop_in: str = "") -> None:
        """Follow docs/service.md."""
        self.machine.run("monitor", "service", "install", self.name, "--credential", "webhook", *options)
        self.machine.write(f"/etc/trainwarden/{self.name}.yaml", WATCH_FILE.format(log=self.log, name=self.name))
        self.rules(RULES.format(level=1000))
        if drop_in:
            self.machine.write(f"/etc/systemd/system/{self.unit}.d/test.conf", drop_in)
        self.machine.run("systemctl", "daemon-reload")

    def start(self) -> None:
        self.machine.run("systemctl", "enable", "--quiet", "--now", self.unit)

    def rules(self, text: str) -> None:
        self.machine.write(f"/etc/trainwarden/{self.name}-rules.yaml", text)

    def begin(self) -> None:
        """Write the first lines of the log."""
        self._append(RunStart(run=self.name, attempt=1, host="elsewhere", pid=1), report(0, gat=1.0), train(1))

    def fault(self) -> None:
        """Append lines in which a gradient is zero."""
        self._step += 10
        self._append(report(self._step, gat=0.0), train(self._step))

    def mend(self) -> None:
        """Append lines in which the gradient is back."""
        self._step += 10
        self._append(report(self._step, gat=1.0), train(self._step))

    def _append(self, *records: Record) -> None:
        place = self.machine.root / self.log.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a") as file:
            file.writelines(format_line(CLOCK.wall(), each) + "\n" for each in records)

    def told(self, alert: str) -> list[tuple[str, str]]:
        """Return the ids and states of a rule's alerts that the receiver got for this run, in order."""
        lines = (self.machine.root / "srv/received.jsonl").read_text().splitlines()
        alerts = [each for line in lines for each in json.loads(line)["alerts"]]
        mine = [each for each in alerts if each["run"] == self.name or each["labels"].get("instance") == self.name]
        return [(each["id"], each["state"]) for each in mine if each["alert"] == alert]

    def main_pid(self) -> int:
        return int(self.machine.property(self.unit, "MainPID"))

    def restarts(self) -> int:
        return int(self.machine.property(self.unit, "NRestarts"))

    def signal(self, name: str) -> None:
        self.machine.run("systemctl", "kill", "--kill-whom=main", f"--signal={name}", self.unit)

    def replayed(self) -> list[tuple[str, str, str]]:
        """Return rule, id and state of each transition in a replay of the whole log."""
        told = self.machine.run("monitor", "replay", self.log, "--json", check=False).stdout
        return [(each["alert"], each["id"], each["state"]) for each in map(json.loads, told.splitlines())]

    def is_as_replayed(self, alert: str, states: list[str]) -> bool:
        """Whether the receiver got all of a rule's transitions that a replay gives, with the same ids and states."""
        expected = [(name, state) for rule, name, state in self.replayed() if rule == alert]
        assert [state for _, state in expected] == states
        return list(dict.fromkeys(self.told(alert))) == expected


@pytest.fixture
def run(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Callable[..., Run]]:
    """Make a run; its instance is stopped afterwards."""
    made: list[Run] = []

    def make(name: str, log: str | None = None) -> Run:
        made.append(Run(machine, name, log))
        return made[-1]

    yield make
    for each in made:
        machine.run("systemctl", "stop", each.unit, check=False)


def test_an_alert_reaches_the_journal_and_the_webhook(machine: Machine, run: Callable[..., Run]):
    one = run("one")
    one.install()
    one.start()
    assert "waiting for the first line" in machine.property(one.unit, "StatusText")
    one.begin()
    one.fault()
    until(lambda: bool(one.told("GradientZero")))
    until(lambda: "<2>critical GradientZero firing" in machine.journal(one.unit))
    one.mend()
    until(lambda: one.is_as_replayed("GradientZero", ["firing", "resolved"]))
    until(lambda: "one: running" in machine.property(one.unit, "StatusText"))
    until(lambda: (machine.root / "var/lib/trainwarden/one/STATUS.md").exists())
    machine.run("systemctl", "stop", one.unit)
    assert machine.property(one.unit, "Result") == "success"
    assert machine.property(one.unit, "ExecMainStatus") == "0"


def test_the_receivers_can_be_tested_as_the_service_reaches_them(machine: Machine, run: Callable[..., Run]):
    """With the command of docs/service.md."""
    nine = run("nine")
    nine.install()
    secret = "LoadCredential=webhook:/etc/trainwarden/secrets/webhook"
    as_service = ["systemd-run", "--quiet", "--wait", "--pipe", "-p", "User=trainwarden", "-p", secret]
    said = machine.run(*as_service, "monitor", "sinks", "test", "--config", "/etc/trainwarden/nine.yaml").stdout
    assert "✅ webhook:credential:webhook: delivered" in said


def test_only_members_of_the_group_read_the_state_and_silence(machine: Machine, run: Callable[..., Run]):
    two = run("two")
    two.install()
    two.begin()
    two.start()
    state = ["--state", "/var/lib/trainwarden/two"]

    def as_user(user: str, *words: str) -> str:
        done = machine.run("runuser", "-u", user, "--", "monitor", *words, *state, check=False)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    until(lambda: "two (two.log) on elsewhere · running at step" in as_user("ana", "status"))
    assert "by ana: backup" in as_user("ana", "silence", "GradientZero", "--for", "1h", "--reason", "backup")
    assert as_user("bob", "status").startswith("2 ")
    assert as_user("bob", "silence", "GradientZero", "--for", "1h").startswith("2 ")
    two.fault()
    until(lambda: "GradientZero: no gradient reaches gat" in as_user("ana", "status"))
    assert two.told("GradientZero") == []
    assert "ended: " in as_user("ana", "unsilence", "GradientZero")
    until(lambda: [state for _, state in two.told("GradientZero")] == ["firing"])


def test_the_page_of_all_runs_is_served_by_a_user_who_only_reads(machine: Machine, run: Callable[..., Run]):
    ten = run("ten")
    ten.install()
    ten.begin()
    ten.start()
    drop_in = "/etc/systemd/system/monitor-serve.service.d/token.conf"
    machine.write("/etc/trainwarden/secrets/serve", f"{TOKEN}\n", mode=0o600)
    machine.write(drop_in, TOKEN_DROP_IN)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--quiet", "--now", "monitor-serve")

    def ask(path: str, *words: str) -> str:
        return machine.run("/usr/bin/python3", "/srv/ask.py", path, *words, check=False).stdout

    machine.write("/srv/ask.py", ASK)
    until(lambda: '"status": "ok"' in ask("/healthz") or machine.property("monitor-serve", "ActiveState") == "failed")
    assert machine.property("monitor-serve", "ActiveState") == "active", machine.journal("monitor-serve")
    until(lambda: '"log": "' in ask("/api/runs") or '"troubles": ["' in ask("/api/runs"))
    assert '"log": "/srv/training/ten.log"' in ask("/api/runs"), ask("/api/runs")
    [found] = [each for each in json.loads(ask("/api/runs"))["runs"] if each["log"] == ten.log]
    assert (found["watch"]["is_running"], found["ended"]) == (True, "running")
    ten.fault()
    until(lambda: 'alert="GradientZero",fault="' in ask("/metrics"))
    silence = json.dumps({"run": found["id"], "target": "GradientZero", "for": "1h", "author": "ana"})
    assert "a token is needed" in ask("/api/silences", silence)
    assert '"target": "GradientZero"' in ask("/api/silences", silence, TOKEN)
    said = machine.run("monitor", "silence", "--state", "/var/lib/trainwarden/ten").stdout
    assert "GradientZero silent until" in said
    assert "by ana (as " in said
    pid = machine.property("monitor-serve", "MainPID")
    uid = machine.run("stat", "-c", "%u", f"/proc/{pid}").stdout.strip()
    assert int(uid) not in (0, int(machine.run("id", "-u", "trainwarden").stdout))
    exposure = machine.run("systemd-analyze", "security", "--no-pager", "monitor-serve").stdout
    assert float(exposure.rpartition("monitor-serve.service: ")[2].split()[0]) <= 1.5
    machine.run("systemctl", "stop", "monitor-serve")
    assert machine.property("monitor-serve", "Result") == "success"


TOKEN = "a-token-of-this-test-0123456789"
TOKEN_DROP_IN = """
[Service]
LoadCredential=token:/etc/trainwarden/secrets/serve
ExecStart=
ExecStart=/usr/local/bin/monitor serve --state /var/lib/trainwarden --listen ${LISTEN} --token-file %d/token
"""
"""As in docs/serve.md."""
ASK = """
import sys, urllib.error, urllib.request
path, body, token = (sys.argv[1:] + [None, None])[:3]
request = urllib.request.Request("http://127.0.0.1:8377" + path, data=body and body.encode())
if body:
    request.add_header("Content-Type", "application/json")
if token:
    request.add_header("Authorization", "Bearer " + token)
try:
    print(urllib.request.urlopen(request, timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
except OSError as error:
    print(error)
"""


def test_a_trainer_of_another_user_is_alive_until_it_dies(machine: Machine, run: Callable[..., Run]):
    three = run("of-ana", "/home/ana/project/_logs/run.log")
    machine.run("runuser", "-u", "ana", "--", "mkdir", "-p", "/home/ana/project/_logs")
    three.install("--home-logs", "/home/ana/project/_logs")
    machine.run(
        "systemd-run", "--quiet", "--unit=training", "--uid=ana", "/usr/bin/python3", "/srv/trainer.py", three.log
    )
    three.start()
    facts = machine.root / "var/lib/trainwarden/of-ana"
    until(lambda: any("[PROC]" in each.read_text() for each in facts.glob("*.facts.jsonl")))
    machine.run("systemctl", "restart", three.unit)
    until(lambda: "of-ana: running" in machine.property(three.unit, "StatusText"))
    assert three.told("ProcessGone") == []
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "training")
    until(lambda: [state for _, state in three.told("ProcessGone")] == ["firing"])


def test_a_hanging_watch_is_restarted_and_loses_nothing(machine: Machine, run: Callable[..., Run]):
    four = run("four")
    four.install(drop_in="[Service]\nWatchdogSec=3\nTimeoutAbortSec=5\nRestartSec=0\n")
    four.begin()
    four.start()
    until(lambda: "four: running" in machine.property(four.unit, "StatusText"))
    four.fault()
    four.mend()
    four.fault()
    until(lambda: len(four.told("GradientZero")) >= 1)
    four.signal("SIGSTOP")
    four.mend()
    four.fault()
    until(lambda: four.restarts() == 1)
    four.mend()
    until(lambda: four.told("GradientZero")[-1:] != [] and four.told("GradientZero")[-1][1] == "resolved")
    newest = [name for rule, name, state in four.replayed() if rule == "GradientZero"][-1]
    assert four.told("GradientZero")[-1] == (newest, "resolved")
    fired = {name for rule, name, _ in four.replayed() if rule == "GradientZero"}
    assert {name for name, _ in four.told("GradientZero")} == fired
    assert "watchdog" in machine.run("journalctl", "-q", "-u", four.unit).stdout.lower()


def test_a_killed_watch_continues_where_it_was(machine: Machine, run: Callable[..., Run]):
    five = run("five")
    five.install(drop_in="[Service]\nRestartSec=0\n")
    five.begin()
    five.start()
    until(lambda: "five: running" in machine.property(five.unit, "StatusText"))
    states: list[str] = []
    for _ in range(3):
        before = five.main_pid()
        five.fault()
        states.append("firing")
        until(lambda: five.is_as_replayed("GradientZero", states))
        five.signal("SIGKILL")
        five.mend()
        states.append("resolved")
        until(lambda: five.is_as_replayed("GradientZero", states))
        assert five.main_pid() != before
    assert five.restarts() == 3
    assert five.told("Unwatched") == [], "it was watched again each time"


def test_a_reload_with_a_bad_file_changes_nothing_and_fires_until_it_is_corrected(
    machine: Machine, run: Callable[..., Run]
):
    six = run("six")
    six.install()
    six.begin()
    six.start()
    until(lambda: "six: running" in machine.property(six.unit, "StatusText"))
    six.rules("groups: [{")
    machine.run("systemctl", "reload", six.unit)
    until(lambda: [state for _, state in reloads(six)] == ["firing"])
    assert "six-rules.yaml" in machine.journal(six.unit)
    six.fault()
    until(lambda: [state for _, state in six.told("GradientZero")] == ["firing"])
    six.rules(RULES.format(level=0))
    machine.run("systemctl", "reload", six.unit)
    until(lambda: [state for _, state in reloads(six)] == ["firing", "resolved"])
    six.fault()
    until(lambda: [state for _, state in six.told("StepSeen")] == ["firing"])
    assert six.restarts() == 0


def reloads(run: Run) -> list[tuple[str, str]]:
    lines = (run.machine.root / "srv/received.jsonl").read_text().splitlines()
    alerts = [each for line in lines for each in json.loads(line)["alerts"]]
    return [(each["id"], each["state"]) for each in alerts if each["alert"] == "ReloadFailed"]


def test_a_bad_watch_file_keeps_the_service_down_and_alerts_until_the_next_start(
    machine: Machine, run: Callable[..., Run]
):
    seven = run("seven")
    seven.install()
    seven.begin()
    good = WATCH_FILE.format(log=seven.log, name="seven")
    machine.write("/etc/trainwarden/seven.yaml", good + "nonsense: 1\n")
    machine.run("systemctl", "start", seven.unit, check=False)
    until(lambda: machine.property(seven.unit, "ActiveState") == "failed")
    assert machine.property(seven.unit, "ExecMainStatus") == "2"
    assert seven.restarts() == 0
    until(lambda: [state for _, state in seven.told("Unwatched")] == ["firing"])
    assert "<2>critical Unwatched firing: seven is no longer watched" in machine.journal(
        "monitor-failure@seven.service"
    )
    machine.write("/etc/trainwarden/seven.yaml", good)
    machine.run("systemctl", "start", seven.unit)
    assert machine.property(seven.unit, "ActiveState") == "active"


def test_a_watch_that_keeps_failing_stays_down_and_alerts_until_the_next_start(
    machine: Machine, run: Callable[..., Run]
):
    eight = run("eight")
    eight.install(drop_in="[Unit]\nStartLimitBurst=2\n[Service]\nRestartSec=0\n")
    eight.begin()
    eight.start()
    eight.signal("SIGKILL")
    until(lambda: eight.restarts() == 1 and machine.property(eight.unit, "ActiveState") == "active")
    assert eight.told("Unwatched") == []
    eight.signal("SIGKILL")
    until(lambda: [state for _, state in eight.told("Unwatched")] == ["firing"])
    machine.run("systemctl", "reset-failed", eight.unit)
    machine.run("systemctl", "start", eight.unit)
    until(lambda: [state for _, state in eight.told("Unwatched")] == ["firing", "resolved"])


@pytest.mark.parametrize("options", [["--plain"], ["--gpu"]], ids=["plain", "gpu"])
def test_the_other_variants_start_and_alert_as_well(machine: Machine, run: Callable[..., Run], options: list[str]):
    name = options[0].removeprefix("--")
    other = run(name)
    other.install(*options)
    other.begin()
    other.start()
    until(lambda: f"{name}: running" in machine.property(other.unit, "StatusText"))
    other.fault()
    until(lambda: [state for _, state in other.told("GradientZero")] == ["firing"])
