"""The formats of the third list: each repository its own words."""

import csv
import io
import re

from .own_loops import ner
from .reading import NUM, number, or_silent, percent


def nothing(log):
    """A log that states none of these facts."""
    return {}


def parts(match, first, last):
    """The losses of a line that names no whole, any of them, or silence."""
    return or_silent(*(number(match[i]) for i in range(first, last + 1)))


def pairs_of(text):
    """Every loss of a line by its own name, or silence."""
    return or_silent(*(number(each) for each in re.findall(rf"[_A-Z][\w]*: *({NUM})", text)))


def within(epoch, batches, batch, *, epochs_from):
    """A batch of an epoch: counted from 0 or from 1, and the epoch's end."""
    before = (epoch - epochs_from) * batches
    return or_silent(before + batch, before + batch + 1, before + batches)


def segment_epochs(log):
    at = log.last(r"Validating Epoch: <i>, accuracy: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": log.value(r"Training Epoch: \d+, Loss: <n>"),
        "metrics": {"accuracy": {"val": number(at[2])}},
    }


def segment_csv(log):
    rows = [
        {name.strip(): number(each) for name, each in row.items()}
        for row in csv.DictReader(io.StringIO(log.text.strip()))
    ]
    last = rows[-1]
    losses = {split: [last[name] for name in last if name.startswith(f"{split}/")] for split in ("train", "val")}
    return {
        "epochs_done": last["epoch"],
        "loss": or_silent(*losses["train"]),
        "val_loss": or_silent(*losses["val"]),
        "lr": last["lr/pg0"],
        "metrics": {"metrics/precision(B)": {"*": last["metrics/precision(B)"]}},
    }


def loss_and_error(log):
    return {
        "loss": log.value(r"^Training Loss: <n>"),
        "metrics": {"error": {"test": or_silent(log.value(r"^Model test error: <n>"))}},
    }


def dl4j(log):
    at = log.last(r"Score at iteration <i> is <n>")
    return {
        "step": number(at[1]),
        "loss": or_silent(number(at[2])),
        "metrics": {"accuracy": {"*": or_silent(log.value(r"^ Accuracy: +<n>"))}},
    }


def verl(log):
    line = log.last(r"step:<i> - .*")
    found = {name: number(each) for name, each in re.findall(rf"([\w/]+):({NUM})", line[0])}
    return {
        "step": number(line[1]),
        "steps": or_silent(log.value(r"Training Progress:.*\| \d+/<i> ")),
        "loss": or_silent(found["actor/loss"], found["actor/pg_loss"]),
        "lr": found["actor/lr"],
        "grad_norm": found["actor/grad_norm"],
        "epochs_done": [0, None],
    }


def keras_lines(log):
    rows = log.every(r"^(?: - )?\d+s - loss: <n> - acc: <n> - val_loss: <n> - val_acc: <n>")
    heads = log.every(r"^Epoch <i>/<i>")
    at, last = rows[-1], heads[-1]
    done = number(last[1]) - (last.start() > at.start())
    return {
        "epochs_done": [done] if len(rows) == done else [done, len(rows), None],
        "epochs": or_silent(number(last[2])),
        "loss": number(at[1]),
        "val_loss": number(at[3]),
        "metrics": {"acc": {"train": number(at[2]), "val": number(at[4])}},
    }


def precision_lines(log):
    at = log.last(r"precision: <n>, recall: <n>, fscore: <n>")
    return {"metrics": {"precision": {"*": or_silent(number(at[1]))}}}


def hf_grepped(log):
    at = log.last(r"'loss': <n>, 'learning_rate': <n>, 'epoch': <n>")
    return {"loss": number(at[1]), "lr": number(at[2]), "epochs_done": 1}


def bar_cpp(log):
    at = log.last(r"^Training \[=* *\] [\d.]+% <i>/<i> \|.* loss=<n> \| validation_loss=<n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
        "lr": [3e-4, 3e-5, None],
        "epochs_done": [None, 0, 1],
    }


def epoch_train_loss(log):
    # Several models at once by several workers, each with epochs of its own.
    return {
        "loss": or_silent(*(number(each[1]) for each in log.every(r"[Tt]rain[ _]loss: <n>")[-6:])),
        "step": "any",
        "epochs_done": "any",
    }


def step_alone(log):
    return {
        "step": log.value(r"^Step <i>"),
        "metrics": {"learning reward last 100 episodes": {"*": or_silent(log.value(r"100 episodes: <n>"))}},
    }


