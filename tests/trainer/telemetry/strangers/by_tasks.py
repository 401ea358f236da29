"""Healthy trainings of many tasks: generative, contrastive, by reward, several losses, tables, graphs, sequences."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.trainer.telemetry.strangers.common import (
    Decoder,
    clusters,
    evaluate,
    fit,
    healthy,
    images,
    mlp,
    next_token_loss,
    points,
    texts,
    watch,
)


@healthy
def gan(log: Path) -> None:
    """A generator and a critic in turn; there is no validation."""
    torch.manual_seed(1)
    model = nn.ModuleDict({"generator": mlp(4, 8, seed=1), "critic": mlp(8, 1, seed=2)})
    by_g = torch.optim.Adam(model["generator"].parameters(), 1e-3, betas=(0.5, 0.9))
    by_c = torch.optim.Adam(model["critic"].parameters(), 1e-3, betas=(0.5, 0.9))
    with watch(log, model, [by_g, by_c], epochs=4, batches=80) as telemetry:
        for _ in range(4):
            for x, _y in clusters(80):
                fake = model["generator"](torch.randn(len(x), 4))
                of_critic = (
                    functional.softplus(model["critic"](fake.detach())).mean()
                    + functional.softplus(-model["critic"](x)).mean()
                )
                by_c.zero_grad()
                of_critic.backward()
                by_c.step()
                of_generator = functional.softplus(-model["critic"](fake)).mean()
                by_g.zero_grad()
                of_generator.backward()
                by_g.step()
                telemetry.step(of_generator, critic=of_critic)
            telemetry.epoch()


@healthy
def wasserstein_with_penalty(log: Path) -> None:
    """Five steps of the critic for each of the generator, with a penalty on the gradient of its input."""
    torch.manual_seed(1)
    model = nn.ModuleDict({"generator": mlp(4, 8, seed=1), "critic": mlp(8, 1, seed=2)})
    by_g = torch.optim.Adam(model["generator"].parameters(), 5e-4, betas=(0.0, 0.9))
    by_c = torch.optim.Adam(model["critic"].parameters(), 5e-4, betas=(0.0, 0.9))
    with watch(log, model, [by_g, by_c], epochs=3, batches=100) as telemetry:
        for _ in range(3):
            for index, (x, _y) in enumerate(clusters(100)):
                fake = model["generator"](torch.randn(len(x), 4))
                mixed = torch.lerp(x, fake.detach(), torch.rand(len(x), 1)).requires_grad_()
                (slope,) = torch.autograd.grad(model["critic"](mixed).sum(), mixed, create_graph=True)
                loss = model["critic"](fake.detach()).mean() - model["critic"](x).mean()
                loss = loss + 10 * (slope.norm(dim=1) - 1).square().mean()
                by_c.zero_grad()
                loss.backward()
                by_c.step()
                if index % 5 == 4:
                    by_g.zero_grad()
                    (-model["critic"](fake).mean()).backward()
                    by_g.step()
                telemetry.step(loss)
            telemetry.epoch()


@healthy
def variational_autoencoder(log: Path) -> None:
    """Reconstruction and KL, the latter with a rising weight."""

    class Vae(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = mlp(8, 8, seed=1), mlp(4, 8, seed=2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            mean, log_var = self.encoder(x).chunk(2, -1)
            made = self.decoder(mean + (log_var / 2).exp() * torch.randn_like(mean))
            return made, 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(-1).mean()

    model, num = Vae(), [0]

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        num[0] += model.training
        made, divergence = model(x)
        return functional.mse_loss(made, x, reduction="none").sum(-1).mean() + min(1.0, num[0] / 100) * divergence

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def diffusion(log: Path) -> None:
    """Noise is predicted at random times: the loss is noisy and never near 0."""
    model = mlp(9, 8, hidden=64)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        time, noise = torch.rand(len(x), 1), torch.randn_like(x)
        angle = time * torch.pi / 2
        return functional.mse_loss(model(torch.cat([angle.cos() * x + angle.sin() * noise, time], 1)), noise)

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def normalizing_flow(log: Path) -> None:
    """Coupling layers; the loss is a likelihood and becomes negative."""

    class Flow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.nets = nn.ModuleList(mlp(4, 8, seed=seed) for seed in range(4))
            for net in self.nets:
                nn.init.zeros_(net[2].weight)
                nn.init.zeros_(net[2].bias)

        def forward(self, x: Tensor) -> Tensor:
            left, right = x.chunk(2, -1)
            total = torch.zeros(len(x))
            for net in self.nets:
                shift, log_scale = net(left).chunk(2, -1)
                right = right * log_scale.tanh().exp() + shift
                total = total + log_scale.tanh().sum(-1)
                left, right = right, left
            return 0.5 * (left.square() + right.square()).sum(-1) - total

    model = Flow()
    loss_of = lambda x, y: model(0.1 * x).mean()  # noqa: E731
    fit(log, model, torch.optim.AdamW(model.parameters(), 1e-3), clusters(), loss_of, clip=5.0)


@healthy
def codebook(log: Path) -> None:
    """A VQ-VAE: straight-through codes, of which many are never used."""

    class Quantized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.codes, self.decoder = mlp(8, 8, seed=1), nn.Embedding(64, 8), mlp(8, 8, seed=2)

        def forward(self, x: Tensor) -> Tensor:
            inner = self.encoder(x)
            nearest = self.codes(torch.cdist(inner.detach(), self.codes.weight.detach()).argmin(-1))
            made = self.decoder(inner + (nearest - inner).detach())
            near = functional.mse_loss(nearest, inner.detach()) + 0.25 * functional.mse_loss(inner, nearest.detach())
            return functional.mse_loss(made, x) + near

    torch.manual_seed(1)
    model = Quantized()
    fit(log, model, torch.optim.Adam(model.parameters(), 3e-3), clusters(), lambda x, y: model(x))


@healthy
def contrastive(log: Path) -> None:
    """Two views of each row must find one another (Chen et al. 2020)."""
    model = mlp(8, 16)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        views = [functional.normalize(model(x + 0.2 * torch.randn_like(x)), dim=1) for _ in range(2)]
        return functional.cross_entropy(views[0] @ views[1].T / 0.2, torch.arange(len(x)))

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def triplets(log: Path) -> None:
    """A margin loss, which is exactly 0 for more and more batches."""
    model = mlp(8, 16)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        inner = functional.normalize(model(x), dim=1)
        apart = 1 - inner @ inner.T
        same = y[:, None] == y[None]
        return functional.relu(apart[:, :, None] - apart[:, None] + 0.2)[same[:, :, None] & ~same[:, None]].mean()

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def momentum_teacher(log: Path) -> None:
    """A frozen copy inside the model follows by an average; declared."""

    class Student(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.online, self.predictor = mlp(8, 16), mlp(16, 16, seed=3)
            self.target = copy.deepcopy(self.online).requires_grad_(False)

    model = Student()

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        guess = model.predictor(model.online(x + 0.2 * torch.randn_like(x)))
        with torch.no_grad():
            truth = model.target(x + 0.2 * torch.randn_like(x))
        return 2 - 2 * functional.cosine_similarity(guess, truth).mean()

    def follow() -> None:
        with torch.no_grad():
            for mine, its in zip(model.target.parameters(), model.online.parameters(), strict=True):
                mine.lerp_(its, 0.02)

    optimizer = torch.optim.AdamW([*model.online.parameters(), *model.predictor.parameters()], 2e-3)
    fit(log, model, optimizer, clusters(), loss_of, after_step=follow, intent={"freeze": ["target"]})


@healthy
def distillation(log: Path) -> None:
    """A teacher that is no part of the model."""
    teacher, model = mlp(out=5, seed=5), mlp(out=5)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            soft = (teacher(x) * 2).softmax(-1)
        return functional.kl_div(model(x).log_softmax(-1), soft, reduction="batchmean")

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def several_tasks(log: Path) -> None:
    """Two heads, the second of which has labels for one batch in three only."""
    torch.manual_seed(1)
    model = nn.ModuleDict({"body": mlp(8, 16), "value": nn.Linear(16, 1), "kind": nn.Linear(16, 5)})
    num = [0]

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        num[0] += 1
        inner = model["body"](x).relu()
        loss = functional.mse_loss(model["value"](inner), x[:, :1] * x[:, 1:2])
        return loss + (functional.cross_entropy(model["kind"](inner), y) if num[0] % 3 == 0 else 0.0)

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def policy_gradient(log: Path) -> None:
    """REINFORCE on a bandit with contexts; the loss wanders around 0."""
    model, truth = mlp(8, 4), mlp(8, 4, seed=9)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    with watch(log, model, optimizer, epochs=4, batches=80) as telemetry:
        for _ in range(4):
            rewards = []
            for x, _y in points(80):
                chances = torch.distributions.Categorical(logits=model(x))
                action = chances.sample()
                with torch.no_grad():
                    reward = truth(x).gather(1, action[:, None])[:, 0]
                rewards.append(float(reward.mean()))
                loss = -(chances.log_prob(action) * (reward - reward.mean())).mean() - 0.01 * chances.entropy().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
            telemetry.epoch(reward=sum(rewards) / len(rewards))


@healthy
def q_learning(log: Path) -> None:
    """A target network inside the model, copied every 50 steps; the loss rises with the values."""
    torch.manual_seed(1)
    model = nn.ModuleDict({"online": mlp(8, 4), "target": mlp(8, 4)})
    model["target"].requires_grad_(False)
    truth = mlp(8, 4, seed=9)
    optimizer = torch.optim.Adam(model["online"].parameters(), 1e-3)
    with watch(log, model, optimizer, epochs=5, batches=80, intent={"freeze": ["target"]}) as telemetry:
        for epoch in range(5):
            for index, (x, _y) in enumerate(points(80, seed=epoch)):
                if (80 * epoch + index) % 50 == 0:
                    model["target"].load_state_dict(model["online"].state_dict())
                action = torch.randint(4, (len(x), 1))
                with torch.no_grad():
                    goal = truth(x).gather(1, action) + 0.9 * model["target"](x.roll(1, 1)).amax(1, keepdim=True)
                loss = functional.smooth_l1_loss(model["online"](x).gather(1, action), goal)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
            telemetry.epoch()


class Experts(nn.Module):
    """A mixture with one expert per row, by the row's first feature; each is half as frequent as the one before."""

    def __init__(self, num: int = 7) -> None:
        super().__init__()
        self.experts = nn.ModuleList(mlp(8, 8, hidden=16, seed=seed) for seed in range(num))
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Send each row to its expert."""
        rank = torch.special.ndtr(x[:, 0] / 1.5)
        chosen = (-rank.log2()).long().clamp(max=len(self.experts) - 1)
        mixed = torch.zeros_like(x)
        for index in chosen.unique().tolist():
            rows = (chosen == index).nonzero()[:, 0]
            mixed = mixed.index_add(0, rows, self.experts[index](x[rows]))
        return self.head(x + mixed)


def by_expert(model: Experts) -> dict[str, nn.Module]:
    """Return a group for each expert."""
    return {f"expert{index}": expert for index, expert in enumerate(model.experts)}


@healthy
def rare_experts(log: Path) -> None:
    """Experts without a row in a batch have no gradient in it; the rarest have one in a batch of ten."""
    torch.manual_seed(1)
    model = Experts()
    loss_of = lambda x, y: functional.cross_entropy(model(x), y)  # noqa: E731
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    fit(log, model, optimizer, clusters(rows=8), loss_of, groups=by_expert(model))


@healthy
def rare_experts_in_one_group(log: Path) -> None:
    """The same with the default groups, under SGD."""
    torch.manual_seed(1)
    model = Experts()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    fit(log, model, optimizer, clusters(rows=8), lambda x, y: functional.cross_entropy(model(x), y))


class Lora(nn.Module):
    """A frozen layer with a low-rank change that begins at zero (Hu et al. 2021)."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(0.1 * torch.randn(2, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Add the change."""
        return self.base(x) + x @ self.down.T @ self.up.T


