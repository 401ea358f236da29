"""The training step against one with the original's structure: a Python loop over 82 gated networks of width 256.

Everything after the selection is the same, so the ratio compares the two implementations of the selection.
"""

from __future__ import annotations

from figures import interleaved, print_row
from production import HIDDEN, NUM_FEATURES, TrainingStep, make_batch, make_model
from torch import Tensor, nn
from torch.nn import functional

NUM_ROWS = 64
BAR = 10.0


class FeatureNetwork(nn.Module):
    """The gated residual network of one feature (Lim et al. 2021). Shapes: (B, T, 1) -> (B, T, H)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.value = nn.Linear(1, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.gate = nn.Linear(hidden, 2 * hidden)
        self.skip = nn.Linear(1, hidden)
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x_BT1: Tensor) -> Tensor:
        mixed = self.mix(functional.elu(self.value(x_BT1)))
        return self.norm(functional.glu(self.gate(mixed)) + self.skip(x_BT1))


class LoopedSelection(nn.Module):
    """One full-width network after another, then their weighted sum. Shapes: (B, T, F) -> (B, T, H)."""

    def __init__(self, num_features: int, hidden: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(FeatureNetwork(hidden) for _ in range(num_features))
        self.score = nn.Linear(num_features, hidden)
        self.choice = nn.Linear(hidden, num_features)

    def forward(self, x_BTF: Tensor) -> Tensor:
        shares_BTF = self.choice(functional.elu(self.score(x_BTF))).softmax(-1)
        selected = x_BTF.new_zeros(*x_BTF.shape[:2], self.choice.in_features)
        for number, network in enumerate(self.networks):
            one = slice(number, number + 1)
            selected = selected + shares_BTF[..., one] * network(x_BTF[..., one])
        return selected


def main() -> None:
    """Print the ratio of the two steps."""
    batch = make_batch(NUM_ROWS)
    reference = make_model()
    reference.variable_selection = LoopedSelection(NUM_FEATURES, HIDDEN)  # type: ignore[assignment]
    reference.input_projection = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.LayerNorm(HIDDEN))
    theirs_s, ours_s, ratio = interleaved(TrainingStep(reference, batch), TrainingStep(make_model(), batch))
    print_row(
        f"training step, batch {NUM_ROWS} × 20 × 82, fp32, against a loop over 82 networks of width {HIDDEN}",
        f"{ratio:.1f}× ({ours_s:.3f} s against {theirs_s:.3f} s)",
        f"≥ {BAR:.0f}×",
        ratio >= BAR,
    )


if __name__ == "__main__":
    main()
