"""A checkpoint that a trainer says it saved is a CHECKPOINT record, in whatever words."""

import pytest

from monitor.grammar import Checkpoint
from tests.reader.dialects.logs import HF, MEGATRON, NANOGPT, watched

SAYS = [
    (HF, "Saving model checkpoint to ./out/checkpoint-500", "./out/checkpoint-500", 500),
    (MEGATRON, "  successfully saved checkpoint at iteration     50 to checkpoints/gpt", "checkpoints/gpt", 50),
    (MEGATRON, "saving checkpoint at iteration      50 to /data/ckpt in torch_dist format", "/data/ckpt", 50),
    (NANOGPT, "saving checkpoint to out-shakespeare-char", None, 290),
    (NANOGPT, "Saved checkpoint: weights/step_00000280.pt", "weights/step_00000280.pt", 280),
    (
        NANOGPT,
        "Epoch 3, global step 250: 'val_loss' reached 0.31 (best 0.31), saving model to '/r/epoch=3.ckpt' as top 1",
        "/r/epoch=3.ckpt",
        250,
    ),
    (NANOGPT, "=> Model saved to best.pth", "best.pth", 290),
]


@pytest.mark.parametrize(("log", "line", "path", "step"), SAYS, ids=[line for _, line, _, _ in SAYS])
def test_a_saved_checkpoint_is_known_with_its_path_and_step(log: str, line: str, path: str | None, step: int):
    # Behind the last report, and before the end of those that have one.
    pipeline, _ = watched(log.partition("{'train_runtime'")[0] + line + "\n")
    stated = pipeline.run.attempt.stated(Checkpoint)
    assert stated is not None
    record, where = stated
    assert (record.action, record.path, record.step) == ("save", path, step)
    assert where.text == line
