"""The losses of a training that speaks another language: each is of its set, and the best one is none of them."""

from typing import NamedTuple

import pytest

from tests.reader.facts import facts_of


class Words(NamedTuple):
    """How a language names what a training prints."""

    epoch: str
    loss: str
    val_loss: str
    best: str


LANGUAGES = {
    "Chinese": Words("第{n}轮", "训练损失", "验证损失", "最佳验证损失"),
    "Chinese, the lowest": Words("第{n}轮", "训练损失", "验证损失", "最低验证损失"),
    "Japanese": Words("エポック {n}/{N}", "訓練損失", "検証損失", "最良検証損失"),
    "Korean": Words("에포크 {n}/{N}", "훈련 손실", "검증 손실", "최고 검증 손실"),
    "Russian": Words("Эпоха {n}/{N}", "тренировочные потери", "валидационные потери", "лучшие валидационные потери"),
    "German": Words("Epoche {n}/{N}", "Verlust (Training)", "Verlust (Validierung)", "Bester Verlust (Validierung)"),
    "French": Words("Époque {n}/{N}", "perte", "perte de validation", "meilleure perte de validation"),
    "Spanish": Words(
        "Época {n}/{N}", "Pérdida de entrenamiento", "Pérdida de validación", "Mejor pérdida de validación"
    ),
    "Portuguese": Words("Época {n}/{N}", "Perda de treino", "Perda de validação", "Melhor perda de validação"),
    "Italian": Words(
        "Epoca {n}/{N}", "Perdita di addestramento", "Perdita di validazione", "Migliore perdita di validazione"
    ),
}


@pytest.mark.parametrize("joint", [", ", " | ", " - "])
@pytest.mark.parametrize("sign", [": ", " = ", "："])
@pytest.mark.parametrize("language", LANGUAGES)
def test_losses_are_of_their_sets_and_the_best_one_is_apart(language: str, sign: str, joint: str):
    words = LANGUAGES[language]
    lines = []
    for n in range(1, 5):
        pairs = f"{words.loss}{sign}{1 / n:.4f}{joint}{words.val_loss}{sign}{1.2 / n:.4f}"
        lines += [f"{words.epoch.format(n=n, N=4)}{joint}{pairs}", f"{words.best}{sign}0.0123"]
    seen = facts_of("\n".join(lines).encode())
    assert (seen["loss"], seen["val_loss"], seen["epochs_done"]) == (0.25, 0.3, 4)
