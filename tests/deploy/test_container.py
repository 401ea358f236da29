"""The container image: built FROM scratch on a root of this machine's Debian, run as a user that is not root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import monitor
from tests.cli.logs import FOREIGN, HEALTHY, TROUBLED, write
from tests.service.machine import bootstrap, in_memory

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
USER = "10001"
BASE, IMAGE = "localhost/trainwarden-base", "localhost/trainwarden"


class Builder:
    """buildah with images of its own, which needs no daemon and no container runtime."""

    def __init__(self, folder: Path) -> None:
        self._places = ["--storage-driver", "vfs", "--root", str(folder / "images"), "--runroot", str(folder / "run")]

    def run(self, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        line = ["buildah", *self._places, *map(str, words)]
        environment = os.environ | {"BUILDAH_ISOLATION": "chroot"}
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=900, check=False)
        assert not check or done.returncode == 0, f"{' '.join(line)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    from tests.conftest import require_installed

    for program in ("buildah", "mmdebstrap"):
        require_installed(program)
    if os.geteuid() != 0:
        pytest.skip("only root builds here")
    with in_memory(tmp_path_factory.mktemp("container"), size="4g") as folder:
        root, wheels = folder / "root", folder / "wheels"
        bootstrap(root, "python3,python3-venv,libstdc++6", without=("doc", "man", "locale"))
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", wheels]
        python = [*_python_of(root), "--constraint", ROOT / "constraints.txt"]
        for packages in ([*python, *_needed()], ["hatchling"]):
            subprocess.run([*download, *packages], check=True, capture_output=True, timeout=600)
        made = Builder(folder)
        made.run("from", "--name", "base", "scratch")
        made.run("add", "--quiet", "base", root, "/")
        made.run("commit", "--quiet", "base", BASE)
        made.run("rm", "base")
        arguments = [f"BASE={BASE}", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels"]
        options = [word for each in arguments for word in ("--build-arg", each)]
        options += ["--volume", f"{wheels}:/wheels:ro", "--file", str(ROOT / "deploy/Dockerfile"), "--tag", IMAGE]
        made.run("build", "--quiet", "--format", "docker", *options, ROOT)
        made.run("from", "--name", "runs", "--pull-never", IMAGE)
        yield made


def _needed() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["serve"]]


def _python_of(root: Path) -> list[str]:
    """Return for which Python wheels are wanted: that of the root."""
    [python] = [path.name for path in (root / "usr/bin").glob("python3.[0-9]*") if path.name.count("-") == 0]
    return ["--python-version", python.removeprefix("python")]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder that the container's user may read."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("name", ["healthy", "troubled", "foreign"])
def test_check_gives_the_exit_code_that_it_gives_here(image: Builder, logs: Path, name: str):
    log = write(logs / "run.log", {"healthy": HEALTHY, "troubled": TROUBLED, "foreign": FOREIGN}[name])
    words = ["monitor", "check", "/logs/run.log"]
    there = image.run("run", "--volume", f"{logs}:/logs:ro", "runs", "--", *words, check=False)
    here = monitor("check", log)
    assert there.returncode == here.code
    assert there.stdout.splitlines()[1:] == here.out.splitlines()[1:]


def test_it_is_not_root_and_its_health_is_asked_for(image: Builder):
    assert image.run("run", "runs", "--", "id", "-u").stdout.strip() == USER
    found = json.loads(image.run("inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]
    assert found["User"] == f"{USER}:{USER}"
    assert found["Entrypoint"] == ["monitor"]
    assert image.run("run", "runs", "--", *found["Healthcheck"]["Test"][1:], check=False).returncode == 0
    assert image.run("run", "runs", "--", "sh", "-c", "command -v pip || true").stdout.strip() == ""


def test_a_watch_that_is_gone_is_unhealthy(image: Builder, logs: Path):
    write(logs / "run.log", HEALTHY)
    watch = ["monitor", "watch", "/logs/run.log", "--state", "/state", "--until-end"]
    image.run("run", "--volume", f"{logs}:/logs:ro", "runs", "--", *watch)
    asked = image.run("run", "runs", "--", "python3", "/opt/trainwarden/healthcheck.py", check=False)
    assert (asked.returncode, "no watch is running" in asked.stderr) == (1, True)
