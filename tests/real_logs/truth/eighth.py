"""The formats of the eighth list: each repository its own words."""

from .fifth_epochs import from_zero
from .reading import number, or_silent, percent
from .third import parts


def learning_iterations(log):
    at = log.last(r"^Iteration <i>, Loss: <n>")
    head = log.last(r"^Starting Epoch <i>/<i>")
    return {
        "epochs_done": or_silent(number(head[1]) - 1),
        "epochs": or_silent(number(head[2])),
        "loss": number(at[2]),
    }


def csv_step_epoch(log):
    at = log.last(r"^<i>,<i>,<n>,<n>$")
    return {
        "step": number(at[1]),
        "epochs_done": or_silent(number(at[2]) - 1),
        "loss": number(at[3]),
        "lr": number(at[4]),
    }


def train_dash_loss(log):
    trained, tested = (log.last(rf"^{name} - Loss: <n> \| Acc: <n> \| AUC: <n>") for name in ("Train", "Val"))
    return {
        "epochs_done": log.value(r"^Epoch <i>/\d+:"),
        "epochs": or_silent(log.value(r"^Epoch \d+/<i>:")),
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {
            "Acc": {"train": number(trained[2]), "val": number(tested[2])},
            "AUC": {"train": number(trained[3]), "val": number(tested[3])},
        },
    }


def episode_step(log):
    at = log.last(r"^Episode <i>/<i> \| Step <i> \| Action: \d+ \| Reward: <n> \| Epsilon: <n>")
    return {
        "step": or_silent(number(at[3])),
        "steps": "any",
        "metrics": {"Reward": {"*": number(at[4])}, "Epsilon": {"*": number(at[5])}},
    }


def csv_gan(log):
    at = log.last(r"^<i>,<i>,<n>,<n>,<n>,<n>$")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": parts(at, 3, 4),
        "metrics": {"D_Loss": {"*": number(at[3])}, "G_Loss": {"*": number(at[4])}},
    }


def class_acc_json(log):
    every = log.every(r'^\{"train_lr": <n>, .*"train_loss": <n>, .*"train_grad_norm": <n>, "test_loss": <n>, '
                      r'"test_acc1": <n>, .*"epoch": <i>')  # fmt: skip
    at = every[-1]
    return {
        "epochs_done": number(at[6]) + 1,
        "lr": number(at[1]),
        "loss": number(at[2]),
        "grad_norm": number(at[3]),
        "val_loss": number(at[4]),
        "metrics": {"acc1": {"test": number(at[5])}},
    }


def decibels(log):
    at = log.last(
        r"^Epoch +<i>/<i> \| Train Loss: <n> \| Val Loss: <n> \| Val Comm NMSE: <n> dB \| Val Range RMSE: <n>"
    )
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
        "metrics": {"Comm NMSE": {"val": number(at[5])}, "Range RMSE": {"val": number(at[6])}},
    }


def hf_cut(log):
    at = log.last(r"\{'loss': <n>, 'grad_norm': <n>, 'learning_rate': <n>, .*'epoch': <n>")
    bars = [number(each[1]) for each in log.every(r"^ *\d+%\|[^|]*\| <i>/3312 \[")]
    return {
        "step": or_silent(*bars[-12:]),
        "steps": "any",
        "epochs_done": int(number(at[4])),
        "epochs": "any",
        "loss": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
        "val_loss": or_silent(log.value(r"'eval_loss': <n>")),
    }


def fold_roc(log):
    at = log.last(r"^Epoch: <i>, +\tavg train loss: <n>, +\tavg validation loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"ROC-AUC score|ROC-AUC": {"*": log.value(r"ROC-AUC score: <n>")}},
    }


def sft_step(log):
    at = log.last(r"^SFT step <i>: train loss <n>, val loss <n>")
    return {"step": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3])}


def five_columns(log):
    rows = log.every(r"^<n>\t<n>\t<n>\t<n>\t<n>\t?$")
    at = rows[-1]
    return {
        "epochs_done": or_silent(len(rows)),
        "lr": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"Acc.": {"train": number(at[4]), "val": number(at[5])}},
    }


