"""The whole training step against only the variable selection of pytorch-forecasting: hidden 256, continuous size 16.

pytorch-forecasting is installed into a temporary environment that sees ours through a .pth file, never into ours. If
it cannot be installed or imported, the row reports that.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

from figures import interleaved, print_row
from production import TrainingStep, make_batch, make_model
from torch import randn

NUM_ROWS, NUM_FEATURES, WINDOW_DAYS, HIDDEN, CONTINUOUS = 64, 82, 20, 256, 16
BAR = 6.0
WHAT = f"training step, batch {NUM_ROWS}, against pytorch-forecasting's VariableSelectionNetwork alone"
PACKAGES = (
    *("pytorch-forecasting", "lightning", "pytorch-lightning", "lightning-utilities", "torchmetrics"),
    *("pandas", "scikit-learn", "scipy", "joblib", "threadpoolctl", "narwhals", "python-dateutil", "pytz", "six"),
    *("cloudpickle", "scikit-base"),
)
"""pytorch-forecasting, and what importing it needs in addition to torch and numpy."""


def main() -> None:
    """Create the environment and measure in it."""
    with tempfile.TemporaryDirectory() as name:
        venv.create(name, with_pip=True)
        python = Path(name) / "bin" / "python"
        site = next(Path(name).glob("lib/python*/site-packages"))
        (site / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        for command in ([*pip, "install", "--no-deps", *PACKAGES], [str(python), __file__, "--within"]):
            done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
            if done.returncode:
                problem = (done.stderr.strip().splitlines() or ["no message"])[-1]
                print_row(WHAT, f"not measured: {problem[:120]}", f"≥ {BAR:.0f}×", None)
                return
        print(done.stdout, end="")


def measure() -> None:
    """Print the ratio of its forward and backward passes to our whole step."""
    from pytorch_forecasting.models.temporal_fusion_transformer.sub_modules import VariableSelectionNetwork

    names = [f"feature_{number:02d}" for number in range(NUM_FEATURES)]
    theirs = VariableSelectionNetwork(input_sizes=dict.fromkeys(names, CONTINUOUS), hidden_size=HIDDEN).train()
    inputs = {name: randn(NUM_ROWS, WINDOW_DAYS, 1) for name in names}

    def their_pass() -> None:
        theirs.zero_grad(set_to_none=True)
        selected, _ = theirs(inputs)
        selected.sum().backward()

    theirs_s, ours_s, ratio = interleaved(their_pass, TrainingStep(make_model(), make_batch(NUM_ROWS)))
    print_row(WHAT, f"{ratio:.1f}× ({ours_s:.3f} s against {theirs_s:.3f} s)", f"≥ {BAR:.0f}×", ratio >= BAR)


if __name__ == "__main__":
    if "--within" in sys.argv:
        measure()
    else:
        main()