@healthy
def lora(log: Path) -> None:
    """Frozen bases inside groups that are trained."""
    torch.manual_seed(1)
    model = nn.Sequential(Lora(nn.Linear(8, 32)), nn.Tanh(), Lora(nn.Linear(32, 32)), nn.Tanh(), nn.Linear(32, 5))
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], 3e-3)
    fit(log, model, optimizer, clusters(), lambda x, y: functional.cross_entropy(model(x), y))


class Factors(nn.Module):
    """Users and items, most of them rare."""

    def __init__(self, *, sparse: bool, users: int = 2000, items: int = 500) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(users, 8, sparse=sparse), nn.Embedding(items, 8, sparse=sparse)
        self.bias = nn.Linear(1, 1)
        for each in (self.users, self.items):
            nn.init.normal_(each.weight, std=0.3)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Return scores."""
        return self.bias((self.users(user) * self.items(item)).sum(-1, keepdim=True))[:, 0]


def ratings(num: int = 90, rows: int = 64) -> list[tuple[Tensor, ...]]:
    """Return batches of ratings; some items are far more frequent than others."""
    torch.manual_seed(0)
    user = torch.randint(2000, (num * rows,))
    item = (500 * torch.rand(num * rows).pow(3)).long()
    truth = [torch.randn(2000, 3), torch.randn(500, 3)]
    score = (truth[0][user] * truth[1][item]).sum(-1) + 0.3 * torch.randn(len(user))
    return list(zip(user.split(rows), item.split(rows), score.split(rows), strict=True))


@healthy
def sparse_recommender(log: Path) -> None:
    """Sparse Adam for the tables, Adam for the rest."""
    torch.manual_seed(1)
    model, batches = Factors(sparse=True), ratings()
    optimizers = [
        torch.optim.SparseAdam([model.users.weight, model.items.weight], 1e-2),
        torch.optim.Adam(model.bias.parameters(), 1e-2),
    ]
    loss_of = lambda user, item, score: functional.mse_loss(model(user, item), score)  # noqa: E731
    with watch(log, model, optimizers, epochs=4, batches=80) as telemetry:
        for _ in range(4):
            for batch in batches[:80]:
                loss = loss_of(*batch)
                for each in optimizers:
                    each.zero_grad()
                loss.backward()
                for each in optimizers:
                    each.step()
                telemetry.step(loss)
            telemetry.epoch(evaluate(model, loss_of, batches[80:]))


@healthy
def factors_by_sgd(log: Path) -> None:
    """Dense gradients of tables of which a batch touches few rows, under plain SGD."""
    torch.manual_seed(1)
    model = Factors(sparse=False)
    loss_of = lambda user, item, score: functional.mse_loss(model(user, item), score)  # noqa: E731
    fit(log, model, torch.optim.SGD(model.parameters(), 0.5), ratings(), loss_of)


@healthy
def bag_of_words(log: Path) -> None:
    """Rows of mostly zeros behind an input dropout, and rare words."""
    torch.manual_seed(1)
    words, num = 400, 90 * 16
    chance = 1.0 / torch.arange(1, words + 1)
    topic = torch.randint(4, (num,))
    lift = 1 + 20 * (torch.rand(4, words) < 0.1)
    x = torch.zeros(num, words).scatter_add_(1, torch.multinomial(chance * lift[topic], 12), torch.ones(num, 12))
    model = nn.Sequential(nn.Dropout(0.2), nn.Linear(words, 32), nn.ReLU(), nn.Linear(32, 4))
    batches = list(zip(x.split(16), topic.split(16), strict=True))
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    fit(log, model, optimizer, batches, lambda x, y: functional.cross_entropy(model(x), y))


@healthy
def word_vectors(log: Path) -> None:
    """Negative sampling over two tables with sparse gradients, under SGD."""

    class Vectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.word, self.context = nn.Embedding(1000, 16, sparse=True), nn.Embedding(1000, 16, sparse=True)
            nn.init.uniform_(self.word.weight, -0.5 / 16, 0.5 / 16)
            nn.init.zeros_(self.context.weight)

        def forward(self, word: Tensor, context: Tensor) -> Tensor:
            return (self.word(word)[:, None] * self.context(context)).sum(-1)

    torch.manual_seed(1)
    model = Vectors()
    word = (1000 * torch.rand(90, 64).pow(2)).long()
    context = torch.cat([(word + 7)[..., None] % 1000, torch.randint(1000, (90, 64, 5))], -1)
    target = torch.zeros(64, 6)
    target[:, 0] = 1
    loss_of = lambda w, c: functional.binary_cross_entropy_with_logits(model(w, c), target)  # noqa: E731
    fit(log, model, torch.optim.SGD(model.parameters(), 40.0), list(zip(word, context, strict=True)), loss_of)


@healthy
def graph_network(log: Path) -> None:
    """One graph, all of it in each step: the same batch for ever is right here."""
    torch.manual_seed(1)
    kind = torch.randint(3, (200,))
    edges = torch.rand(200, 200) < 0.02 + 0.1 * (kind[:, None] == kind[None])
    edges = (edges | edges.T).float() + torch.eye(200)
    near = edges / edges.sum(1, keepdim=True)
    x = torch.randn(200, 8) + functional.one_hot(kind, 8)

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            return near @ self.second((near @ self.first(x)).relu())

    model, known = Graph(), torch.rand(200) < 0.5
    optimizer = torch.optim.Adam(model.parameters(), 1e-2, weight_decay=5e-4)
    with watch(log, model, optimizer, epochs=150, batches=1) as telemetry:
        for _ in range(150):
            logits = model(x)
            loss = functional.cross_entropy(logits[known], kind[known])
            optimizer.zero_grad()
            loss.backward()
            telemetry.look(inputs=x, targets=kind[known], outputs=logits[known])
            optimizer.step()
            telemetry.step(loss)
            with torch.no_grad():
                telemetry.epoch(functional.cross_entropy(model(x)[~known], kind[~known]))


@healthy
def truncated_recurrence(log: Path) -> None:
    """An LSTM whose state goes on from batch to batch, with clipping."""

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.lstm, self.head = (
                nn.Embedding(40, 16),
                nn.LSTM(16, 32, batch_first=True),
                nn.Linear(32, 40),
            )
            self.state: tuple[Tensor, Tensor] | None = None

        def forward(self, tokens: Tensor) -> Tensor:
            inner, state = self.lstm(self.embedding(tokens), self.state)
            self.state = (state[0].detach(), state[1].detach())
            return self.head(inner)

    torch.manual_seed(1)
    model = Recurrent()
    fit(log, model, torch.optim.Adam(model.parameters(), 5e-3), texts(), next_token_loss(model), clip=0.5)


@healthy
def tied_weights(log: Path) -> None:
    """The head is the embedding."""
    torch.manual_seed(1)
    model = Decoder(is_tied=True)
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), texts(), next_token_loss(model), clip=1.0)


@healthy
def zero_initialised_branches(log: Path) -> None:
    """Residual branches with a gain of 0 at the start, and a head of zeros (Bachlechner et al. 2020)."""

    class Branch(nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            self.inner, self.gain = mlp(32, 32, seed=seed), nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.gain * self.inner(x)

    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(8, 32), *(Branch(seed) for seed in range(3)), nn.Linear(32, 5))
    nn.init.zeros_(model[-1].weight)
    fit(
        log,
        model,
        torch.optim.AdamW(model.parameters(), 3e-3),
        clusters(),
        lambda x, y: functional.cross_entropy(model(x), y),
    )


@healthy
def rare_labels(log: Path) -> None:
    """One row in forty is positive."""
    model, batches = mlp(), points()
    loss_of = lambda x, y: functional.binary_cross_entropy_with_logits(model(x), (y > 2.0).float())  # noqa: E731
    fit(log, model, torch.optim.AdamW(model.parameters(), 1e-3), batches, loss_of)


@healthy
def quantiles(log: Path) -> None:
    """Three quantiles by the pinball loss."""
    model, levels = mlp(out=3), torch.tensor([0.1, 0.5, 0.9])
    loss_of = lambda x, y: torch.maximum(levels * (y - model(x)), (levels - 1) * (y - model(x))).mean()  # noqa: E731
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), points(), loss_of)


@healthy
def physics_informed(log: Path) -> None:
    """The loss contains derivatives of the model's output."""
    model = mlp(1, 1, hidden=32)

    def loss_of(t: Tensor) -> Tensor:
        with torch.enable_grad():
            t = t.clone().requires_grad_()
            y = model(t)
            (slope,) = torch.autograd.grad(y.sum(), t, create_graph=True)
        return (slope + y).square().mean() + (model(torch.zeros(1, 1)) - 1).square().mean()

    torch.manual_seed(3)
    fit(log, model, torch.optim.Adam(model.parameters(), 3e-3), [(t,) for t in 3 * torch.rand(90, 32, 1)], loss_of)