def loss_acc_lines(log):
    trained, tested = (log.last(rf"^{name} Loss: <n>, {name} Acc: <n>") for name in ("Train", "Val"))
    return {
        "epochs_done": log.value(r"^Epoch <i>/\d+$"),
        "epochs": or_silent(log.value(r"^Epoch \d+/<i>$")),
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"Acc": {"train": number(trained[2]), "val": number(tested[2])}},
    }


def total_pose_gaze(log):
    # What the total is of, no line says.
    trained, tested = (log.last(rf"\[{name}\] +Epoch <i>: total=<n> pose=<n>") for name in ("Train", "Val"))
    inner = log.last(r"Epoch <i> \[<i>/<i>\] total=<n> pose=<n>")
    epoch, batch, batches = (number(inner[i]) for i in (1, 2, 3))
    step = (epoch - 1) * batches + batch
    return {
        "step": or_silent(step, step + 1, log.value(r"\(batch \d+, step <i>\)"), epoch * batches),
        "steps": "any",
        "epochs_done": number(tested[1]),
        "loss": or_silent(number(trained[2]), number(inner[4])),
        "val_loss": or_silent(number(tested[2])),
        "metrics": {"pose": {"train": or_silent(number(trained[3])), "val": number(tested[3])}},
    }


def padded_columns(log):
    at = log.last(r"^<i> +<n> +<n> +<n> +<n>$")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"F1": {"*": number(at[3])}, "ROC-AUC": {"*": number(at[5])}},
    }


def data_sets_in_turn(log):
    at = log.last(r"^Epoch <i> \| Train Loss: <n> \| Test Accuracy: <n>% \| AUC: <n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "loss": number(at[2]),
        "metrics": {"Accuracy": {"test": percent(at[3])}, "AUC": {"*": number(at[4])}},
    }


def generations(log):
    at = log.last(r"^Generation <i> - Best Score: <n>, Length: <i>")
    return {"step": or_silent(number(at[1])), "metrics": {"Best Score|Score": {"*": or_silent(number(at[2]))}}}


def results_arrows(log):
    at = log.last(r"^Epoch: <i>, loss: <n>, accuracy: <n>")
    ended = log.every(r"^ +- loss -> <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": [number(at[2]), number(ended[0][1])],
        "val_loss": or_silent(number(ended[1][1])),
        "metrics": {"accuracy": {"train": number(at[3])}},
    }


def complexity(log):
    at = log.last(r"^Epoch <i>/<i>, .*Loss: <n>, Accuracy: <n>%")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "metrics": {"Accuracy": {"*": percent(at[4])}},
    }


def batch_of_elapsed(log):
    head = log.last(r"^=+ Epoch <i> / <i> =+")
    batch = log.last(r"^ Batch +<i> +of +<i>\.")
    epochs, batches = number(head[1]), number(batch[2])
    return {
        "step": or_silent((epochs - 1) * batches + number(batch[1]), epochs * batches),
        "steps": "any",
        "epochs_done": epochs,
        "epochs": or_silent(number(head[2])),
        "loss": log.value(r"Average training loss: <n>"),
        "val_loss": [log.value(r"Average validation loss: <n>"), log.value(r"Average test loss: <n>")],
    }


def csv_seven(log):
    at = log.last(r"^<i>,<n>,<n>,<n>,<n>,<n>,<n>$")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"Accuracy": {"*": number(at[4])}, "F1-Score": {"*": number(at[7])}},
    }


def warm_up_only(log):
    return {"epochs_done": or_silent(0), "epochs": or_silent(log.value(r"Epoch \d+/<i>: BMM"))}


def train_acc_pipes(log):
    every = log.every(r"Epoch <i> \| Train acc: <n> \| Train loss: <n> \| Val acc: <n> \| Val loss: <n>")
    at = every[-1]
    return {
        "epochs_done": from_zero(every),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"acc": {"train": number(at[2]), "val": number(at[4])}},
    }


