"""MXNet: Module.fit, GluonCV and GluonNLP; epochs count from 0 except in GluonNLP's fine-tuning."""

from .reading import number, or_silent


def cifar(log):
    at = log.last(r"\[Epoch <i>\] train=<n> val=<n> loss=<n>")
    return {"epochs_done": number(at[1]) + 1, "loss": number(at[4])}


def imagenet(log):
    at = log.last(r"^\[Epoch <i>\] validation: err-top1=<n> err-top5=<n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "lr": log.value(r"\blr=<n>"),
        "metrics": {
            "accuracy": {"train": log.value(r"\baccuracy=<n>")},
            "err-top1|top1|top1_err|error_top1": {"val": or_silent(number(at[2]))},
        },
    }


def detection(log):
    # Only parts of a loss are printed; the mAP closes the table of classes.
    ended = log.value(r"^\[Epoch <i>\] Training cost")
    facts = {
        "epochs_done": ended + 1,
        "lr": log.value(r"\bLR: <n>") or or_silent(log.value(r"Set learning rate to <n>")),
        "metrics": {"mAP|map": {"*": log.value(r"^mAP=<n>")}},
    }
    accuracy = log.value(r"\baccuracy=<n>")
    return facts | (
        {} if accuracy is None else {"metrics": facts["metrics"] | {"accuracy": {"train": or_silent(accuracy)}}}
    )


def pose(log):
    ended = log.last(r"^Epoch\[<i>\]\s+Speed: .*loss=<n>")
    return {
        "epochs_done": number(ended[1]) + 1,
        "loss": number(ended[2]),
        "lr": log.value(r"\blr=<n>"),
        "metrics": {"heatmap_accuracy": {"*": or_silent(log.value(r"heatmap_accuracy=<n>"))}},
    }


def action(log):
    # A batch is printed as i with (i + 1) % 20 == 0, so batches count from 0; the epoch ends with a line of its own.
    at = log.last(r"^Epoch\[<i>\] Batch \[<i>\]/\[<i>\]")
    epoch, batch, batches = map(number, at.groups())
    trained = log.last(r"^\[Epoch <i>\] training: .*loss=<n>")
    validated = log.last(r"^\[Epoch \d+\] validation: acc-top1=<n> acc-top5=<n> loss=<n>")
    step = epoch * batches + batch
    return {
        "step": or_silent(step + 1, step, (epoch + 1) * batches, (epoch + 1) * batches - 1),
        "loss": number(trained[2]),
        "epochs_done": number(trained[1]) + 1,
        "val_loss": number(validated[3]),
        "lr": log.value(r"\blr=<n>"),
        "metrics": {"accuracy": {"train": or_silent(log.value(r"training: accuracy=<n>"))}},
    }


def language_model(log):
    # The batches of an epoch are drawn (AWD-LSTM's random window), so a step from them is a guess.
    ended = log.last(r"^\[Epoch <i>\] time cost .*valid loss <n>, valid ppl <n>, lr <n>")
    batch = log.last(r"^\[Epoch <i> Batch <i>/<i>\] current loss <n>, ppl")
    step = number(batch[1]) * number(batch[3])
    return {
        "step": or_silent(step + number(batch[2]), step + number(batch[3])),
        "loss": number(batch[4]),
        "val_loss": number(ended[2]),
        "lr": number(ended[4]),
        "epochs_done": number(ended[1]) + 1,
    }


def bert(log):
    at = log.last(r"\[Epoch <i> Batch <i>/<i>\] loss=<n>, lr=<n>")
    told = log.value(r"Finish training step: <i>")
    final = log.last(r"validation metrics:accuracy:<n>,f1:<n>")
    step = (number(at[1]) - 1) * number(at[3]) + number(at[2])
    return {
        "step": or_silent(step, told, number(at[1]) * number(at[3])),
        "loss": number(at[4]),
        "lr": number(at[5]),
        "val_loss": or_silent(log.value(r"\d \[Batch \d+/\d+\] loss=<n>")),
        "epochs_done": [number(at[1]), number(at[1]) - 1],
        "metrics": {"accuracy": {"val": [number(final[1]), number(log.last(r"\d \[Batch.*accuracy:<n>")[1])]}},
    }


def module_fit(log):
    # A resume prints its settings anew; the rate is announced only where it changes.
    ended = log.last(r"Epoch\[<i>\] Validation-accuracy=<n>")
    changed, settings = log.last(r"Change learning rate to <n>"), log.last(r"Namespace\(.*?\blr=<n>")
    rates = [number(each[1]) for each in (changed, settings) if each.start() >= changed.start()]
    return {
        "epochs_done": number(ended[1]) + 1,
        "lr": or_silent(*rates),
        "step": or_silent(log.value(r"Update\[<i>\]")),
        "metrics": {"accuracy": {"val": number(ended[2]), "train": log.value(r"Train-accuracy=<n>")}},
    }


def ssd(log):
    at = log.last(r"\[Epoch <i>\]\[Batch <i>\].*CrossEntropy=<n>, SmoothL1=<n>, val_AP=<n>")
    return {"epochs_done": number(at[1]), "metrics": {"AP": {"val": number(at[5])}}}


FORMATS = {
    "gluoncv-cifar": cifar,
    "gluoncv-imagenet": imagenet,
    "gluoncv-detection": detection,
    "gluoncv-pose": pose,
    "gluoncv-action": action,
    "gluonnlp-lm": language_model,
    "gluonnlp-bert": bert,
    "mxnet-module": module_fit,
    "mxnet-ssd": ssd,
}
