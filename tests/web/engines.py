"""A real Prometheus and a real Alertmanager, and what the latter sends on."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from tests.notify.receivers import free_port, until

OPENER = build_opener(ProxyHandler({}))


def ask(url: str) -> Any:
    """Return the JSON at an address."""
    with OPENER.open(url, timeout=10) as response:
        return json.loads(response.read())


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the vector that an expression gives now."""
        found = ask(f"{self.url}/api/v1/query?{urlencode({'query': expression})}")
        assert found["status"] == "success", found
        result: list[dict[str, Any]] = found["data"]["result"]
        return result

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire: their name, and the log or the machine that they are about."""
        found = ask(f"{self.url}/api/v1/alerts")["data"]["alerts"]
        return {_name(each["labels"]) for each in found if each["state"] == "firing"}


class Heard:
    """What Alertmanager has sent to a webhook."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, tuple[str, str]]] = []
        """State and alert, in the order in which they came."""

    def told(self, state: str) -> list[tuple[str, str]]:
        """Return the alerts that were told in this state."""
        return sorted(alert for found, alert in self.notices if found == state)


def _name(labels: dict[str, str]) -> tuple[str, str]:
    about = Path(labels["log"]).parent.name if "log" in labels else labels["instance"].partition(":")[0]
    return labels.get("alert") or labels["alertname"], about


@contextmanager
def webhook() -> Iterator[tuple[str, Heard]]:
    """Listen to Alertmanager."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.notices += [(each["status"], _name(each["labels"])) for each in document["alerts"]]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", heard
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def alertmanager(folder: Path, hook: str) -> Iterator[str]:
    """Start an Alertmanager that tells each alert once to the webhook; return its address."""
    config, port = folder / "alertmanager.yml", free_port()
    config.write_text(
        "route: {receiver: hook, group_by: [alertname, alert, run, instance], group_wait: 0s, group_interval: 1s, "
        "repeat_interval: 4h}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{hook}', send_resolved: true}}]}}]\n"
    )
    command = [
        str(shutil.which("prometheus-alertmanager")),
        f"--config.file={config}",
        f"--storage.path={folder / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(command, folder / "alertmanager.log", f"http://127.0.0.1:{port}/-/ready"):
        yield f"127.0.0.1:{port}"


@contextmanager
def prometheus(folder: Path, targets: Sequence[str], rules: str, alerts_to: str) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes every two seconds."""
    port = free_port()
    (folder / "rules.yaml").write_text(rules)
    config = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alerts_to]}]}]},
        "scrape_configs": [{"job_name": "trainwarden", "static_configs": [{"targets": list(targets)}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    command = [
        str(shutil.which("prometheus")),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(command, folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready"):
        yield Prometheus(port)


@contextmanager
def _running(command: Sequence[str], log: Path, ready: str) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            until(lambda: _answers(ready), 60)
            yield
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        with OPENER.open(url, timeout=5):
            return True
    except (URLError, OSError):
        return False
