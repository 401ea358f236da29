"""What else stands on a report: times, speed, memory, parts of the loss, running means; none of it is a fact."""

from collections.abc import Callable

from tests.reader.generated.draw import Draw
from tests.reader.generated.numbers import Printed, count_text
from tests.reader.generated.page import Item, Page


def extras(page: Page, *, units: bool = True) -> list[Item]:
    """Give a few extra items, the same for each call with the same page's choices; `units`: with units behind."""
    names = _kept(page, "extras", lambda: _chosen(page.draw))
    return [Item(page.names.cased(name), Printed(_value(page, name, units), ())) for name in names]


def parts(page: Page, step: int) -> list[Item]:
    """Give parts of the loss, and means and best values of it: names that hold `loss` and are not the loss."""
    choices = [
        ("aux_loss", 0.01), ("loss_cls", 0.4), ("loss_box", 0.35), ("kl_loss", 0.05), ("reg_loss", 0.02), ("l1_loss", 0.2),
        ("best_loss", 0.8), ("ema_loss", 1.03), ("loss_avg", 1.05), ("moe_aux_loss", 0.013), ("z_loss", 0.0004),
        ("nll_loss", 0.92), ("loss_mask", 0.15), ("contrastive_loss", 0.3), ("consistency_loss", 0.1),
    ]  # fmt: skip
    chosen = _kept(page, "parts", lambda: page.draw.some(choices, page.draw.whole(1, 3)))
    loss = page.course.loss(step)
    return [Item(page.names.cased(name), page.show_loss(share * loss)) for name, share in chosen]


def _kept(page: Page, name: str, drawn: Callable[[], list]) -> list:
    if name not in page.kept:
        page.kept[name] = drawn()
    return page.kept[name]


def _chosen(draw: Draw) -> list[str]:
    names = [
        "time", "time", "dt", "elapsed", "eta", "speed", "tokens/s", "tok/s", "samples/s", "img/s", "mem", "max_mem",
        "gpu_mem", "mfu", "loss_scale", "batch_time", "data_time", "tokens", "samples", "momentum", "wd", "entropy",
    ]  # fmt: skip
    return draw.some(names, draw.pick([0, 0, 1, 1, 2, 3, 4]))


def _value(page: Page, name: str, units: bool) -> str:
    draw, seconds = page.draw, page.course.seconds
    if name in ("time", "dt", "batch_time", "data_time"):
        took = seconds * draw.real(0.95, 1.1) * (0.02 if name == "data_time" else 1)
        return f"{took:.3f}" + ("s" if units else "")
    if name in ("elapsed", "eta"):
        whole = draw.whole(60, 20000)
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}" if units else str(whole)
    if name in ("tokens/s", "tok/s", "tokens", "samples", "samples/s", "img/s"):
        number = draw.whole(900, 2_000_000)
        return count_text(draw, number) if units else str(number)
    if name in ("mem", "max_mem", "gpu_mem"):
        return f"{draw.real(3, 70):.2f}" + ("GB" if units else "")
    if name == "mfu":
        return f"{draw.real(20, 55):.2f}" + ("%" if units else "")
    if name == "loss_scale":
        return str(2 ** draw.whole(10, 16))
    if name == "speed":
        return f"{1 / seconds:.2f}" + (" it/s" if units else "")
    return {"momentum": "0.9", "wd": "0.05"}.get(name) or f"{draw.real(0.2, 2):.4f}"
