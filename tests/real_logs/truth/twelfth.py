"""The formats of the twelfth list: each repository its own words."""

import json

from .eleventh_more import caffe_lenet
from .reading import number, or_silent, percent


def torch_tutorial(log):
    at, held = log.last(r"^train Loss: <n> Acc: <n>"), log.last(r"^val Loss: <n> Acc: <n>")
    return {
        "epochs_done": log.value(r"^Epoch <i>/\d+") + 1,
        "epochs": "any",
        "loss": number(at[1]),
        "val_loss": number(held[1]),
        "metrics": {"Acc": {"train": number(at[2]), "val": number(held[2])}},
    }


def sets_in_parentheses(log):
    at = log.last(r"Epoch:<i>, Current step: <i>, Loss\(train\): <n>, Loss\(val\): <n>, alpha")
    return {
        "epochs_done": or_silent(number(at[1])),
        "step": number(at[2]),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
    }


def ranks_before_lines(log):
    at = log.last(r"^0: Epoch <i> Loss <n> Accuracy <n>")
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(),
        "loss": number(at[2]),
        "metrics": {"Accuracy": {"train|*": number(at[3])}},
    }


def tests_after_epochs(log):
    at = log.last(r"^Epoch <i> - Test Acc: <n>%, Test Loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "val_loss": number(at[3]),
        "lr": "any",
        "metrics": {"Acc": {"test": percent(at[2])}},
    }


def widths_in_turn(log):
    at = log.last(r"^Rank 0: Epoch <i>/<i> \| Train Loss: <n> \| Test Loss: <n> \| Test Acc: <n>%")
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
        "metrics": {"Acc": {"test": percent(at[5])}},
    }


def mm_engine(log):
    at = log.last(r"Epoch\(train\) +\[<i>\]\[<i>/<i>\] .*? lr: <n> .*grad_norm: <n>  loss: <n> ")
    epoch, batches = number(at[1]), number(at[3])
    return {
        "epochs_done": epoch,
        "step": or_silent(epoch * batches),
        "loss": number(at[6]),
        "lr": number(at[4]),
        "grad_norm": number(at[5]),
        "metrics": {"coco/bbox_mAP|bbox_mAP": {"val": log.value(r"Epoch\(val\) .*coco/bbox_mAP: <n>")}},
    }


def hashes_around_sets(log):
    at = log.last(r"#Train#+ Epoch: <i>, UNetR_Loss: <n>, UNetG_Loss: <n>")
    held = log.last(r"#Valid#+ Epoch: <i>, mae_loss: <n>, psnr_loss: <n>, +ssim_loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "step": "any",
        "loss": or_silent(),
        "val_loss": or_silent(number(held[2])),
        "metrics": {"psnr_loss|psnr": {"val|*": number(held[3])}},
    }


def json_steps(log):
    told = [json.loads(line) for line in log.lines if line.startswith("{")]
    at, held = ([each for each in told if name in each][-1] for name in ("loss", "valid_loss"))
    return {
        "step": held["step"],
        "loss": at["loss"],
        "val_loss": held["valid_loss"],
        "metrics": {"dice": {"val|*": held["dice"]}},
    }


def reports_in_json(log):
    at = log.last(r"train_loss: <n> \| train_acc: <n> \| test_loss: <n> \| test_acc: <n>")
    return {
        "epochs_done": log.value(r"INFO - Epoch <i>/\d+"),
        "epochs": log.value(r"INFO - Epoch \d+/<i>"),
        "loss": number(at[1]),
        "val_loss": number(at[3]),
        "metrics": {"acc": {"train": number(at[2]), "test": number(at[4])}},
    }


def epochs_without_end(log):
    begun = log.value(r"Epoch <i>/inf")
    is_over = log.lines[-2:] != [] and "Finished training." in log.text[-200:]
    train = log.value(r"train loss: +<n>")
    batches = log.value(r"H.loss=<n>")
    return {
        "epochs_done": begun if is_over else begun - 1,
        "step": or_silent(),
        "loss": train if batches is None else or_silent(train, batches),
        "val_loss": log.value(r"val loss: +<n>"),
    }


def norms_between_bars(log):
    at = log.last(r"^Epoch <i> - \|param\|=<n> \|g_param\|=<n> loss=<n>")
    return {
        "epochs_done": number(at[1]),
        "step": "any",
        "loss": number(at[4]),
        "grad_norm": or_silent(number(at[3])),
        "val_loss": log.value(r"^Validation - loss=<n>"),
    }


def kaldi_labels(log):
    at = log.last(r"^step <i>/<i> loss: <n>")
    held = log.last(r"validation loss at step <i>: <n>, the acc is: <n>")
    return {
        "step": [number(at[1]), number(held[1])],
        "loss": number(at[3]),
        "val_loss": number(held[2]),
        "lr": "any",
        "metrics": {"acc": {"val": or_silent(number(held[3]))}},
    }


def logs_of_keras(log):
    at = log.last(
        r"epoch: <i> logs: \{'val_categorical_accuracy': <n>, 'loss': <n>, 'categorical_accuracy': <n>, 'val_loss': <n>"
    )
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "lr": "any",
        "metrics": {"categorical_accuracy": {"train": number(at[4]), "val": number(at[2])}},
    }


def shares_and_bleu(log):
    at = log.last(r"Epoch: <i>, Train Loss: <n>, Train ACC: <n>")
    held = log.last(r"Epoch: <i>,Valid ACC: <n>,Valid Bleu <n>")
    return {
        "epochs_done": number(held[1]) + 1,
        "loss": [number(at[2]), log.value(r"^loss <n>, ")],
        "metrics": {"ACC": {"train": number(at[3]), "val": number(held[2])}},
    }


def epochs_in_brackets(log):
    epoch = log.value(r"^\[Epoch <i>\]")
    return {
        "epochs_done": or_silent(epoch, epoch + 1),
        "loss": log.value(r"^Train loss: <n>"),
        "val_loss": or_silent(log.value(r"^Test loss: <n>")),
    }


def trials_of_optuna(log):
    at = log.last(r"^Epoch <i>, Loss: <n>, Accuracy: <n>, Val Loss: <n>, Val Accuracy: <n>")
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(),
        "loss": number(at[2]),
        "val_loss": number(at[4]),
        "lr": "any",
        "metrics": {"Accuracy": {"train|*": number(at[3]), "val": number(at[5])}},
    }


FORMATS = {"twelve-" + parser.__name__.replace("_", "-"): parser for parser in (
    torch_tutorial, sets_in_parentheses, ranks_before_lines, tests_after_epochs, widths_in_turn, mm_engine,
    hashes_around_sets, json_steps, reports_in_json, epochs_without_end, norms_between_bars,
    kaldi_labels, logs_of_keras, shares_and_bleu, epochs_in_brackets, trials_of_optuna,
)} | {"twelve-caffe-with-pace": caffe_lenet}  # fmt: skip