def keras_bars(log):
    head = log.last(r"^Epoch <i>/<i>")
    at = log.last(r"^(?:.*\x08)?<i>/\d+ \[=+\] - \d+s - loss: <n> - val_loss: <n>")
    return {
        "step": or_silent(number(head[1]) * number(at[1])),
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
    }


def epoch_dots(log):
    every = log.every(r"^EPOCH <i> \.\.\. Validation Accuracy = <n>")
    at = every[-1]
    return {
        "step": "any",
        "epochs_done": [number(at[1]), len(every)],
        "metrics": {"accuracy": {"val": number(at[2])}},
    }


def epoch_brackets(log):
    at = log.last(r"^Epoch \[<i>/<i>\], Loss: <n>, Accuracy: <n>%")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "metrics": {"accuracy": {"train": percent(at[4])}},
    }


def policy_value(log):
    at = log.last(r"^Epoch <i>/<i>: Policy Loss = <n>, Value Loss = <n>")
    return {"epochs_done": number(at[1]), "epochs": or_silent(number(at[2])), "loss": parts(at, 3, 4)}


def tf_retrain(log):
    return {
        "step": log.value(r": Step <i>:"),
        "loss": or_silent(log.value(r"Cross entropy = <n>")),
        "metrics": {
            "accuracy": {
                "train": percent(log.last(r"Train accuracy = <n>%")[1]),
                "val": percent(log.last(r"Validation accuracy = <n>%")[1]),
            }
        },
    }


def tensors(log):
    head = log.last(r"^==> Epoch <i>/<i>")
    return {
        "epochs_done": [number(head[1]), number(head[1]) - 1],
        "epochs": or_silent(number(head[2])),
        "loss": log.value(r"^train_loss tensor\(<n>"),
        "val_loss": or_silent(log.value(r"^val_loss tensor\(<n>")),
    }


def csv_rows(log):
    rows = list(csv.DictReader(io.StringIO(log.text.strip())))
    first, last = rows[0], {name: number(each) for name, each in rows[-1].items()}
    metrics = {
        "accuracy|acc": {
            "train": last.get("accuracy", last.get("train_acc")),
            "val": last.get("val_accuracy", last.get("val_acc")),
        }
    }
    return {
        "epochs_done": last["epoch"] + (number(first["epoch"]) == 0),
        "loss": last.get("loss", last.get("train_loss")),
        "val_loss": last["val_loss"],
        "lr": last.get("lr", last.get("learning_rate")),
        "metrics": metrics if metrics["accuracy|acc"]["val"] is not None else {},
    }


def gan_of_epoch(log):
    at = log.last(r"^End of epoch <i> / <i>")
    first = log.every(r"^End of epoch <i> / <i>")[0]
    return {
        "epochs_done": number(at[1]) + (number(first[1]) == 0),
        "epochs": or_silent(number(at[2])),
        "lr": log.value(r"^learning rate = <n>"),
        "loss": parts(log.last(r"^Generator Loss: <n>, Discriminator Loss: <n>"), 1, 2),
    }


def split_in_epoch(log):
    # Steps begin anew in each epoch, and how many an epoch has is not said.
    at = log.last(r"^TRAIN in epoch <i> , step <i>, loss = <n>")
    tested = log.last(r"^TEST in epoch ?<i>, loss = <n>, acc = <n>%")
    return {
        "epochs_done": [number(at[1]), number(at[1]) + 1],
        "loss": number(at[3]),
        "val_loss": number(tested[2]),
        "metrics": {"acc": {"test|val": percent(tested[3])}},
    }


def baselines_box(log):
    return {
        "step": log.value(r"\| total/steps +\| <n>"),
        "loss": or_silent(log.value(r"loss_actor +\| <n>"), log.value(r"loss_critic +\| <n>")),
        "epochs_done": or_silent(log.value(r"total/epochs +\| <n>"), log.value(r"total/epochs +\| <n>") + 1),
        "metrics": {"rollout/return": {"*": log.value(r"rollout/return +\| <n>")}},
    }


def tf2_transformer(log):
    at = log.last(r"^Epoch <i> Loss <n> Accuracy <n>")
    batch = log.last(r"^Epoch <i> Batch <i> Loss <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) - 1),
        "loss": [number(at[2]), number(batch[3])],
        "step": "any",
        "metrics": {"accuracy": {"*": number(at[3])}},
    }


def step_pipes(log):
    at = log.last(r"^step +<i> \| loss <n> \| lr <n> \| grad <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(100_000),
        "loss": number(at[2]),
        "lr": number(at[3]),
        "grad_norm": number(at[4]),
        "val_loss": log.value(r"\[eval\] step +\d+ \| val_loss <n>"),
    }


