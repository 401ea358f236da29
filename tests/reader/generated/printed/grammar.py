"""Formats of print statements from a grammar: places, pairs, joints, marks and languages in any combination.

A seed gives one `Format`, as a line of the tables does; what it prints and what is true of it, `render` says.
"""

from typing import NamedTuple

from tests.reader.generated.draw import Draw
from tests.reader.generated.printed.formats import Format

Lines = list[tuple[str, str]]


class Tongue(NamedTuple):
    """How a language names what a training prints; a metric keeps its English name."""

    epoch: str
    loss: str
    val_loss: str
    best: str
    rate: str


ENGLISH = (
    Tongue("Epoch", "Train Loss", "Val Loss", "Best Val Loss", "LR"),
    Tongue("epoch", "train_loss", "val_loss", "best_val_loss", "lr"),
    Tongue("Epoch", "loss", "validation loss", "lowest validation loss", "learning rate"),
    Tongue("EPOCH", "training loss", "valid loss", "best valid loss", "current lr"),
    Tongue("ep", "tr_loss", "va_loss", "best va_loss", "lr"),
    Tongue("Epoch", "Training Loss", "Validation Loss", "Best Validation Loss", "Learning Rate"),
    Tongue("epoch", "loss/train", "loss/val", "best loss/val", "lr"),
    Tongue("epoch", "trainLoss", "valLoss", "bestValLoss", "lr"),
)
OTHERS = (
    Tongue("Epoche", "Verlust (Training)", "Verlust (Validierung)", "Bester Verlust (Validierung)", "Lernrate"),
    Tongue("Época", "pérdida", "pérdida de validación", "mejor pérdida de validación", "tasa de aprendizaje"),
    Tongue("Époque", "perte", "perte de validation", "meilleure perte de validation", "taux d'apprentissage"),
    Tongue("Época", "perda", "perda de validação", "melhor perda de validação", "taxa de aprendizado"),
    Tongue("Эпоха", "потери", "валидационные потери", "лучшие валидационные потери", "скорость обучения"),
    Tongue("Epoch", "训练损失", "验证损失", "最佳验证损失", "学习率"),
    Tongue("エポック", "訓練損失", "検証損失", "最良検証損失", "学習率"),
    Tongue("에포크", "훈련 손실", "검증 손실", "최고 검증 손실", "학습률"),
)
EPOCHS = (
    "{w} {{e1}}/{{es}}", "{w} [{{e1}}/{{es}}]", "[{w} {{e1}}/{{es}}]", "{w} {{e1:03d}}", "{w}: {{e1}}/{{es}}",
    "{w} #{{e1}}", "{w}={{e1}}", "[{w} {{e1}}]", "{w} {{e0}}", "{w}: {{e0:3d}}", "({w} {{e1}} / {{es}})",
)  # fmt: skip
SIGNS = (": ", "=", " = ", ":", " ", " : ")
JOINTS = (", ", " | ", " - ", "\t", "; ", "  ", " || ")
MARKS = ("", "", "", "==> ", "✅ ", "[train] ", "📊 ", "*** ", "  ", ">>> ")
HOWS = (".4f", ".3f", ".6f", "r", ".4e", "8.4f")
TIMES = ("{~sec:.1f}s", "time: {~sec:.2f}s", "took {~sec:.1f} sec", "{~rate:.2f} it/s", "elapsed {~hms}", "eta: {~hms}")
COUNTS = ("mem: {~gb:.1f}GB", "speed: {~rate:.1f} samples/s", "{~count} samples", "total: {~sec:.0f}ms")


