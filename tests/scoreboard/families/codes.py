"""Families that learn codes or orders: margins, towers, lists, teachers, series with gaps, sounds without noise."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import later_family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy


@later_family
def angles_with_a_margin() -> Training:
    """Faces as angles to the centre of each person, with a margin (ArcFace), momentum, the rate cut twice."""
    centres = torch.randn(20, 24)
    labels = torch.randint(20, (1600,))
    inputs = centres[labels] + 0.7 * torch.randn(1600, 24)

    class Angles(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.centres = Mlp(24, 64, 32), nn.Parameter(0.1 * torch.randn(20, 32))

        def forward(self, x: Tensor) -> Tensor:
            return functional.normalize(self.encoder(x), dim=1) @ functional.normalize(self.centres, dim=1).T

    def margin(outputs: Tensor, truth: Tensor) -> Tensor:
        is_own = functional.one_hot(truth, 20).bool()
        wider = (outputs.clamp(-0.999, 0.999).acos() + 0.2).cos()
        return functional.cross_entropy(12 * torch.where(is_own, wider, outputs), truth)

    model = Angles()
    schedule = lambda each, steps: torch.optim.lr_scheduler.MultiStepLR(each, [steps // 2, 3 * steps // 4])  # noqa: E731
    return Supervised(
        *data.parted(inputs, labels),
        model,
        margin,
        [torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)],
        traits="supervised relu",
        metric=accuracy,
        epochs=7,
        regime=Regime(schedule=schedule),
    )


@later_family
def pictures_and_words() -> Training:
    """Pairs of two kinds of data find one another in each batch (CLIP), with a learnt temperature."""
    hidden = torch.randn(1500, 6)
    seen = torch.tanh(hidden @ torch.randn(6, 20)) + 0.2 * torch.randn(1500, 20)
    read = torch.tanh(hidden @ torch.randn(6, 30)) + 0.2 * torch.randn(1500, 30)

    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.visual, self.textual = Mlp(20, 48, 16, activation=nn.GELU), Mlp(30, 48, 16, activation=nn.GELU)
            self.logit_scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, seen: Tensor, read: Tensor) -> Tensor:
            left, right = (
                functional.normalize(self.visual(seen), dim=1),
                functional.normalize(self.textual(read), dim=1),
            )
            return self.logit_scale.exp() * left @ right.T

    class Contrast(Supervised):
        def compute(self, inputs: tuple[Tensor, Tensor], targets: Tensor) -> Outcome:
            scores = self.model(*inputs)
            own = torch.arange(len(scores))
            loss = (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2
            return Outcome(loss, scores, {"logit_scale": self.model.logit_scale.exp().item()})

    model = Pairs()
    return Contrast(
        *data.parted((seen, read), torch.zeros(1500)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.1)],
        traits="",
        size=62,
        epochs=10,
        regime=Regime(schedule=cosine()),
    )


@later_family
def lists_in_order() -> Training:
    """Ten documents for each question in their order (ListNet), NDCG as metric."""
    inputs, score = data.values(rows=9000, width=12, noise=0.3)
    inputs, grade = inputs.unflatten(0, (900, 10)), (score[:, 0] * 1.2 + 1).round().clamp(0, 4).unflatten(0, (900, 10))

    class Lists(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.score = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 1))

        def forward(self, x: Tensor) -> Tensor:
            return self.score(x).squeeze(-1)

    def listed(outputs: Tensor, truth: Tensor) -> Tensor:
        return -(truth.softmax(1) * outputs.log_softmax(1)).sum(1).mean()

    def ndcg(outputs: Tensor, truth: Tensor) -> float:
        discount = torch.arange(2, 12).float().log2().reciprocal()
        gain = 2**truth - 1
        found = (gain.gather(1, outputs.argsort(1, descending=True)) * discount).sum(1)
        best = (gain.sort(1, descending=True).values * discount).sum(1)
        return float((found / best.clamp(min=1e-6)).mean())

    model = Lists()
    return Supervised(
        *data.parted(inputs, grade, 150),
        model,
        listed,
        [torch.optim.Adagrad(model.parameters(), 0.03)],
        traits="supervised relu values",
        metric=ndcg,
        metric_name="ndcg@10",
        size=25,
        epochs=8,
    )


@later_family
def teacher_without_labels() -> Training:
    """A student says what its moving average says of another crop, centred and sharpened (DINO)."""
    kinds = torch.randn(12, 24)
    inputs = kinds[torch.randint(12, (1600,))] + 0.5 * torch.randn(1600, 24)

    class Dino(Supervised):
        centre = torch.zeros(32)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            views = [inputs + 0.4 * torch.randn_like(inputs) for _ in range(2)]
            with torch.no_grad():
                said = [self.model["teacher"](view) for view in views]
            sharp = [((each - self.centre) / 0.06).softmax(1) for each in said]
            guess = [(self.model["student"](view) / 0.1).log_softmax(1) for view in views]
            loss = -(sharp[0] * guess[1] + sharp[1] * guess[0]).sum(1).mean() / 2
            self.centre = 0.9 * self.centre + 0.1 * torch.cat(said).mean(0)
            return Outcome(loss, guess[0])

        def take_step(self) -> None:
            super().take_step()
            with torch.no_grad():
                both = self.model["teacher"].parameters(), self.model["student"].parameters()
                for late, weight in zip(*both, strict=True):
                    late.lerp_(weight, 0.03)

    student = Mlp(24, 64, 32, activation=nn.GELU)
    model = nn.ModuleDict({"student": student, "teacher": copy.deepcopy(student).requires_grad_(False)})
    return Dino(
        *data.parted(inputs, torch.zeros(1600)),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(student.parameters(), 1e-3, weight_decay=0.04)],
        traits="",
        size=48,
        epochs=8,
        regime=Regime(clip=3.0, schedule=cosine()),
    )


@later_family
def apart_in_every_direction() -> Training:
    """Codes of two views whose correlations shall be the identity (Barlow Twins); a loss of tens."""
    inputs = data.features(1600, 20)

    class Twins(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            codes = [self.model(inputs + 0.3 * torch.randn_like(inputs)) for _ in range(2)]
            first, second = ((c - c.mean(0)) / (c.std(0) + 1e-6) for c in codes)
            table = first.T @ second / len(inputs)
            same = (table.diagonal() - 1).square().sum()
            other = table.square().sum() - table.diagonal().square().sum()
            return Outcome(same + 0.05 * other, codes[0], {"on_diag": same.item(), "off_diag": other.item()})

    model = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 48))
    return Twins(
        *data.parted(inputs, torch.zeros(1600)),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 2e-3, weight_decay=1e-6)],
        traits="relu",
        size=64,
        epochs=8,
    )


@later_family
def series_with_gaps() -> Training:
    """Next values of five sensors of which a third is missing: missing ones are 0 in the inputs, nan in the targets."""
    time = torch.arange(25).float()
    waves = torch.sin(time[:, None] * (0.15 + 0.3 * torch.rand(900, 1, 5)) + 6.3 * torch.rand(900, 1, 5))
    waves = waves + 0.1 * torch.randn(900, 25, 5)
    is_there = torch.rand(900, 25, 5) > 0.33
    inputs = torch.cat([torch.where(is_there, waves, 0.0), is_there.float()], 2)[:, :-1]
    targets = torch.where(is_there, waves, float("nan"))[:, 1:]

    class Sensors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(10, 32, batch_first=True), nn.Linear(32, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(x)[0])

    def known(outputs: Tensor, truth: Tensor) -> Tensor:
        is_known = ~truth.isnan()
        return functional.mse_loss(outputs[is_known], truth[is_known])

    model = Sensors()
    return Supervised(
        *data.parted(inputs, targets, 150),
        model,
        known,
        [torch.optim.AdamW(model.parameters(), 5e-3)],
        traits="supervised values",
        size=25,
        epochs=7,
        regime=Regime(clip=1.0),
    )


@later_family
def voices_without_noise() -> Training:
    """Sounds without their noise, the loss being minus decibels (SI-SDR), so that it is negative from the start."""
    time = torch.arange(96).float()
    speed = 0.1 + 0.3 * torch.rand(640, 2, 1)
    clean = torch.sin(time * speed + 6.3 * torch.rand(640, 2, 1)).sum(1)
    noisy = clean + 0.7 * torch.randn(640, 96)

    def minus_decibels(outputs: Tensor, truth: Tensor) -> Tensor:
        scale = (outputs * truth).sum(1, keepdim=True) / truth.square().sum(1, keepdim=True)
        target = scale * truth
        ratio = target.square().sum(1) / ((outputs - target).square().sum(1) + 1e-8)
        return -10 * ratio.log10().mean()

    class Cleaner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(
                nn.Conv1d(1, 16, 9, padding=4),
                nn.PReLU(),
                nn.Conv1d(16, 16, 9, padding=8, dilation=2),
                nn.PReLU(),
                nn.Conv1d(16, 1, 9, padding=4),
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x[:, None])[:, 0]

    model = Cleaner()
    return Supervised(
        *data.parted(noisy, clean, 120),
        model,
        minus_decibels,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="supervised values any_rate",
        size=16,
        epochs=6,
        regime=Regime(clip=5.0),
    )


@later_family
def links_by_attention() -> Training:
    """Missing links of a graph by attention over neighbours, dropout on edges, area under the curve as metric."""
    nodes, edges, _ = data.graph(nodes=260)
    there = (edges > 0).triu(1).nonzero()
    order = torch.randperm(len(there))
    held, known = there[order[:80]], there[order[80:]]
    mask = torch.eye(260).bool()
    mask[known[:, 0], known[:, 1]] = mask[known[:, 1], known[:, 0]] = True

    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(12, 24), nn.Linear(24, 24)
            self.left, self.right = nn.Linear(24, 1), nn.Linear(24, 1)

        def mixed(self, x: Tensor) -> Tensor:
            score = functional.leaky_relu(self.left(x) + self.right(x).T, 0.2)
            weight = score.masked_fill(~mask, -1e9).softmax(1)
            return functional.dropout(weight, 0.3, self.training) @ x

        def forward(self, x: Tensor) -> Tensor:
            return self.second(functional.elu(self.mixed(self.first(x))))

    def scores(code: Tensor, pair: Tensor) -> Tensor:
        return (code[pair[:, 0]] * code[pair[:, 1]]).sum(1) / 5

    class Links(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            code = self.model(nodes)
            pair = torch.cat([inputs, torch.randint(260, inputs.shape)])
            found = scores(code, pair)
            truth = torch.cat([torch.ones(len(inputs)), torch.zeros(len(inputs))])
            return Outcome(self.criterion(found, truth), found)

    def area(found: Tensor, targets: Tensor) -> float:
        good, bad = found.chunk(2)
        return float((good[:, None] > bad[None, :]).float().mean())

    model = Attending()
    return Links(
        (known, torch.ones(len(known))),
        (held, torch.ones(len(held))),
        model,
        functional.binary_cross_entropy_with_logits,
        [torch.optim.Adam(model.parameters(), 5e-3, weight_decay=5e-4)],
        traits="",
        metric=area,
        metric_name="auc",
        size=48,
        epochs=10,
        regime=Regime(shows_batches=False),
    )
