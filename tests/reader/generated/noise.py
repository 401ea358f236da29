"""What stands around the reports of a real log: banners, warnings, checkpoints, closing words."""

from tests.reader.generated.page import Page
from tests.reader.generated.settings import settings

RULE = ["=" * 60, "-" * 60, "*" * 40, "#" * 50, "─" * 50]
WARNINGS = [
    "/opt/conda/lib/python3.11/site-packages/torch/utils/data/dataloader.py:557: UserWarning: This DataLoader will create "
    "8 worker processes in total. Our suggested max number of worker in current system is 4.\n  warnings.warn(",
    "/usr/lib/python3/dist-packages/torch/optim/lr_scheduler.py:138: UserWarning: Detected call of `lr_scheduler.step()` "
    "before `optimizer.step()`.",
    "FutureWarning: `torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cuda', args...)`.",
    "NCCL version 2.21.5+cuda12.4",
    "gpu01:1234:1300 [0] NCCL INFO Channel 00/24 : 0 1 2 3 4 5 6 7",
    "Warning: clipping input images to 1024x1024",
    "Token indices sequence length is longer than the specified maximum sequence length (812 > 512)",
    "wandb: Currently logged in as: someone. Use `wandb login --relogin` to force relogin",
]
OPENINGS = [
    "Using device: cuda:0",
    "CUDA available: True, devices: 1",
    "GPU: NVIDIA A100-SXM4-80GB, 79.2 GiB",
    "number of parameters: 124.34M",
    "Total params: 11,689,512",
    "Model has 25,557,032 trainable parameters",
    "Loaded 50000 training samples and 10000 validation samples",
    "train set: 45,000 | val set: 5,000",
    "Loading data from /data/imagenet ...",
    "Building model resnet50 with 1000 classes",
    "Using AMP with GradScaler, init_scale=65536.0",
    "Start training",
    "tokens per iteration will be: 491,520",
    "Initializing from scratch",
]
BREAKS = [
    "Saving checkpoint to checkpoints/last.pt",
    "saving model to out/ckpt.pt",
    "Checkpoint saved at runs/exp1/model_latest.pth",
    "Model saved!",
    "Epoch time: 12.3s",
    "GPU memory: allocated 12.31 GB, reserved 14.02 GB",
    "EarlyStopping counter: 1 out of 10",
    "Evaluating...",
    "lr_scheduler step",
]
CLOSINGS = [
    "Finished Training",
    "Training complete in 3m 12s",
    "Training finished.",
    "Done!",
    "done",
    "Training time 0:05:30",
    "Total training time: 330.12s",
    "Saving final model to out/final.pt",
    "All done, results saved to runs/exp1",
]


def opening(page: Page) -> None:
    """Print what a trainer prints before its first report."""
    draw = page.draw
    if draw.often(0.25):
        _banner(page, "Training run")
    for line in draw.some(OPENINGS, draw.pick([0, 0, 1, 2, 4])):
        page.say(line)
    if draw.often(0.35):
        settings(page)
    if draw.often(0.15):
        _warn(page)
    page.wait(draw.real(1, 20))


def between(page: Page, *, chance: float = 0.04) -> None:
    """Print, rarely, a line that has nothing to do with the reports."""
    if page.draw.often(chance):
        if page.draw.often(0.4):
            _warn(page)
        else:
            page.say(page.draw.pick(BREAKS))


def ending(page: Page) -> None:
    """Print, often, what a trainer prints at its end; only a complete training prints it."""
    if not page.course.is_complete or page.draw.often(0.4):
        return
    for line in page.draw.some(CLOSINGS, page.draw.pick([1, 1, 2])):
        page.say(line)
    if page.is_last_epoch_open:
        page.truth.also("epochs_done", page.course.num_epochs)


def _banner(page: Page, title: str) -> None:
    rule = page.draw.pick(RULE)
    for line in (rule, title, rule):
        page.say(line)


def _warn(page: Page) -> None:
    page.say(page.draw.pick(WARNINGS), level="WARNING", head=page.draw.often(0.5))
