"""The formats of the tenth list: each repository its own words."""

import json

from .reading import number, or_silent, percent


def reid_iterations(log):
    at = log.last(r"Epoch\[<i>\] Iteration\[<i>/<i>\] Loss: <n>, Acc: <n>, Base Lr: <n>")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    done = log.value(r"Epoch <i> done\.")
    return {
        "epochs_done": done or epoch - 1,
        "step": [(epoch - 1) * batches + batch] + ([epoch * batches, None] if done else []),
        "loss": number(at[4]),
        "lr": number(at[6]),
        "metrics": {"Acc": {"train|*": number(at[5])}},
    }


def threads_and_rewards(log):
    return {
        "step": or_silent(log.value(r"Num iters: <i>K"), 1000 * log.value(r"Num iters: <i>K")),
        "loss": None,
        "metrics": {"Avg Reward|Reward": {"*": log.value(r"Avg Reward <n>,")}},
    }


def caffe_center_loss(log):
    return {
        "step": [log.value(r"Iteration <i>, loss = "), 200000],
        "loss": log.value(r"Iteration \d+, loss = <n>"),
        "lr": log.value(r"Iteration \d+, lr = <n>"),
        "metrics": {"accuracy": {"train|*": log.value(r"output #0: accuracy = <n>")}},
    }


def grpo(log):
    at = log.last(r"'loss': <n>, 'grad_norm': <n>, 'learning_rate': <n>, .*'reward': <n>, .*'epoch': <n>\}")
    return {
        "step": log.value(r"100%\|█+\| <i>/\d+"),
        "epochs_done": int(number(at[5])),
        "loss": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
        "metrics": {"reward": {"*": number(at[4])}},
    }


def valid_beside_train(log):
    at = log.last(r"^<n> +<n> +<n> +\| <n> +<n> +<n> +\| <n> +<n> +<n> +\| +<n> +\|")
    epoch = int(number(at[3]))
    return {
        "step": or_silent(int(number(at[2]))),
        "epochs_done": or_silent(epoch + 1),
        "lr": number(at[1]),
        "val_loss": number(at[4]),
        "loss": number(at[7]),
    }


def optuna_trials(log):
    return {
        "lr": or_silent(log.value(r"LR=<n>")),
        "metrics": {"Validation Accuracy|Final Validation Accuracy|Accuracy": {
            "val|*": or_silent(log.value(r"Final Validation Accuracy: <n>"))
        }},
    }  # fmt: skip


def batches_of_glued_splits(log):
    at = log.last(r"Training\.\., epoch: <i>, <i>/<i>, acc: <n>, loss: <n>")
    held = log.last(r"- epoch: <i>, \d+/\d+, eval_acc: <n>, loss: <n>")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    return {
        "epochs_done": epoch + 1,
        "step": or_silent(epoch * batches + batch, epoch * batches + batch + 1),
        "loss": number(at[5]),
        "val_loss": number(held[3]),
        "metrics": {"acc": {"train": number(at[4])}, "acc|eval_acc": {"val": number(held[2])}},
    }


def padded_epoch_of_all(log):
    at = log.last(r"Epoch +<i>/<i> \| Train Loss: <n> \| Train Acc: <n>% \| Val Loss: <n> \| Val Acc: <n>%")
    return _losses_and_shares(at)


def padded_epoch_minutes(log):
    at = log.last(r"^Epoch +<i> \| Train Loss: <n> \| Val Loss: <n> \| LR: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3]), "lr": number(at[4])}


def stopped_bar(log):
    bar = log.last(r"^Epoch <i>/<i>: +\d+%\|.*\| <i>/<i> \[")
    epoch, epochs, done, batches = (number(bar[group]) for group in (1, 2, 3, 4))
    return {
        "epochs_done": [epoch, epoch - 1, None],
        "epochs": epochs,
        "step": or_silent(*((epoch - 1) * batches + done + more for more in (0, 1))),
        "loss": log.value(r"^Epoch \d+/\d+, Loss: <n>"),
    }


def steps_accuracies(log):
    names = r"step_acc=<n>, step_acc_hard=<n>, step_acc_easy=<n>, acc=<n>, loss=<n>"
    at, held = log.last(rf"train epoch <i>: {names}"), log.last(rf"valid epoch <i>: {names}")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[6]),
        "val_loss": number(held[6]),
        "metrics": {"acc": {"train": number(at[5]), "val": number(held[5])}},
    }


