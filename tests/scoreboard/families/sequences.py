"""Families on sequences: language models, translation, speech, forecasts."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Gpt, Tokens
from tests.scoreboard.families.optimizers import cosine, muon
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy, r2

LANGUAGE = "classes tokens supervised language"


def over_places(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy over all places."""
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def _language(model: nn.Module, optimizers: list, regime: Regime | None = None, epochs: int = 6, **more) -> Training:
    parts = data.parted(*data.next_tokens(), 128)
    return Supervised(
        *parts,
        model,
        over_places,
        optimizers,
        traits=LANGUAGE + " " + more.pop("traits", ""),
        metric=accuracy,
        size=16,
        epochs=epochs,
        regime=regime,
        **more,
    )


@family
def language_gpt() -> Training:
    """A causal transformer on text, AdamW, warm-up and cosine, clipped."""
    model = Gpt(24, 24)
    return _language(
        model,
        [torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.1)],
        Regime(clip=1.0, schedule=cosine()),
        traits="attention",
    )


@family
def language_gpt_muon() -> Training:
    """A causal transformer on text, Muon for the matrices and AdamW for the rest."""
    model = Gpt(24, 24)
    return _language(model, muon(model), Regime(clip=1.0), epochs=6, traits="attention")


@family
def language_gpt_tied() -> Training:
    """A causal transformer whose head is its embedding, Adafactor."""
    model = Gpt(24, 24, is_tied=True)
    return _language(model, [torch.optim.Adafactor(model.parameters(), 0.02)], traits="attention")


@family
def language_gpt_accumulated() -> Training:
    """A causal transformer, four batches of eight in each step, declared."""
    model = Gpt(24, 24)
    parts = data.parted(*data.next_tokens(rows=1408), 128)
    regime = Regime(accumulate=4, clip=1.0, intent={"accumulation": 4})
    return Supervised(
        *parts,
        model,
        over_places,
        [torch.optim.AdamW(model.parameters(), 4e-3)],
        traits=LANGUAGE + " attention",
        metric=accuracy,
        size=8,
        epochs=6,
        regime=regime,
    )


@family
def language_gru() -> Training:
    """A GRU on text, Adam."""
    model = Tokens(24)
    return _language(model, [torch.optim.Adam(model.parameters(), 4e-3)])


@family
def language_lstm_sgd() -> Training:
    """An LSTM on text, plain SGD at a high rate, clipped."""
    model = Tokens(24, cell=nn.LSTM)
    return _language(model, [torch.optim.SGD(model.parameters(), 4.0)], Regime(clip=0.25))


@family
def language_masked() -> Training:
    """Hidden tokens from both sides (BERT); only the hidden ones count."""
    tokens = data.text(rows=900)
    model = Gpt(25, 24)
    model.is_causal = False

    class Masked(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            hidden = torch.rand(inputs.shape) < 0.2
            outputs = self.model(inputs.masked_fill(hidden, 24))
            truth = targets.masked_fill(~hidden, -100)
            return Outcome(functional.cross_entropy(outputs.flatten(0, 1), truth.flatten(), ignore_index=-100), outputs)

    return Masked(
        *data.parted(tokens, tokens, 128),
        model,
        over_places,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits="tokens",
        size=16,
    )


@family
def translation_reversed() -> Training:
    """Sequences turned round by an encoder and a decoder that is told the true tokens."""
    source = data.text(rows=900, length=10, vocabulary=12)
    target = source.flip(1)

    class Translator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(13, 24)
            self.encoder, self.decoder = nn.GRU(24, 48, batch_first=True), nn.GRU(24, 48, batch_first=True)
            self.head = nn.Linear(48, 12)

        def forward(self, source: Tensor, before: Tensor) -> Tensor:
            _, state = self.encoder(self.embed(source))
            return self.head(self.decoder(self.embed(before), state)[0])

    before = torch.cat([torch.full((900, 1), 12), target[:, :-1]], 1)
    model = Translator()
    return Supervised(
        *data.parted((source, before), target, 128),
        model,
        over_places,
        [torch.optim.Adam(model.parameters(), 4e-3)],
        traits="classes tokens supervised",
        metric=accuracy,
        size=16,
        epochs=8,
        regime=Regime(clip=1.0),
    )


@family
def speech_ctc() -> Training:
    """Frames to shorter sequences without an alignment (CTC)."""
    tokens = torch.randint(1, 8, (600, 5))
    codes = torch.randn(8, 10)
    frames = codes[tokens.repeat_interleave(4, dim=1)] + 0.5 * torch.randn(600, 20, 10)

    class Listener(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(10, 32, 3, padding=1)
            self.rnn = nn.GRU(32, 24, batch_first=True, bidirectional=True)
            self.head = nn.Linear(48, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))[0])

    def ctc(outputs: Tensor, targets: Tensor) -> Tensor:
        rows = len(outputs)
        lengths = torch.full((rows,), outputs.shape[1]), torch.full((rows,), targets.shape[1])
        return functional.ctc_loss(outputs.log_softmax(-1).transpose(0, 1), targets, *lengths)

    model = Listener()
    return Supervised(
        *data.parted(frames, tokens, 120),
        model,
        ctc,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits="supervised",
        size=16,
        epochs=8,
        regime=Regime(clip=5.0),
    )


