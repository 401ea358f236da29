"""The manifests and the compose file are valid by their schemas, and start commands that the monitor takes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from monitor.cli import cli

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMPOSE = DEPLOY / "compose/compose.yaml"


def containers(document: object) -> Iterator[dict]:
    """Yield all containers of a manifest or services of a compose file."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name in ("containers", "initContainers"):
                yield from value
            elif name == "services":
                yield from value.values()
            else:
                yield from containers(value)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_is_valid_by_the_schema_of_kubernetes(path: Path, require):
    require("kubernetes-validate")
    done = subprocess.run(
        ["kubernetes-validate", "--strict", "--kubernetes-version", "1.31", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_valid_by_its_schema(require):
    require("check-jsonschema")
    words = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*MANIFESTS, COMPOSE], ids=lambda path: path.name)
def test_a_container_starts_a_command_that_the_monitor_takes(path: Path):
    found = []
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        for each in containers(document):
            words = [*each["command"], *each.get("args", ())]
            if words[0] == "monitor":
                command = cli.get_command(click.Context(cli), words[1])
                assert command is not None
                with command.make_context(words[1], list(words[2:])) as context:
                    found.append(context.command.name)
    assert found in (["run"], ["watch"])


def test_a_manifest_with_a_mistake_is_not_valid(tmp_path: Path, require):
    require("kubernetes-validate")
    text = MANIFESTS[0].read_text(encoding="utf-8").replace("backoffLimit: 3", "backofLimit: 3")
    (tmp_path / "wrong.yaml").write_text(text)
    words = ["kubernetes-validate", "--strict", "--kubernetes-version", "1.31", str(tmp_path / "wrong.yaml")]
    assert subprocess.run(words, capture_output=True, check=False).returncode != 0
