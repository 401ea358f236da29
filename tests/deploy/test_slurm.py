"""The batch script on a real SLURM of one node: why a job ended is told apart, and a job that comes again goes on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command import monitor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy/slurm/train.sbatch"
LIMIT_S = 240.0
TRAIN = """
import os, pathlib, signal, sys, time
saved = pathlib.Path("saved-" + os.environ["SLURM_JOB_ID"])
step = int(saved.read_text()) if saved.exists() else 0
if step:
    print(f"Resuming from checkpoint ckpt-{step}.pt at step {step}", flush=True)

def save(number, frame):
    saved.write_text(str(step))
    print(f"Saving model checkpoint to ckpt-{step}.pt", flush=True)
    sys.exit(0)

if "deaf" not in sys.argv:
    signal.signal(signal.SIGTERM, save)
while step < 4000:
    step += 1
    loss = "nan" if "doomed" in sys.argv and step > 8 else f"{2 - step / 5000:.5f}"
    print(f"step {step}/4000 loss {loss} lr 0.001", flush=True)
    time.sleep(0.3)
"""


class Cluster:
    """A SLURM that runs, and the folder from which jobs are submitted."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self._environment = folder, environment

    def call(self, *words: str) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def submit(self, *words: str, options: tuple[str, ...] = ()) -> str:
        """Submit the batch script; return the job's id."""
        return self.call("sbatch", "--parsable", *options, str(SCRIPT), sys.executable, "train.py", *words)

    def log(self, job: str) -> Path:
        return self.folder / f"_logs/train-{job}.log"

    def until(self, is_true: Callable[[], bool], what: str) -> None:
        pause = threading.Event()
        for _ in range(int(LIMIT_S * 4)):
            if is_true():
                return
            pause.wait(0.25)
        pytest.fail(f"{what} did not come about; {self.call('squeue')}")

    def until_said(self, job: str, words: str, times: int = 1) -> None:
        log = self.log(job)
        self.until(lambda: log.exists() and log.read_text().count(words) >= times, f"job {job}: {words!r}")

    def end_of(self, job: str) -> tuple[str, str | None]:
        """Return how `monitor check` says that a job ended, and its cause."""
        (found,) = monitor("check", self.log(job), "--json").objects()
        return found["ended"], found.get("cause")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    from tests.conftest import require_installed

    for name in ("munged", "slurmctld", "slurmd", "sbatch"):
        require_installed(name)
    if os.geteuid() != 0:
        pytest.skip("SLURM's daemons need root")
    # Sockets have short names, and munged refuses a folder that others may write to.
    folder = Path("/run") / f"slurm-test-{os.getpid()}"
    for name in ("state", "spool", "job/_logs", "bin"):
        (folder / name).mkdir(parents=True)
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    text = (Path(__file__).parent / "slurm.conf").read_text()
    (folder / "slurm.conf").write_text(
        text.replace("FOLDER", str(folder)).replace("HOST", socket.gethostname().split(".")[0])
    )
    (folder / "bin/monitor").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m monitor "$@"\n')
    (folder / "bin/monitor").chmod(0o755)
    (folder / "job/train.py").write_text(TRAIN)
    environment = {
        **os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"
    }  # fmt: skip
    munged = [
        *("munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.sock"),
        *(f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"),
    ]
    daemons = []
    try:
        for words in (munged, ["slurmctld", "-D"], ["slurmd", "-D"]):
            with (folder / f"{words[0]}.out").open("wb") as out:
                daemons.append(subprocess.Popen(words, env=environment, stdout=out, stderr=out))
            if words is munged:
                waiting = threading.Event()
                while not (folder / "munge.sock").exists() and daemons[0].poll() is None:
                    waiting.wait(0.1)
        found = Cluster(folder / "job", environment)
        found.until(lambda: "idle" in _told(environment), "a node that is idle")
        yield found
        found.call("scancel", "--user=root")
    finally:
        for each in reversed(daemons):
            each.terminate()
            each.wait(30)
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def _told(environment: dict[str, str]) -> str:
    return subprocess.run(["sinfo", "-h"], env=environment, capture_output=True, text=True, check=False).stdout


def test_scancel_requeue_and_preemption_are_told_apart_and_a_job_that_comes_again_goes_on(cluster: Cluster):
    cancelled = cluster.submit(options=("-p", "low"))
    cluster.until_said(cancelled, "step 5/4000")
    cluster.call("scancel", cancelled)
    cluster.until_said(cancelled, "Saving model checkpoint")

    requeued = cluster.submit(options=("-p", "low"))
    cluster.until_said(requeued, "step 5/4000")
    cluster.call("scontrol", "requeue", requeued)
    cluster.until_said(requeued, "DUE TO JOB REQUEUE")
    cluster.until_said(requeued, "Saving model checkpoint")
    assert cluster.end_of(requeued) == ("killed", "requeued")
    cluster.call("scancel", requeued)

    preempted = cluster.submit(options=("-p", "low"))
    cluster.until_said(preempted, "step 5/4000")
    cluster.call("sbatch", "--parsable", "-p", "high", "-o", "/dev/null", "--wrap", "sleep 1")
    cluster.until_said(preempted, "DUE TO PREEMPTION")
    cluster.until_said(preempted, "Saving model checkpoint")
    assert cluster.end_of(preempted) == ("killed", "preemption")
    assert cluster.end_of(cancelled) == ("cancelled", "cancelled")
    # It starts again by itself, with its own log and state, and goes on.
    cluster.until_said(preempted, "Resuming from checkpoint")
    cluster.until_said(preempted, "step 25/4000")
    assert cluster.end_of(preempted)[1] is None
    cluster.call("scancel", preempted)


def test_the_time_limit_is_announced_and_the_job_goes_back_into_the_queue(cluster: Cluster):
    job = cluster.submit(options=("-p", "low", "--time=1", "--signal=B:USR1@30"))
    cluster.until_said(job, "Saving model checkpoint")
    cluster.until(lambda: "Restarts=1" in cluster.call("scontrol", "show", "job", job), "a requeue")
    assert "DUE TO TIME LIMIT" not in cluster.log(job).read_text()
    cluster.call("scancel", job)


def test_a_training_that_heeds_no_signal_is_ended_by_its_time_limit(cluster: Cluster):
    job = cluster.submit("deaf", options=("-p", "low", "--time=1", "--signal=B:CONT@1"))
    cluster.until_said(job, "DUE TO TIME LIMIT")
    assert cluster.end_of(job) == ("time_limit", "time_limit")


def test_a_doomed_run_ends_its_job_and_is_not_requeued(cluster: Cluster):
    job = cluster.submit("doomed", options=("-p", "low"))
    cluster.until(lambda: "JobState=FAILED" in cluster.call("scontrol", "show", "job", job), "the end of the job")
    told = monitor("status", "--state", cluster.folder / f"_logs/train-{job}.state").out
    assert "ENDED by monitor run (TrainLossNonfinite)" in told
    assert "Restarts=0" in cluster.call("scontrol", "show", "job", job)