@healthy
def inner_steps(log: Path) -> None:
    """Reptile: inner steps on copies, an outer step by hand through an optimizer (Nichol et al. 2018)."""
    model = mlp(1, 1, hidden=32)
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    torch.manual_seed(3)
    with watch(log, model, optimizer, epochs=4, batches=60) as telemetry:
        for _ in range(4):
            for _step in range(60):
                inner, phase = copy.deepcopy(model), 3 * torch.rand(())
                by_inner = torch.optim.SGD(inner.parameters(), 0.02)
                for _inner in range(4):
                    x = 4 * torch.rand(16, 1) - 2
                    loss = functional.mse_loss(inner(x), (x + phase).sin())
                    by_inner.zero_grad()
                    loss.backward()
                    by_inner.step()
                optimizer.zero_grad()
                for mine, its in zip(model.parameters(), inner.parameters(), strict=True):
                    mine.grad = mine.detach() - its.detach()
                optimizer.step()
                telemetry.step(loss)
            telemetry.epoch()


@healthy
def autoencoder_of_images(log: Path) -> None:
    """Convolutions down and up again, with masked inputs."""
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1),
    )  # fmt: skip
    loss_of = lambda x, y: functional.mse_loss(model(x * (torch.rand_like(x) > 0.3)), x)  # noqa: E731
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), images(), loss_of)


@healthy
def growing(log: Path) -> None:
    """Layers are added in mid-run."""
    torch.manual_seed(1)
    model, batches = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 5)), clusters()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    loss_of = lambda x, y: functional.cross_entropy(model(x), y)  # noqa: E731

    def grow(telemetry: object, epoch: int) -> None:
        if epoch == 2:
            model.insert(2, nn.Sequential(nn.Linear(32, 32), nn.Tanh()))
            optimizer.add_param_group({"params": model[2].parameters()})

    fit(log, model, optimizer, batches, loss_of, before_epoch=grow)
