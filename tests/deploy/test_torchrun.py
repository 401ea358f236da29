"""A training on two "hosts" with two ranks each: one summary, with the first rank to fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import LIMIT_S, monitor

EACH_RANK = Path(__file__).parents[2] / "deploy/torchrun/each_rank.sh"
TRAIN = """
import datetime, os, sys, time
rank = int(os.environ["RANK"])
for step in range(1, 400):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
    print(f"{now} INFO step {step}/400 loss {2 - step / 500:.4f} lr 0.001")
    if rank == 3 and step == 20:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    if step == 120:
        raise RuntimeError("NCCL error: remote process exited or there was a network error")
    time.sleep(0.05)
"""


@pytest.mark.slow
def test_two_hosts_with_two_ranks_each_give_one_summary_with_the_first_rank_to_fail(tmp_path: Path):
    pytest.importorskip("torch")
    (tmp_path / "train.py").write_text(TRAIN)
    logs = tmp_path / "logs"
    hosts = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2"),
                *(f"--node-rank={number}", "--master-addr=127.0.0.1", "--master-port=29719", "--no-python"),
                *(str(EACH_RANK), sys.executable, "train.py"),
            ],
            cwd=tmp_path,
            env={**os.environ, "LOGS": str(logs)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(2)
    ]
    try:
        for host in hosts:
            assert host.wait(2 * LIMIT_S) != 0
    finally:
        for host in hosts:
            host.kill()
    assert sorted(path.name for path in logs.iterdir()) == [f"rank{number}.log" for number in range(4)]
    said = monitor("check", logs)
    assert said.code == 1
    assert said.out.count("first to fail: rank 3") == 1, said.out


def test_a_script_that_torchrun_did_not_start_says_so(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if name != "RANK"}
    done = subprocess.run(
        [EACH_RANK, "true"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "start this by torchrun --no-python" in done.stderr