def paddle_seg(log):
    at = log.last(r"^\[TRAIN\] epoch: <i>, iter: <i>/<i>, loss: <n>, lr: <n>, batch_cost")
    return {
        "epochs_done": or_silent(number(at[1]) - 1, number(at[1])),
        "step": number(at[2]),
        "steps": number(at[3]),
        "loss": number(at[4]),
        "lr": number(at[5]),
    }


def accuracies_behind_bars(log):
    at = log.last(r"Epoch <i>: Validation Accuracy: <n>%")
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(number(at[1])),
        "metrics": {"Accuracy": {"val": percent(at[2])}},
    }


def glued_epoch(log):
    at = log.last(r"^Epoch<i> Time:<n>s Data:<n>s Loss:<n> Xent:<n> Htri:<n> Acc:<n>%")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[4]),
        "metrics": {"Acc": {"*": percent(at[7])}, "mAP": {"*": or_silent(*percent(log.last(r"^mAP: <n>%")[1]))}},
    }


def split_pairs(log):
    at = log.last(r"^Epoch \[<i>/<i>\] Train Loss: <n>, Train Acc: <n>% \| Val Loss: <n>, Val Acc: <n>%")
    return _losses_and_shares(at)


def caffe_paces(log):
    return {
        "step": log.value(r"Iteration <i>, loss = "),
        "loss": [log.value(r"Iteration \d+, loss = <n>"), log.value(r"iters\), loss = <n>")],
        "val_loss": log.value(r"Test net output #1: loss = <n>"),
        "lr": log.value(r"Iteration \d+, lr = <n>"),
        "metrics": {"accuracy": {"test|val": log.value(r"Test net output #0: accuracy = <n>")}},
    }


def pipes_with_rate(log):
    at = log.last(
        r"Epoch \[<i>/<i>\] \| Train Loss: <n> \| Train Acc: <n>% \| Val Loss: <n> \| Val Acc: <n>% \| LR: <n>"
    )
    return {**_losses_and_shares(at), "lr": number(at[7])}


def distilled_batches(log):
    at = log.last(r"Batch <i>/<i> \| Loss: <n> \| Student: <n> \| Distill: <n>")
    return {
        "step": or_silent(number(at[1])) if log.value(r"Resumed from batch <i>") else number(at[1]),
        "epochs_done": log.value(r"Epoch <i> complete") or [0, None],
        "loss": number(at[3]),
        "lr": or_silent(log.value(r"\(LR: <n>\)")),
        "metrics": {"Student": {"*": number(at[4])}},
    }


def losses_on_lines(log):
    return {
        "epochs_done": log.value(r"Epoch <i>/\d+") - 1,
        "epochs": log.value(r"Epoch \d+/<i>"),
        "loss": log.value(r"Training loss: <n>"),
        "val_loss": log.value(r"Validation loss: <n>"),
    }


def keras_bars(log):
    at = log.last(r"^<i>/\d+ .* - loss: <n>.* - val_loss: <n>")
    epochs = log.value(r"^Epoch <i>/\d+")
    return {
        "epochs_done": epochs,
        "step": or_silent(epochs * number(at[1])),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
    }


def models_in_turn(log):
    return {
        "epochs_done": or_silent(log.value(r"^Epochs: <i>")),
        "epochs": "any",
        "loss": or_silent(log.value(r"^Loss: <n>")),
        "val_loss": or_silent(log.value(r"^Vloss: <n>")),
    }


def chinese_notes(log):
    at = log.last(r"^Epoch <i> \| Train Loss: <n> \| Val Loss: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3])}


def progress_in_percent(log):
    over = log.last(r"Finished epoch <i>: Train Perplexity: <n>, Dev Perplexity: <n>, Accuracy: <n>")
    return {
        "epochs_done": number(over[1]),
        "step": log.value(r"Epoch: \d+, Step: <i>"),
        "metrics": {
            "Perplexity": {"train": log.value(r"Progress: \d+%, Train Perplexity: <n>"), "val": number(over[3])},
            "Accuracy": {"val|*": number(over[4])},
        },
    }


def dev_behind_at(log):
    at = log.last(r"^Epoch \[ *<i>/<i>\] \| Step \[ *<i>/<i> \( *\d+%\)\] \| Loss <n> \| Accuracy <n>%")
    held = log.last(r"@ Loss_dev <n> \| Accuracy_dev <n>%")
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "step": "any",
        "loss": number(at[5]),
        "val_loss": number(held[1]),
        "metrics": {"Accuracy": {"val": percent(held[2])}},
    }


