"""Lines around the reports of a real log: banners, warnings, checkpoints, closing words."""

from tests.reader.generated.page import Page
from tests.reader.generated.settings import settings
from tests.reader.generated.truth import SILENT

RULE = ["=" * 60, "-" * 60, "*" * 40, "#" * 50, "─" * 50]
WARNINGS = [
    "/opt/conda/lib/python3.11/site-packages/torch/utils/data/dataloader.py:557: UserWarning: This DataLoader will "
    "create 8 worker processes in total. Our suggested max number of worker in current system is 4.\n  warnings.warn(",
    "/usr/lib/python3/dist-packages/torch/optim/lr_scheduler.py:138: UserWarning: Detected call of "
    "`lr_scheduler.step()` before `optimizer.step()`.",
    "FutureWarning: `torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cuda', ...)`.",
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
FOREIGN_BARS = [  # before the training: none of their counts is a step
    "Map: 100%|██████████| 52002/52002 [00:12<00:00, 4211.32 examples/s]",
    "Loading checkpoint shards: 100%|██████████| 4/4 [00:05<00:00,  1.31s/it]",
    "Downloading data: 100%|██████████| 170M/170M [00:04<00:00, 38.1MB/s]",
    "Tokenizing: 100%|██████████| 1200/1200 [00:31<00:00, 38.70it/s]",
    "Caching images (4.1GB RAM): 100%|██████████| 5000/5000 [00:14<00:00, 352.11it/s]",
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
CHECKPOINTS = [
    "Saving checkpoint to checkpoints/step_{step}.pt",
    "Saved checkpoint at iteration {step}",
    "Saving model checkpoint to out/checkpoint-{step}",
    "checkpoint written: ckpt_{step:08d}.pth",
]
IMPROVED = [
    "Validation loss decreased ({old} --> {new}).  Saving model ...",
    "New best model (val_loss {new}), saved to best.pt",
    "val_loss improved from {old} to {new}, saving model to best.h5",
]
BESTS = [
    "Best val loss: {loss}",
    "Best validation accuracy: 0.9312",
    "Best val acc 91.20% (epoch {epoch})",
    "best loss {loss} at epoch {epoch}",
    "Best epoch: {epoch}",
]
DEATHS = [
    [
        "Traceback (most recent call last):",
        '  File "train.py", line 88, in <module>',
        "    main()",
        "KeyboardInterrupt",
    ],
    ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has 79.15 GiB in total."],
    ["slurmstepd: error: *** JOB 123456 ON gpu01 CANCELLED AT 2025-03-04T10:00:00 DUE TO TIME LIMIT ***"],
    ["Segmentation fault (core dumped)"],
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
    if draw.often(0.12):
        for bar in draw.some(FOREIGN_BARS, 2):
            page.raw(f"\r{bar}\n")
    page.wait(draw.real(1, 20))


def between(page: Page, *, chance: float = 0.04) -> None:
    """Now and then, print a line that is not a report: a warning, a checkpoint."""
    if not page.draw.often(chance):
        return
    step = page.truth.values("step")[0]
    if step is not None and page.draw.often(0.4):
        page.say(page.draw.pick(CHECKPOINTS).format(step=step))
    elif page.draw.often(0.4):
        _warn(page)
    else:
        page.say(page.draw.pick(BREAKS))


def improved(page: Page) -> None:
    """Print, in some logs, that the validation loss is the best so far."""
    forms = page.kept.setdefault("improved", [page.draw.pick(IMPROVED) if page.draw.often(0.2) else ""])
    value = next((v for v in page.truth.values("val_loss") if v is not None), None)
    best = page.kept.setdefault("best val", [])
    if value is None or not forms[0] or (best and not value < best[0]):
        return
    text = f"{value:.6f}"
    page.say(forms[0].format(old=f"{best[0]:.6f}" if best else "inf", new=text))
    page.truth.also("val_loss", float(text))
    page.kept["best val"] = [value]


def ending(page: Page) -> None:
    """Print, often, what a trainer prints at its end; only a complete training prints it."""
    if not page.course.is_complete and page.draw.often(0.2):
        for line in page.draw.pick(DEATHS):
            page.say(line, level="ERROR", head=False)
    if not page.course.is_complete or page.draw.often(0.4):
        return
    counts_epochs, validates = (
        page.truth.values("epochs_done") not in (SILENT, (None, 0)),
        page.truth.values("val_loss") != SILENT,
    )
    if validates and page.draw.often(0.3):
        bests = BESTS if counts_epochs else BESTS[:2]
        page.say(page.draw.pick(bests).format(loss=f"{page.course.end * 0.98:.4f}", epoch=page.course.num_epochs // 2))
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
