"""What `monitor service` writes and leaves alone, and how receivers learn that a run is unwatched."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from monitor.cli.service import hidden_paths, why_failed
from monitor.service.units import escaped, is_unedited, sealed
from monitor.store.store import Store
from tests.cli.command import monitor
from tests.notify.receivers import free_port, until, web
from tests.service.supervisor import supervised

UNIT = "etc/systemd/system/monitor@.service"


def install(root: Path, *options: str) -> str:
    said = monitor("service", "install", "x", "--root", str(root), *options)
    assert said.code == 0, said.err
    return said.out


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_the_files_name_this_monitor_and_are_readable_by_all(tmp_path: Path):
    told = install(tmp_path)
    found = files(tmp_path)
    assert set(found) == {
        UNIT,
        "etc/systemd/system/monitor-failure@.service",
        "etc/systemd/system/monitor-serve.service",
        "etc/tmpfiles.d/trainwarden.conf",
        "etc/sysusers.d/trainwarden.conf",
    }
    assert "/usr/local/bin/monitor" not in found[UNIT]
    assert "ExecStart=" in found[UNIT]
    assert "systemctl enable --now monitor@x" in told
    assert "/etc/trainwarden/x.yaml" in told
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in found} == {0o644}


def test_an_instance_gets_its_drop_ins(tmp_path: Path):
    install(
        tmp_path, "--gpu", "--plain", "--home-logs", "/home/bo/_logs", "--credential", "hook", "--credential", "key"
    )
    folder = tmp_path / "etc/systemd/system/monitor@x.service.d"
    assert {each.name for each in folder.iterdir()} == {"gpu.conf", "plain.conf", "home-logs.conf", "secrets.conf"}
    assert 'BindReadOnlyPaths="/home/bo/_logs"' in (folder / "home-logs.conf").read_text()
    secrets = (folder / "secrets.conf").read_text()
    assert "LoadCredential=hook:/etc/trainwarden/secrets/hook\n" in secrets
    assert "LoadCredential=key:/etc/trainwarden/secrets/key\n" in secrets
    assert "webhook:/etc" not in secrets
    failure = tmp_path / "etc/systemd/system/monitor-failure@x.service.d/secrets.conf"
    assert failure.read_text() == secrets, "the unit that reports a failure needs the same secrets"


def test_a_second_installation_writes_the_same_but_refuses_to_overwrite_an_edited_file(tmp_path: Path):
    install(tmp_path)
    before = files(tmp_path)
    install(tmp_path)
    assert files(tmp_path) == before
    (tmp_path / UNIT).write_text(before[UNIT].replace("WatchdogSec=60", "WatchdogSec=600"))
    (tmp_path / "etc/tmpfiles.d/trainwarden.conf").unlink()
    said = monitor("service", "install", "x", "--root", str(tmp_path))
    assert said.code == 2
    assert said.err == f"monitor: {tmp_path / UNIT}: was edited; expected --force to overwrite it\n"
    assert not (tmp_path / "etc/tmpfiles.d/trainwarden.conf").exists(), "then nothing is written"
    install(tmp_path, "--force")
    assert files(tmp_path) == before


def test_an_unedited_file_of_an_earlier_version_is_renewed(tmp_path: Path):
    (tmp_path / UNIT).parent.mkdir(parents=True)
    (tmp_path / UNIT).write_text(sealed("[Unit]\nDescription=of long ago\n"))
    install(tmp_path)
    assert "of long ago" not in (tmp_path / UNIT).read_text()


def test_the_seal_shows_whether_a_file_was_edited():
    assert is_unedited(sealed("a\nb\n"))
    assert not is_unedited(sealed("a\nb\n").replace("b", "c"))
    assert not is_unedited(sealed("a\n") + "more\n")
    assert not is_unedited("a\n")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", "a b", "x\n", "%i", "é"])
def test_an_invalid_instance_name_is_refused(tmp_path: Path, name: str):
    said = monitor("service", "install", "--root", str(tmp_path), "--", name)
    assert said.code == 2
    assert files(tmp_path) == {}


def test_a_missing_permission_to_write_is_one_clear_line(tmp_path: Path):
    (tmp_path / "etc").write_text("no folder")
    said = monitor("service", "install", "x", "--root", str(tmp_path))
    assert (said.code, said.err.count("\n")) == (2, 1)


def test_a_path_is_quoted_for_systemd():
    assert escaped("/opt/a/monitor") == "/opt/a/monitor"
    assert escaped("/opt/100%/a b/monitor") == '"/opt/100%%/a b/monitor"'


def test_a_monitor_hidden_by_its_own_unit_is_reported():
    assert "/home/ana/venv/bin/monitor" in hidden_paths("/home/ana/venv/bin/monitor")
    assert not any(path.startswith("/opt/") for path in hidden_paths("/opt/trainwarden/bin/monitor"))


def test_print_shows_exactly_what_install_writes(tmp_path: Path):
    install(tmp_path)
    printed = monitor("service", "print", "monitor@.service").out
    assert printed.startswith(f"# /{UNIT}\n")
    assert printed.removeprefix(f"# /{UNIT}\n") == (tmp_path / UNIT).read_text().rpartition("# Written by")[0]
    assert monitor("service", "print").out.count("# /etc/") == 5
    assert monitor("service", "print", "other.service").code == 2


# ---- an unwatched run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MONITOR_SERVICE_RESULT", "watchdog")
    monkeypatch.setenv("MONITOR_EXIT_STATUS", "ABRT")
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    return tmp_path


def failed(*options: str) -> tuple[int, str]:
    said = monitor("service", "failed", "x", "--config", "x.yaml", *options)
    return said.code, said.err


def test_every_receiver_is_told_that_a_run_is_unwatched_and_why(folder: Path):
    with web() as server:
        (folder / "x.yaml").write_text(f"sinks: ['webhook:{server.url}', 'jsonl:alerts.jsonl', stderr]\n")
        code, err = failed()
        (told,) = server.got[0].json["alerts"]
    assert code == 0
    assert (told["alert"], told["state"], told["severity"]) == ("Unwatched", "firing", "critical")
    assert told["reason"] == "it hung: its loop stopped reporting to systemd"
    assert json.loads((folder / "alerts.jsonl").read_text())["id"] == told["id"]
    assert err.count("critical Unwatched firing: x is no longer watched") == 1


def test_an_undelivered_alert_waits_and_the_next_watch_ends_it(folder: Path):
    (folder / "run.log").write_text("")
    port = free_port()
    (folder / "x.yaml").write_text(f"logs: [run.log]\nsinks: ['webhook:http://127.0.0.1:{port}/']\n")
    code, err = failed("--state", "state", "--wait", "0.5")
    assert code == 1 and "not told yet that the run is no longer watched" in err
    with Store(folder / "state", history_limit=1) as store:
        (parcel,) = store.parcels()
    with web(port) as server, supervised(folder, "--config", "x.yaml", "--state", "state") as watch:
        until(lambda: watch.has_said("READY=1"))
        until(lambda: any(each["state"] == "resolved" for each in heard(server.got)))
        ids = {each["id"] for each in heard(server.got)}
    assert ids == {parcel.alert.id}


def heard(got: list[object]) -> list[dict[str, str]]:
    return [each for request in got for each in request.json["alerts"]]  # type: ignore[attr-defined]


def test_receivers_are_told_despite_a_mistake_in_the_watch_file(folder: Path):
    """It is the most likely reason that a run is unwatched."""
    with web() as server:
        (folder / "x.yaml").write_text(f"nonsense: 1\nsinks: ['webhook:{server.url}', 'webhook:env:NO_SUCH']\n")
        code, err = failed()
        assert [each["alert"] for each in heard(server.got)] == ["Unwatched"]  # type: ignore[arg-type]
    assert code == 1
    assert "nonsense" in err and "NO_SUCH" in err


@pytest.mark.parametrize("text", ["", "sinks: [", "[]", "sinks: 5"])
def test_without_any_receiver_the_journal_has_the_alert(folder: Path, text: str):
    (folder / "x.yaml").write_text(text)
    _, err = failed()
    assert "critical Unwatched firing" in err
    assert "Traceback" not in err


def test_receivers_are_told_despite_an_unusable_state(folder: Path):
    (folder / "state").write_text("no folder")
    with web() as server:
        (folder / "x.yaml").write_text(f"sinks: ['webhook:{server.url}']\n")
        code, _ = failed("--state", "state")
        assert [each["alert"] for each in heard(server.got)] == ["Unwatched"]  # type: ignore[arg-type]
    assert code == 0


def test_the_reason_of_a_failure_is_put_into_words():
    assert why_failed({"MONITOR_SERVICE_RESULT": "signal", "MONITOR_EXIT_STATUS": "KILL"}) == "it was killed by SIGKILL"
    assert why_failed({"MONITOR_SERVICE_RESULT": "oom-kill"}) == "the kernel killed it for lack of memory"
    assert "cannot be used" in why_failed({"MONITOR_SERVICE_RESULT": "exit-code", "MONITOR_EXIT_STATUS": "2"})
    assert why_failed({}) == "systemd reports: nothing"
