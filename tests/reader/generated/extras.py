"""Other values on a report: times, speed, memory, parts of the loss, running means; none of them states a fact."""

from tests.reader.generated.numbers import Printed, count_text
from tests.reader.generated.page import Item, Page

NAMES = [
    "time", "dt", "elapsed", "eta", "speed", "tokens/s", "tok/s", "samples/s", "img/s", "mem", "max_mem", "gpu_mem",
    "mfu", "loss_scale", "batch_time", "data_time", "tokens", "samples", "momentum", "wd", "entropy",
    "param_norm", "min_lr", "epoch_time",
]  # fmt: skip
PARTS = [
    ("aux_loss", 0.01), ("loss_cls", 0.4), ("loss_box", 0.35), ("kl_loss", 0.05), ("reg_loss", 0.02), ("l1_loss", 0.2),
    ("best_loss", 0.8), ("ema_loss", 1.03), ("loss_avg", 1.05), ("moe_aux_loss", 0.013), ("z_loss", 0.0004),
    ("nll_loss", 0.92), ("loss_mask", 0.15), ("contrastive_loss", 0.3), ("consistency_loss", 0.1),
]  # fmt: skip


def extras(page: Page, *, units: bool = True) -> list[Item]:
    """Give a few extra items, the same names in each report of a log; `units`: with units behind."""
    draw = page.draw
    if "extras" not in page.kept:
        names = draw.some(NAMES, draw.pick([0, 0, 1, 1, 2, 3, 4]))
        page.kept["extras"] = [name for name in names if name != "min_lr" or page.has_rate]  # beside a rate only
        page.kept["counts"] = [draw.pick(["plain", "thousands", "suffix"]) if units else "plain"]
    return [Item(page.names.cased(name), Printed(_value(page, name, units), ())) for name in page.kept["extras"]]


def parts(page: Page, step: int) -> list[Item]:
    """Give parts of the loss, and means and best values of it: names that hold `loss` and are not the loss."""
    if "parts" not in page.kept:
        page.kept["parts"] = page.draw.some(PARTS, page.draw.whole(1, 3))
    loss = page.course.loss(step)
    best = page.kept.setdefault("best", [loss])
    best[0] = min(best[0], loss)
    values = {name: best[0] if name == "best_loss" else share * loss for name, share in page.kept["parts"]}
    return [Item(page.names.cased(name), page.show_loss(value)) for name, value in values.items()]


def _value(page: Page, name: str, units: bool) -> str:
    draw, seconds = page.draw, page.course.seconds
    if name in ("time", "dt", "batch_time", "data_time"):
        took = seconds * draw.real(0.95, 1.1) * (0.02 if name == "data_time" else 1)
        return f"{took:.3f}" + ("s" if units else "")
    if name in ("elapsed", "eta"):
        left = max(0.0, page.course.num_steps * seconds - page.elapsed_s)
        whole = int(page.elapsed_s if name == "elapsed" else left)
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}" if units else str(whole)
    if name in ("tokens", "samples"):
        return count_text(page.kept["counts"][0], int(page.elapsed_s / seconds) * 512)
    if name in ("tokens/s", "tok/s", "samples/s", "img/s"):
        return count_text(page.kept["counts"][0], int(512 / seconds * draw.real(0.95, 1.05)))
    if name in ("mem", "max_mem", "gpu_mem"):
        return ("14.62" if name == "max_mem" else f"{draw.real(11, 14):.2f}") + ("GB" if units else "")
    if name == "mfu":
        return f"{draw.real(40, 44):.2f}" + ("%" if units else "")
    if name == "speed":
        return f"{draw.real(0.95, 1.05) / seconds:.2f}" + (" it/s" if units else "")
    fixed = {"momentum": "0.9", "wd": "0.05", "loss_scale": "65536", "min_lr": "1e-06", "epoch_time": "61.3"}
    return fixed.get(name) or f"{draw.real(0.2, 2):.4f}"