def episode_lines(log):
    at = json.loads([line for line in log.lines if line.startswith("{")][-1])
    return {"step": or_silent(at["episode"]), "metrics": {"reward": {"*": at["reward"]}}}


def losses_in_a_dict(log):
    at = log.last(r"Training: deform=\d+, Ite=<i>, .*'loss': <n>\}")
    held = log.last(r"Evaluation: deform=\d+, Ite=<i>, .*'loss': <n>\}")
    return {
        "step": or_silent(number(at[1])),
        "loss": number(at[2]),
        "val_loss": number(held[2]),
        "metrics": {"chamffer_points": {"*": or_silent(
            log.value(r"Training: .*'chamffer_points': <n>"), log.value(r"Evaluation: .*'chamffer_points': <n>")
        )}},
    }  # fmt: skip


def double_pipes(log):
    return {
        "epochs_done": log.value(r"^Epoch <i> \|\| Loss"),
        "loss": log.value(r"^Train Batch \d+ \|\| Loss: <n>"),
        "metrics": {"Dice": {"test": or_silent(
            log.value(r"\| Test Dice: <n>"), log.value(r"^Test \d+ \|\| Dice: <n>")
        )}},
    }  # fmt: skip


def end_of_epoch(log):
    at = log.last(r"^Epoch \[<i>/<i>\], Step \[<i>/<i>\], Loss: <n>")
    epoch, step, steps = (number(at[group]) for group in (1, 3, 4))
    return {
        "epochs_done": log.value(r"^End of epoch<i>,"),
        "epochs": number(at[2]),
        "step": or_silent((epoch - 1) * steps + step),
        "loss": number(at[5]),
        "lr": or_silent(log.value(r"^learning rate [\d.]+ -> <n>")),
        "metrics": {"F1-score|当前模型在验证集上的F1-score为": {"val|*": or_silent(log.value(r"F1-score为: <n>"))}},
    }


def hf_strings_and_bars(log):
    at = log.last(r"'loss': '<n>', 'grad_norm': '<n>', 'learning_rate': '<n>', .*'epoch': '<n>'")
    over = log.value(r"'train_runtime': .*'epoch': '<n>'")
    return {
        "step": log.value(r"\| <i>/(?:57|69) \["),
        "epochs_done": over or [0, 1],
        "loss": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
        "val_loss": log.value(r"'eval_loss': '<n>'"),
    }


def matrix_behind(log):
    at = log.last(r"^Epoch <i> with acc: <n>, loss <n> matrix:")
    return {"epochs_done": number(at[1]), "loss": number(at[3]), "metrics": {"acc": {"*": number(at[2])}}}


def accuracies_first(log):
    at = log.last(r"Epoch <i> Train Accuracy: <n>%, Train Loss: <n>, Test Accuracy: <n>%, Test loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(log.value(r"Total Epochs: <i>")),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"Accuracy": {"train": percent(at[2]), "test": percent(at[4])}},
    }


def in_epoch(log):
    at = log.last(r"^In epoch <i>, loss: <n>, train acc: <n>, val acc: <n> \(best <n>\), test acc: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": number(at[2]),
        "metrics": {"acc": {"train": number(at[3]), "val": number(at[4]), "test": number(at[6])}},
    }


def hf_then_evaluation(log):
    at = log.last(r"\{'loss': <n>, 'grad_norm': <n>, 'learning_rate': <n>, 'epoch': <n>\}")
    return {
        "step": log.value(r"\| <i>/3750 \["),
        "epochs_done": int(log.value(r"'train_runtime': .*'epoch': <n>\}")),
        "loss": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
    }


FORMATS = {f"ten-{name.__name__.replace('_', '-')}": name for name in (
    reid_iterations, threads_and_rewards, caffe_center_loss, grpo, valid_beside_train, optuna_trials,
    batches_of_glued_splits, padded_epoch_of_all, padded_epoch_minutes, stopped_bar, steps_accuracies, paddle_seg,
    accuracies_behind_bars, glued_epoch, split_pairs, caffe_paces, pipes_with_rate, distilled_batches, losses_on_lines,
    keras_bars, models_in_turn, chinese_notes, progress_in_percent, dev_behind_at, episode_lines, losses_in_a_dict,
    double_pipes, end_of_epoch, hf_strings_and_bars, matrix_behind, accuracies_first, in_epoch, hf_then_evaluation,
)}  # fmt: skip


def _losses_and_shares(at):
    """Return what a line says that has the epoch, its total, and loss and accuracy of training and validation."""
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"Acc": {"train": percent(at[4]), "val": percent(at[6])}},
    }