class _Style:
    """The style of one log: it is drawn once."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.tongue = draw.pick(OTHERS) if draw.often(0.25) else draw.pick(ENGLISH)
        self.epoch = draw.pick(EPOCHS).format(w=self.tongue.epoch)
        self.sign, self.joint, self.mark = draw.pick(SIGNS), draw.pick(JOINTS), draw.pick(MARKS)
        self.how = draw.pick(HOWS)
        if self.sign == " " and self.joint in ("  ", " - "):
            self.joint = ", "
        self.wrap = draw.pick(("{}", "{}", "{}", "{}", "tensor({})", "np.float64({})", "tensor({}, device='cuda:0')"))

    def pair(self, key: str, slot: str, *, is_wrapped: bool = False) -> str:
        """Write a name and its value."""
        value = self.wrap.format(slot) if is_wrapped and self.how != "8.4f" else slot
        return f"{key}{self.sign}{value}"

    def loss(self) -> str:
        """Write the training's loss."""
        return self.pair(self.tongue.loss, f"{{loss:{self.how}}}", is_wrapped=True)

    def val_loss(self) -> str:
        """Write the validation's loss."""
        return self.pair(self.tongue.val_loss, f"{{loss@val:{self.how}}}", is_wrapped=True)

    def rate(self) -> str:
        """Write the learning rate."""
        return self.pair(self.tongue.rate, self.draw.pick(("{lr:.2e}", "{lr:.6f}", "{lr:r}")))

    def metric(self, split: str) -> str:
        """Write an accuracy of a set, as a share or in percent."""
        key = {"train": "train", "val": "val"}[split]
        if self.draw.often(0.5):
            return self.pair(f"{key}_acc", f"{{acc@{split}:.4f}}")
        return self.pair(f"{key.title()} Acc", f"{{acc@{split}%:.2f}}%")

    def line(self, *parts: str) -> str:
        """Join parts."""
        return self.mark + self.joint.join(part for part in parts if part)

    def extra(self) -> str:
        """Write a figure of no fact, or nothing."""
        return self.draw.pick((*TIMES, *COUNTS)) if self.draw.often(0.5) else ""


def _one_line(style: _Style) -> Lines:
    draw = style.draw
    parts = [style.loss()] + ([style.metric("train")] if draw.often(0.4) else [])
    parts += [style.val_loss()] + ([style.metric("val")] if draw.often(0.5) else [])
    parts += [style.rate()] if draw.often(0.4) else []
    return [("epoch", style.line(style.epoch, *parts, style.extra()))]


def _two_lines(style: _Style) -> Lines:
    return [
        ("epoch", style.line(style.epoch, style.loss(), style.extra())),
        ("epoch", style.line(style.epoch, style.val_loss(), *([style.metric("val")] if style.draw.often(0.5) else []))),
    ]


def _head_and_lines(style: _Style) -> Lines:
    rule = style.draw.pick(("-" * 20, "=" * 40, ""))
    lines = [("head", style.mark + style.epoch)] + ([("head", rule)] if rule else [])
    return [*lines, ("epoch", f"  {style.loss()}"), ("epoch", f"  {style.val_loss()}")]


def _batches(style: _Style) -> Lines:
    batch = style.draw.pick(
        ("Batch {b1}/{bs}", "[{b1}/{bs}]", "batch [{b1}/{bs}]", "iter {b1}/{bs}", "Step [{b1}/{bs}]")
    )
    glue = " " if batch.startswith("[") else style.joint
    return [
        ("batch", style.mark + style.joint.join([style.epoch + glue + batch, style.loss()])),
        ("epoch", style.line(style.epoch, style.val_loss())),
    ]


def _steps(style: _Style) -> Lines:
    place = style.draw.pick(
        ("step {s1}", "Step {s1}/{ss}", "[step {s1}]", "iter: {s1}", "iteration={s1}", "Iter {s1:06d}")
    )
    parts = [place, style.loss()] + ([style.rate()] if style.draw.often(0.5) else [])
    parts += [style.pair("grad_norm", "{gnorm:.3f}")] if style.draw.often(0.3) else []
    return [("step", style.line(*parts, style.extra()))]


def _bars(style: _Style) -> Lines:
    shown = style.draw.pick(("loss={loss:.4f}", "loss={loss:.4f}, lr={lr:.2e}", "Loss={loss:.3g}"))
    return [("bar", f"{style.epoch} | {shown}"), ("epoch", style.line(style.epoch, style.val_loss()))]


SHAPES = (_one_line, _one_line, _two_lines, _head_and_lines, _batches, _steps, _bars)


def form(seed: int) -> Format:
    """Draw a format."""
    draw = Draw(7_000_003 * (seed + 1))
    style = _Style(draw)
    shape = draw.pick(SHAPES)
    lines = shape(style)
    if draw.often(0.25) and shape is not _steps:
        lines.append(("epoch", style.pair(style.tongue.best, "{~part:.4f}")))
    name = f"{shape.__name__[1:]} {style.tongue.loss!r} {style.sign!r} {style.joint!r}"
    is_of_epochs = shape in (_one_line, _two_lines)
    # Times are told where reports are frequent: before its second report, a log of long epochs is silent for too long.
    is_logged = draw.often(0.4) and shape in (_batches, _steps, _bars)
    return Format(name, tuple(lines), is_logged, every=draw.pick((1, 1, 5, 10)) if is_of_epochs else 1)
