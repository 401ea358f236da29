"""The key words of one log: how its author spells loss, rate, step, and the two or three sets of data."""

from typing import NamedTuple

from tests.reader.generated.draw import Draw

RATE_WORDS = {
    "snake": ["lr", "lr", "lr", "learning_rate", "lr_0"],
    "space": ["lr", "lr", "learning rate"],
    "title": ["LR", "Lr", "lr", "Learning Rate", "Learning rate"],
    "slash": ["lr", "train/lr", "train/learning_rate", "optim/lr"],
    "camel": ["lr", "learningRate"],
    "upper": ["LR", "LEARNING_RATE"],
}
NORM_WORDS = {
    "snake": ["grad_norm", "grad_norm", "gnorm", "gradient_norm", "gradnorm", "total_grad_norm"],
    "space": ["grad norm", "gnorm", "gradient norm"],
    "title": ["Grad Norm", "Grad norm", "GradNorm", "Gradient Norm"],
    "slash": ["grad_norm", "train/grad_norm", "optim/grad_norm"],
    "camel": ["gradNorm"],
    "upper": ["GRAD_NORM", "GNORM"],
}
VAGUE_NORM_WORDS = ["norm", "grad", "|g|"]  # a reader may leave these alone
BARE_LOSS_WORDS = ["loss"] * 10 + ["total_loss", "batch_loss", "loss_total"]
VAGUE_LOSS_WORDS = ["avg_loss", "running_loss", "objective"]
STEP_WORDS = (
    ["step"] * 6 + ["iter"] * 4 + ["iteration"] * 3 + ["global_step"] * 2 + ["it", "itr", "update", "train_step"]
)
BATCH_WORDS = ["batch"] * 4 + ["step"] * 3 + ["iter"] * 3 + ["iteration"]
VAL_WORDS = ["val"] * 6 + ["valid"] * 4 + ["validation"] * 3 + ["eval"] * 4 + ["dev"]
TRAIN_WORDS = ["train"] * 6 + ["training", "trn"]


class Key(NamedTuple):
    """A key word as it is printed."""

    text: str
    is_sure: bool = True  # False: a reader may be silent about its value


class Names:
    """Spells the keys of one log in one style."""

    def __init__(self, draw: Draw, styles: list[str] | None = None) -> None:
        self._draw = draw
        self.style = draw.pick(
            styles or ["snake"] * 5 + ["space"] * 3 + ["title"] * 4 + ["slash"] * 2 + ["camel", "upper"]
        )
        self.words = {"train": draw.pick(TRAIN_WORDS), "val": draw.pick(VAL_WORDS), "test": "test"}
        self.is_train_bare = draw.often(0.55)
        self.is_suffix = self.style in ("snake", "slash") and draw.often(0.12)
        vague = draw.often(0.06)
        self._bare_loss = Key(draw.pick(VAGUE_LOSS_WORDS if vague else BARE_LOSS_WORDS), not vague)
        self.step = self.cased(draw.pick(STEP_WORDS))
        self.batch = self.cased(draw.pick(BATCH_WORDS))
        self.epoch = self.cased(draw.pick(["epoch"] * 9 + ["ep"]))
        vague = draw.often(0.08)
        self.norm = Key(draw.pick(VAGUE_NORM_WORDS if vague else NORM_WORDS[self.style]), not vague)
        self.rate = Key(draw.pick(RATE_WORDS[self.style]))

    def cased(self, word: str) -> str:
        """Write a word in the style of the log."""
        if self.style == "title":
            return (
                word
                if word[:1].isupper() or len(word) < 2
                else " ".join(w[:1].upper() + w[1:] for w in word.split("_"))
            )
        if self.style == "upper":
            return word.upper()
        if self.style == "space":
            return word.replace("_", " ")
        if self.style == "camel":
            head, *rest = word.split("_")
            return head + "".join(w[:1].upper() + w[1:] for w in rest)
        return word

    def split(self, split: str) -> str:
        """Write the word for a set of data in the style of the log."""
        return self.cased(self.words[split])

    def key(self, word: str, split: str, *, bare: bool | None = None) -> str:
        """Join a quantity's word with the word of its set of data; `bare`: the set is told elsewhere."""
        if self.is_train_bare and split == "train" if bare is None else bare:
            return self.cased(word)
        prefix = self.words[split]
        if self.style == "slash":
            return f"{word}/{prefix}" if self.is_suffix else f"{prefix}/{word}"
        if self.style == "camel":
            return prefix + word[:1].upper() + self.cased(word)[1:]
        if self.style in ("snake", "upper"):
            return self.cased(f"{word}_{prefix}" if self.is_suffix else f"{prefix}_{word}")
        return f"{self.cased(prefix)} {self.cased(word)}"

    def loss(self, split: str, *, bare: bool | None = None) -> Key:
        """Spell the loss of a set of data."""
        bare = self.is_train_bare and split == "train" if bare is None else bare
        if bare and split == "train":
            return Key(self.cased(self._bare_loss.text), self._bare_loss.is_sure)
        return Key(self.key("loss", split, bare=bare))
