"""The recipes for build servers, run as those would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.report.test_summary import gpt

ROOT = Path(__file__).parents[2]
END = "training finished"


def scripts() -> dict[str, str]:
    action: Any = yaml.safe_load((ROOT / "deploy/ci/action.yml").read_text())
    job: Any = yaml.safe_load((ROOT / "deploy/ci/gitlab.yml").read_text())
    [check] = [step["run"] for step in action["runs"]["steps"] if step.get("id") == "check"]
    return {"github": check, "gitlab": "\n".join(job["check-training"]["script"][1:])}


@pytest.mark.parametrize("server", ["github", "gitlab"])
@pytest.mark.parametrize(("is_broken", "code"), [(False, 0), (True, 1)])
def test_a_broken_run_fails_the_build(server: str, code: int, tmp_path: Path, *, is_broken: bool):
    logs = tmp_path / "my runs"
    logs.mkdir()
    lines = gpt(40, nan_from=200 if is_broken else None)
    (logs / "a.log").write_text("\n".join([*lines, END]) + "\n")
    given = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LOGS": "my?runs/*.log",
        "FINISHED": "false",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", scripts()[server]], cwd=tmp_path, env=given, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stdout + done.stderr
    [file] = [each for each in (tmp_path / "trainwarden.xml", tmp_path / "check.xml") if each.exists()]
    assert (len(list(ElementTree.parse(file).iter("failure"))) > 0) == is_broken
    if server == "github":
        assert ("::error file=my runs/a.log" in done.stdout) == is_broken
        assert (tmp_path / "outputs").read_text() == f"junit={file}\nsarif={tmp_path}/trainwarden.sarif\n"
