#!/bin/sh
# Gives each rank of a training on several hosts a log of its own in a shared folder, named by its global rank:
#   torchrun --nnodes=2 --nproc-per-node=8 ... --no-python deploy/torchrun/each_rank.sh python train.py
# (torchrun --log-dir names logs by the rank within each host, and a folder of its own for each host.)
# One summary over all hosts, with the first rank to fail: monitor check "$LOGS"
: "${RANK:?is not set; start this by torchrun --no-python}"
logs="${LOGS:-_logs/${TORCHELASTIC_RUN_ID:-training}}"
mkdir -p "$logs"
PYTHONUNBUFFERED=1
export PYTHONUNBUFFERED
exec "$@" >>"$logs/rank$RANK.log" 2>&1