def equals_percent(log):
    at = log.last(r"^Epoch <i>: Train Loss=<n>, Train Acc=<n>%, Val Loss=<n>, Val Acc=<n>%")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[4]),
        "metrics": {"Acc": {"train": percent(at[3]), "val": percent(at[5])}},
    }


def splice(log):
    head = log.last(r"INFO - Epoch <i>/<i>$")
    return {
        "epochs_done": or_silent(number(head[1]), number(head[1]) + 1),
        "epochs": or_silent(number(head[2])),
        "loss": log.value(r"Train Loss: <n>"),
        "val_loss": log.value(r"Val +Loss: <n>"),
    }


def csv_val_last(log):
    at = log.last(r"^<i>,<n>,<n>,<n>,<n>$")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[4]),
        "metrics": {"Accuracy": {"train|": number(at[3]), "val": number(at[5])}},
    }


def iteration_pipes(log):
    at = log.last(r"^Iteration <i> \| Train Loss: <n> \| learning rate: <n>")
    return {
        "step": number(at[1]),
        "loss": number(at[2]),
        "lr": number(at[3]),
        "val_loss": log.value(r"Val Loss: <n>"),
    }


def russian_physics(log):
    at = log.last(r"L-BFGS Итерация: <i> \| Train Phys Loss: <n> \| Val Phys Loss: <n> \| Test RMSE: <n>")
    return {
        "step": or_silent(number(at[1])),
        "epochs_done": or_silent(log.value(r"^Эпоха: <i>")),
        "loss": or_silent(number(at[2])),
        "val_loss": or_silent(number(at[3])),
        "metrics": {"RMSE": {"test": or_silent(number(at[4]))}},
    }


def unsloth(log):
    ended = log.last(r"'train_loss': <n>, 'epoch': <n>")
    return {
        "step": or_silent(log.value(r"\| <i>/60 \[")),
        "steps": "any",
        "epochs_done": or_silent(0),
        "epochs": "any",
        "loss": or_silent(number(ended[1]), log.value(r"\{'loss': <n>")),
        "grad_norm": or_silent(log.value(r"'grad_norm': <n>")),
        "lr": or_silent(log.value(r"'learning_rate': <n>")),
    }


def keras_lr(log):
    at = log.last(r"^<i>/\d+ - \d+s - loss: <n> - accuracy: <n> - val_loss: <n> - val_accuracy: <n> - lr: <n>")
    epoch = log.value(r"^Epoch <i>/\d+$")
    return {
        "step": or_silent(epoch * number(at[1])),
        "steps": "any",
        "epochs_done": epoch,
        "epochs": or_silent(log.value(r"^Epoch \d+/<i>$")),
        "loss": number(at[2]),
        "val_loss": number(at[4]),
        "lr": number(at[6]),
        "metrics": {"accuracy": {"train": number(at[3]), "val": number(at[5])}},
    }


def distilling(log):
    at = log.last(r"Epoch <i>/<i>, Global Step <i>, Distill Loss: <n>, CE Loss: <n>")
    mean = log.last(r"Avg Distill Loss: <n> \| Avg CE Loss: <n>")
    return {
        "step": number(at[3]),
        "steps": "any",
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": [*parts(at, 4, 5), *parts(mean, 1, 2)],
    }


def nnunet(log):
    return {
        "epochs_done": log.value(r": Epoch <i> *$") + 1,
        "loss": log.value(r": train_loss <n>"),
        "val_loss": log.value(r": val_loss <n>"),
        "lr": log.value(r"Current learning rate: <n>"),
    }


def non_greedy(log):
    at = log.last(r"^Episode: <i>, Reward: <n>, Non-Greedy:<n>%, Loss:<n>")
    return {"step": or_silent(number(at[1])), "loss": number(at[4]), "metrics": {"Reward": {"*": number(at[2])}}}