def early_stop(log):
    return {"val_loss": or_silent(log.value(r"[Bb]est score: <n>\."), log.value(r"New best score: <n>"))}


def imagenet_err(log):
    at = log.last(r"^Epoch: \[<i>\]\[<i>/<i>\].*Loss <n> \(<n>\)\s+ERR <n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    whole = log.every(r"^ \*+ ERR <n> LOSS <n>")
    first = log.last(r"^Test: \[<i>/\d+\].*Loss <n>")
    return {
        "step": within(epoch, batches, batch, epochs_from=0),
        "epochs_done": or_silent(epoch, epoch + 1),
        "loss": [number(at[4]), number(at[5]), log.value(r"^Training Error: \S+ +Loss: <n>")],
        "val_loss": or_silent(number(whole[-1][2]), number(whole[-2][2]), number(first[2])),
    }


def accuracy_only(log):
    return {
        "step": or_silent(log.value(r"^Img No\. <i>")),
        "metrics": {"accuracy": {"train": log.value(r"^Training Accuracy: <n>")}},
    }


def padded_epochs(log):
    at = log.last(r"^Epoch: <i>/<i> \| Batch <i>/<i> \| Loss: <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    trained = log.last(r"^\*\*Epoch: \S+ \| Train\. Acc\.: <n>% \| Loss: <n>")
    tested = log.last(r"^\*\*Epoch: \S+ \| Test\. Acc\.: <n>% \| Loss: <n>")
    found = {
        "step": within(epoch, batches, batch, epochs_from=1),
        "epochs_done": [epoch] if tested[1] else [epoch, epoch - 1],
        "epochs": or_silent(epochs),
        "lr": log.value(r"Current Learning Rate: <n>"),
        "loss": [number(at[5]), number(trained[2])] if trained[2] else number(at[5]),
    }
    return found | ({"val_loss": number(tested[2])} if tested[2] else {})


def gaitset(log):
    at = log.last(r"^iter <i>:, hard_loss_metric=<n>, full_loss_metric=<n>.*?lr=<n>")
    return {"step": number(at[1]), "loss": parts(at, 2, 3), "lr": number(at[4])}


def probe_epochs(log):
    at = log.last(r"^Train epoch <i>, total time [\d.]+, accuracy:<n>")
    return {
        "epochs_done": or_silent(number(at[1])),
        "metrics": {"accuracy": {"train": or_silent(number(at[2]))}},
    }


def bracket_pairs(log):
    at = log.last(r"^\[epoch:<i>/<i>\] \[loss:<n>\] \[lr:<n>\]")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "lr": number(at[4]),
    }


def gan_semicolons(log):
    at = log.last(r"epoch<i>; batch<i>; .*")
    steps = or_silent(number(at[2]), number(at[2]) + 1)
    return {"step": steps, "epochs_done": [0, None], "loss": pairs_of(at[0])}


def gan_two_lines(log):
    one, two = log.last(r"^epoch id: <i>, batch step: <i>, g_loss: <n>"), log.last(r"^epoch<i>; batch<i>; .*")
    return {
        "step": or_silent(number(one[2]), number(one[2]) + 1),
        "epochs_done": [0, None],
        "loss": [*pairs_of(two[0]), number(one[3])],
    }


def epoch_iter_total(log):
    at = log.last(r"^\[epoch: <i>/<i>, iter: <i>/<i>\] total: <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": within(epoch, batches, batch, epochs_from=1),
        "epochs_done": [epoch - 1, epoch],  # what each epoch prints at its end was printed
        "epochs": or_silent(epochs),
        "loss": or_silent(number(at[5])),
        "lr": log.value(r"^learning rate = <n>"),
        "metrics": {"accuracy": {"val": log.value(r"^Validation accuracy: <n>")}},
    }


def epoch_line_loss(log):
    epoch = log.value(r"^epoch +<i>")
    return {
        "epochs_done": [epoch, epoch - 1],
        "loss": log.value(r"^loss: <n>"),
        "metrics": {"accuracy": {"test": percent(log.last(r"^test accuracy: <n>%")[1])}},
    }


def running_loss(log):
    epoch = log.value(r"^Epoch: <i>\s+Batch")
    return {
        "step": "any",
        "epochs_done": epoch,
        "loss": [log.value(r"^Epoch \d+ Train Loss: <n>"), log.value(r"^Running Loss: <n>")],
        "val_loss": log.value(r"^Epoch \d+ Valid Loss: <n>"),
        "metrics": {"accuracy": {"val": or_silent(log.value(r"^Validation Accuracy: <n>"))}},
    }


def transunet(log):
    at = log.last(r"^iteration <i>, epoch <i> : loss : <n>, lr: <n>")
    return {
        "step": number(at[1]),
        "epochs_done": or_silent(number(at[2]), number(at[2]) + 1),
        "loss": number(at[3]),
        "lr": number(at[4]),
        "metrics": {"mean_dice|dice": {"*": or_silent(log.value(r"mean_dice : <n>"))}},
    }


def loguru_lines(log):
    at = log.last(r" - epoch<i>/<i>:")
    return {
        "epochs_done": [number(at[1]), number(at[1]) - 1],
        "epochs": or_silent(number(at[2])),
        "loss": log.value(r"train_loss:<n>"),
        "metrics": {"mape": {"train": percent(log.last(r"train_mape:<n>%")[1])}},
    }


def model_scores(log):
    return {"metrics": {"score": {"*": or_silent(log.value(r"Score: <n>"))}}}


def validation_hash(log):
    at = log.last(r"^Validation #<i> #<i> Average Loss: <n>, mIoU: <n>")
    return {
        "step": "any",
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": or_silent(log.value(r"^\d+ : <n>")),
        "val_loss": number(at[3]),
        "metrics": {"mIoU": {"val": number(at[4])}},
    }


def epoch_from_0(log):
    at = log.last(r"^Epoch \[<i>\], train_loss: <n>, val_loss: <n>, val_acc: <n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"acc": {"val": number(at[4])}},
    }


def gan_chinese(log):
    at = log.last(r"Epoch \[<i>/<i>\] Batch \[<i>/<i>\] D_loss: <n>,? G_loss: <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": within(epoch, batches, batch, epochs_from=0),
        "epochs_done": epoch,
        "epochs": or_silent(epochs),
        "loss": parts(at, 5, 6),
    }


def tutorial(log):
    at = log.last(r"^\[<i>, +<i>\] loss: <n>")
    return {
        "step": "any",
        "epochs_done": or_silent(number(at[1]), number(at[1]) - 1),
        "loss": number(at[3]),
        "metrics": {"accuracy of the network on the 10000 test images": {"*": or_silent(*percent("55"))}},
    }


def epochs_glued(log):
    # From the last line on, lines are glued to each other.
    pattern = r"epoch: <i>/<i>, train_loss: <n>, train_acc: <n>"
    whole = log.last(rf"^{pattern}, test_loss: <n>")
    every = [each for each in log.every(pattern) if each.start() >= whole.start()]
    return {
        "epochs_done": or_silent(*(number(each[1]) for each in every)),
        "epochs": "any",
        "loss": or_silent(*(number(each[3]) for each in every)),
        "val_loss": or_silent(number(whole[5])),
    }


def tqdm_unknown(log):
    # The bar's total is too small, and the batches of an epoch change.
    at = log.last(r"^Epoch <i> Loss: <n>")
    return {"epochs_done": number(at[1]), "loss": [number(at[2]), log.value(r"loss=<n>\]")]}


def arrow_epochs(log):
    at = log.last(r"^==> Training epoch: <i>, Loss: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2])}


def epoch_completed(log):
    return {"epochs_done": log.value(r"^EPOCH <i> COMPLETED")}


def epoch_time(log):
    last = log.value(r"Epoch: <i> - Execution time")
    return {"epochs_done": or_silent(last, last + 1)}


def step_within(log):
    at = log.last(r"epoch: <i> step: <i> loss: <n>")
    return {"step": or_silent(number(at[2])), "epochs_done": number(at[1]) - 1, "loss": number(at[3])}


def counting(log):
    at = log.last(r"Epoch <i> Train, reg:<n>, RRC_stage1:<n>, RRC_stage2:<n>, mae:<n>, mse:<n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "epochs": or_silent(300, 299),
        "loss": parts(at, 2, 4),
        "metrics": {"mae": {"train": number(at[5]), "val": log.value(r"Epoch \d+ Val, MAE: <n>")}},
    }


def sentence_transformers(log):
    return {"step": or_silent(log.value(r"Saving model checkpoint to \S+checkpoint-<i>")), "epochs": or_silent(30)}


def cyclegan_bars(log):
    at = log.last(r"\(epoch: <i>, iters: <i>, time: [^)]*\) , (.*)")
    bar = log.last(r"^Epoch <i>/<i>: .*\| <i>/<i> \[")
    epoch, epochs, batch, batches = (number(bar[i]) for i in range(1, 5))
    return {
        "step": or_silent((epoch - 1) * batches + batch),
        "epochs_done": epoch - 1,
        "epochs": or_silent(epochs),
        "lr": log.value(r"learning rate \S+ -> <n>"),
        "loss": pairs_of(at[3]),
    }


def unet_log(log):
    return {
        "epochs": or_silent(100),
        "lr": or_silent(log.value(r"Learning rate: +<n>")),
        "metrics": {"Dice Coeff": {"*": log.value(r"Validation Dice Coeff: <n>")}},
    }


def flair(log):
    at = log.last(r"epoch <i> - iter <i>/<i> - loss <n>")
    return {
        "step": (number(at[1]) - 1) * number(at[3]) + number(at[2]),
        "epochs_done": number(at[1]) - 1,
        "epochs": or_silent(150),
        "loss": number(at[4]),
        "lr": [0.1, None],
    }


def yolov5_console(log):
    at = log.last(r"^ +<i>/<i> +\S+G +<n> +<n> +<n> +<i> +\d+: .*\| <i>/<i> \[")
    row = log.last(r"^ +all +<i> +<i> +<n> +<n> +<n> +<n>")
    return {
        "step": or_silent((number(at[1]) + 1) * number(at[8])),
        "epochs_done": number(at[1]) + 1,
        "epochs": or_silent(number(at[2]) + 1),
        "loss": None,
        "metrics": {"P": {"*": or_silent(number(row[3]))}, "R": {"*": or_silent(number(row[4]))}},
    }


def jde_table(log):
    at = log.last(r"\[INFO\]: +<i>/<i> +<i>/<i> +<n> +<n> +<n> +<n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": within(epoch, batches, batch, epochs_from=0),
        "epochs_done": [epoch, epoch + 1],
        "epochs": or_silent(epochs, epochs + 1),
        "loss": or_silent(number(at[8])),
    }


def hf_begun(log):
    bar = log.last(r"\| <i>/<i> \[")
    return {
        "step": or_silent(number(bar[1])),
        "steps": number(bar[2]),
        "epochs": or_silent(2),
        "epochs_done": [0, None],
    }


FORMATS = {
    "own-segment-epochs": segment_epochs,
    "ultralytics-segment-csv": segment_csv,
    "own-ner-evaluations": nothing,
    "own-ner-iterations": ner,
    "own-loss-and-error": loss_and_error,
    "dl4j": dl4j,
    "verl-console": verl,
    "keras-one-line-bare": keras_lines,
    "keras-one-line-dash": keras_lines,
    "own-precision-lines": precision_lines,
    "hf-dicts-grepped": hf_grepped,
    "own-bar-cpp": bar_cpp,
    "own-epoch-train-loss": epoch_train_loss,
    "own-step-alone": step_alone,
    "keras-bars-old": keras_bars,
    "own-epoch-dots": epoch_dots,
    "own-epoch-commas": epoch_brackets,
    "own-policy-value": policy_value,
    "tf-retrain": tf_retrain,
    "own-tensors": tensors,
    "own-metrics-stat": nothing,
    "own-csv-epochs": csv_rows,
    "own-gan-of-epoch": gan_of_epoch,
    "own-split-in-epoch": split_in_epoch,
    "baselines-box": baselines_box,
    "tf2-transformer": tf2_transformer,
    "own-step-pipes": step_pipes,
    "lightning-early-stop": early_stop,
    "imagenet-err": imagenet_err,
    "own-accuracy-only": accuracy_only,
    "own-padded-epochs": padded_epochs,
    "gaitset": gaitset,
    "own-probe-epochs": probe_epochs,
    "own-bracket-pairs": bracket_pairs,
    "paddle-gan-semicolons": gan_semicolons,
    "paddle-gan-two-lines": gan_two_lines,
    "own-epoch-iter-total": epoch_iter_total,
    "keras-csv": csv_rows,
    "own-epoch-line-loss": epoch_line_loss,
    "own-running-loss": running_loss,
    "transunet": transunet,
    "own-loguru-lines": loguru_lines,
    "own-model-scores": model_scores,
    "own-validation-hash": validation_hash,
    "own-epoch-0-brackets": epoch_from_0,
    "own-gan-chinese": gan_chinese,
    "pytorch-tutorial-numbers": tutorial,
    "own-epochs-glued": epochs_glued,
    "own-tqdm-unknown-total": tqdm_unknown,
    "own-arrow-epochs": arrow_epochs,
    "own-epoch-completed": epoch_completed,
    "own-epoch-time": epoch_time,
    "own-step-within": step_within,
    "own-counting": counting,
    "sentence-transformers": sentence_transformers,
    "cyclegan-bars": cyclegan_bars,
    "unet-log": unet_log,
    "flair-begun": flair,
    "yolov5-console-begun": yolov5_console,
    "jde-table": jde_table,
    "hf-trainer-begun": hf_begun,
    "ngboost": nothing,
}