@family
def forecast_in_order() -> Training:
    """The next value of a long series, windows in the order of time, a temporal convolution."""
    time = torch.arange(1800).float()
    series = torch.sin(time / 9) + 0.5 * torch.sin(time / 31) + 0.2 * torch.randn(1800)
    windows = series.unfold(0, 33, 1)
    inputs, targets = windows[:, None, :-1].contiguous(), windows[:, -1:].contiguous()
    model = nn.Sequential(
        nn.Conv1d(1, 16, 3, dilation=1),
        nn.ReLU(),
        nn.Conv1d(16, 16, 3, dilation=4),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(64, 1),
    )
    return Supervised(
        (inputs[:1500], targets[:1500]),
        (inputs[1500:], targets[1500:]),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="supervised relu",
        metric=r2,
        metric_name="r2",
        is_shuffled=False,
    )


@family
def forecast_lstm() -> Training:
    """The next value of two waves by an LSTM, absolute error, AMSGrad."""

    class Forecaster(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.LSTM(1, 32, batch_first=True), nn.Linear(32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(x)[0][:, -1])

    model = Forecaster()
    return Supervised(
        *data.parted(*data.waves(), 128),
        model,
        functional.l1_loss,
        [torch.optim.Adam(model.parameters(), 5e-3, amsgrad=True)],
        traits="regression supervised",
        metric=r2,
        metric_name="r2",
        size=16,
        regime=Regime(clip=1.0),
    )


@family
def sound_words() -> Training:
    """Words in short sounds by convolutions over time, batch norm, Adamax."""
    labels = torch.randint(5, (800,))
    time = torch.arange(64).float()
    sound = torch.sin(time * (0.2 + 0.15 * labels.float())[:, None] + 6 * torch.rand(800, 1)) + torch.randn(800, 64)
    model = nn.Sequential(
        nn.Conv1d(1, 16, 9, 2),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Conv1d(16, 16, 5, 2),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.AdaptiveMaxPool1d(2),
        nn.Flatten(),
        nn.Linear(32, 5),
    )
    return Supervised(
        *data.parted(sound[:, None], labels, 160),
        model,
        functional.cross_entropy,
        [torch.optim.Adamax(model.parameters(), 4e-3)],
        traits="classes supervised relu",
        metric=accuracy,
        size=16,
    )


@family
def sums_of_marked() -> Training:
    """The sum of two marked numbers in a sequence (the adding problem), which stays at its floor for long."""
    numbers = torch.rand(1280, 20)
    marks = torch.zeros(1280, 20)
    places = torch.stack([torch.randperm(20)[:2] for _ in range(1280)])
    marks.scatter_(1, places, 1.0)
    targets = (numbers * marks).sum(1, keepdim=True)

    class Adder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(2, 32, batch_first=True), nn.Linear(32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(x)[0][:, -1])

    model = Adder()
    return Supervised(
        *data.parted(torch.stack([numbers, marks], -1), targets),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="supervised",
        metric=r2,
        metric_name="r2",
        epochs=8,
        regime=Regime(clip=1.0),
    )
