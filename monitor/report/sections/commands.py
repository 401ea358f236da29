"""Commands that show the same facts by hand, for this log and this process."""

from __future__ import annotations

from monitor.report.model import Commands, Mark, Statement
from monitor.report.sections.header import seen_pid
from monitor.report.sections.machine import cpu_only
from monitor.report.shell import quoted_path
from monitor.watcher import Snapshot


def commands(snapshot: Snapshot) -> tuple[Commands, ...]:
    """Return the commands in the order in which a person looks: progress, process, performance."""
    log = quoted_path(snapshot.log)
    return (
        Commands("Check Real-Time Progress", _PROGRESS.replace("{log}", log)),
        _process_commands(snapshot),
        Commands("Performance Metrics", _PERFORMANCE.replace("{log}", log)),
    )


_PROGRESS = """\
# Training progress
tail -f {log} | grep -E "Epoch|Val Loss|Sharpe"

# Gradient health
tail -f {log} | grep ENCODER-GRAD

# Full gradient monitor
tail -f {log} | grep GRAD-MONITOR

# Degeneracy guard
tail -f {log} | grep DEGENERACY-GUARD"""

_PERFORMANCE = """\
# Epoch completion times
grep "Epoch.*Train Loss" {log}

# Sharpe ratio progression
grep "Sharpe Ratio:" {log}

# Degeneracy reset count
grep -c "DEGENERACY-GUARD.*reset applied" {log}

# Is the log growing?
ls -lh --time-style='+%Y-%m-%d %H:%M:%S' {log}"""

_GPU = """\
# GPU utilization
nvidia-smi --query-gpu=utilization.gpu,memory.used,memory.total --format=csv,noheader

# GPU process details
nvidia-smi"""


def _process_commands(snapshot: Snapshot) -> Commands:
    attempt = snapshot.run.attempt
    pid = seen_pid(attempt)
    parts = []
    if pid is not None:
        parts.append(f"# Process alive?\nps -p {pid[0]} -o pid,stat,%cpu,%mem,etime,cmd")
    declared = cpu_only(attempt)
    if declared is None:
        parts.append(_GPU)
    note = None
    if pid is None:
        note = Statement("", "The PID was not seen, so the process cannot be named.", mark=Mark.UNKNOWN)
    elif declared is not None:
        note = Statement("", "GPU commands are left out: device=cpu.", (declared,), Mark.NOT_APPLICABLE)
    return Commands("Check Process Status", "\n\n".join(parts), note)