def bracket_pair(log):
    at = log.last(r"^\[<i>, <i>\] loss: <n>")
    tested = log.last(r"^Epoch <i>: Test Accuracy: <n>%")
    return {
        "epochs_done": number(tested[1]),
        "loss": number(at[3]),
        "metrics": {"Accuracy": {"test": percent(tested[2])}},
    }


def colon_total(log):
    at = log.last(r"\[Epoch <i>/<i>\]\[ *<i>:<i>\]  Loss: <n> .*LR: <n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 3, 4))
    step = (epoch - 1) * batches + batch
    return {
        "step": or_silent(step, step + 1),
        "steps": "any",
        "epochs_done": epoch - 1,
        "epochs": or_silent(number(at[2])),
        "loss": number(at[5]),
        "lr": number(at[6]),
    }


def summary_behind_steps(log):
    at = log.last(r"^Epoch \[<i>/<i>\], Train Loss: <n>, Train PPL: <n>, Valid Loss: <n>, Valid PPL: <n>")
    inner = log.last(r"^Epoch \[<i>/<i>\], Step \[<i>/<i>\], CrossEntropyLoss: <n>")
    epoch, batch, batches = (number(inner[i]) for i in (1, 3, 4))
    return {
        "step": or_silent((epoch - 1) * batches + batch, epoch * batches),
        "steps": "any",
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"PPL": {"train": number(at[4]), "val": number(at[6])}},
    }


def training_dash_epoch(log):
    at = log.last(r"^TRAINING - Epoch: \[<i>\]\[<i>/<i>\].*Loss <n> \(<n>\)\tPrec@1 <n> \(<n>\)")
    step = number(at[1]) * number(at[3]) + number(at[2])
    return {
        "step": or_silent(step, step + 1),
        "steps": "any",
        "epochs_done": number(at[1]),
        "loss": [number(at[4]), number(at[5])],
        "val_loss": log.value(r"Validation Loss <n>"),
        "metrics": {"Prec@1": {"train": [number(at[6]), number(at[7])]}},
    }


def epoch_and_step_in_brackets(log):
    at = log.last(r"^\[<i> <i>/<i>\] loss <n> lr <n>")
    return {
        "step": number(at[2]),
        "steps": or_silent(number(at[3])),
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "epochs": "any",
        "loss": number(at[4]),
        "lr": number(at[5]),
        "val_loss": or_silent(log.value(r">> val <n>")),
        "metrics": {"validity": {"*": log.value(r"\| validity <n>")}},
    }


def backbones_in_turn(log):
    at = log.last(r"^ +Epoch <i>: loss=<n>, acc=<n>, lr=<n>")
    inner = log.last(r"^ +step <i>/<i>  loss=<n>")
    epoch, batch, batches = number(at[1]), number(inner[1]), number(inner[2])
    return {
        "step": or_silent((epoch - 1) * batches + batch, epoch * batches),
        "steps": "any",
        "epochs_done": epoch,
        "epochs": "any",
        "loss": [number(at[2]), number(inner[3])],
        "lr": number(at[4]),
        "metrics": {"acc": {"*": number(at[3])}},
    }


def short_splits(log):
    at = log.last(r"Epoch <i>/<i>  tr_ssl=<n>  tr_recon=<n>  va_ssl=<n>  va_full=<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": parts(at, 3, 4),
        "val_loss": parts(at, 5, 6),
    }


FORMATS = {f"eight-{name.__name__.replace('_', '-')}": name for name in (
    learning_iterations, csv_step_epoch, train_dash_loss, episode_step, csv_gan, class_acc_json, decibels, hf_cut,
    fold_roc, sft_step, five_columns, loss_acc_lines, total_pose_gaze, padded_columns, data_sets_in_turn, generations,
    results_arrows, complexity, batch_of_elapsed, csv_seven, warm_up_only, train_acc_pipes, equals_percent, splice,
    csv_val_last, iteration_pipes, russian_physics, unsloth, keras_lr, distilling, nnunet, non_greedy, bracket_pair,
    colon_total, summary_behind_steps, training_dash_epoch, epoch_and_step_in_brackets, backbones_in_turn, short_splits,
)}  # fmt: skip
