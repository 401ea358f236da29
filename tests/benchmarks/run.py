"""Run every benchmark in its own process, and print one table of all bars.

Benchmarks print rows of this table; all their other output is printed before it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from figures import HEADER


def main() -> None:
    """Run all benchmarks and print the table; exit with 1 if one fails or misses a bar."""
    rows, failed = [], []
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    for script in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"== {script.stem}", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, encoding="utf-8", check=False)
        lines = done.stdout.splitlines()
        rows += [line for line in lines if line.startswith("| ")]
        print("\n".join(line for line in lines if not line.startswith("| ")), flush=True)
        failed += [script.stem] if done.returncode else []
    print(HEADER, *rows, sep="\n")
    print(f"\nload of the machine before the first: {load}; {os.cpu_count()} cores")
    for name in failed:
        print(f"{name} failed", file=sys.stderr)
    sys.exit(bool(failed) or any("| MISSED |" in row for row in rows))


if __name__ == "__main__":
    main()
