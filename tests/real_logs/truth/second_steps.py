"""Loops that report within an epoch, as the second list has them: steps, batches, bars, records."""

import ast
import json
import re

from .reading import NUM, number, or_silent


def step_colon(log):
    at = log.last(r"^Epoch <i>, Step <i>: Loss=<n>")
    return {
        "step": number(at[2]),
        "loss": number(at[3]),
        "epochs_done": or_silent(number(at[1]) - 1, number(at[1])),
    }


def vae_terms(log):
    at = log.last(r"^Epoch <i>, Step <i>: Reconstruction Loss=<n>, KL Loss=<n>, Total Loss=<n>")
    return {"step": number(at[2]), "loss": number(at[5]), "epochs_done": number(at[1]) - 1}


def hrnet(log):
    # The evaluation at an epoch's end prints a bare loss beside its figures.
    at = log.last(r"^Epoch: \[<i>/<i>\] Iter:\[<i>/<i>\].*?lr: \[<n>\], Loss: <n>, Acc:<n>")
    tested = log.last(r"^Loss: <n>, MeanIU: +<n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": or_silent(epoch * batches + batch, epoch * batches + batch + 1, (epoch + 1) * batches),
        "epochs_done": [epoch, epoch + 1],
        "epochs": or_silent(epochs),
        "lr": number(at[5]),
        "loss": number(at[6]),
        "val_loss": or_silent(number(tested[1])),
    }


def transformer_xl(log):
    # Each line twice: once by TensorFlow's logger, once by absl's. The model is evaluated on both splits.
    at = log.last(r"\[ *<i>\] \| gnorm +<n> lr +<n> \| loss +<n>")
    trained = log.last(r"Train batches\[ *\d+\] +\| loss +<n>")
    return {
        "step": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
        "loss": [number(at[4]), number(trained[1])],
        "val_loss": log.value(r"Eval +batches\[ *\d+\] +\| loss +<n>"),
    }


def captioning(log):
    at = log.last(r"^Epoch \[<i>/<i>\], Step \[<i>/<i>\], Loss: <n>(?:, Perplexity: <n>)?")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    metrics = {"perplexity|ppl": {"*": number(at[6])}} if at[6] else {}
    return {
        "step": (epoch - 1) * batches + batch,
        "epochs_done": epoch - 1,
        "epochs": or_silent(epochs),
        "loss": number(at[5]),
        "metrics": metrics,
    }


def step_equals_total(log):
    # Ten batches a line; the test at the end says that the last epoch was done.
    at = log.last(r"^Epoch <i>/<i>, step <i>/<i>, loss = <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": (epoch - 1) * batches + batch,
        "epochs_done": [epoch - 1, epoch],
        "epochs": or_silent(epochs),
        "loss": number(at[5]),
    }


def split_brackets(log):
    at = log.last(r"^\[train\] epoch:<i> iter:<i>/<i> <n>% lr:<n> loss:<n>")
    step = number(at[1]) * number(at[3]) + number(at[2])
    return {
        "step": or_silent(step, step + 1),
        "epochs_done": number(at[1]),
        "lr": number(at[5]),
        "loss": number(at[6]),
        "metrics": {"miou": {"val": log.value(r"^\[val\] epoch:\d+ miou:<n>")}},
    }


def split_lines(log):
    at = log.last(r"^epoch=<i> step=<i> train_loss=<n> val_loss=<n>")
    ended = log.last(r"^epoch_end=<i> train_loss=<n> val_loss=<n>")
    return {
        "step": number(at[2]),
        "loss": [number(ended[2]), number(at[3])],
        "val_loss": number(ended[3]),
        "epochs_done": number(ended[1]),
    }


def gpt2_lora(log):
    # The evaluation prints a bare loss under its own head.
    at = log.last(r"Epoch <i> \| Step +<i>/<i> \| Loss: <n> \| PPL: <n> \| LR: <n> \| Grad: <n>")
    epoch, batch, batches = (number(at[i]) for i in range(1, 4))
    return {
        "step": [epoch * batches + batch, epoch * batches + batch + 1, (epoch + 1) * batches],
        "loss": [number(at[4]), log.value(r"Avg Loss: <n>")],
        "lr": number(at[6]),
        "grad_norm": number(at[7]),
        "val_loss": or_silent(log.value(r"root:? *Loss: <n>"), log.value(r"Final Results: Loss=<n>")),
        "epochs_done": epoch + 1,
    }


def openpi(log):
    # Counts of the bar from a thousand on are rounded.
    at = log.last(r"^Step <i>: grad_norm=<n>, loss=<n>")
    return {"step": number(at[1]), "steps": or_silent(30000), "grad_norm": number(at[2]), "loss": number(at[3])}


def torchvision_bar(log):
    at = log.last(r"^Epoch: \[0\]: +\d+%\|.*?\| (\d+)/(\d+) \[.*?loss=<n>, lr=<n>\]")
    return {
        "step": [number(at[1]), number(at[1]) + 1],
        "loss": number(at[3]),
        "lr": number(at[4]),
        "epochs_done": 0,
    }


def bar_mean(log):
    at = log.last(r"Epoch <i>: +\d+%\|[^|]*\| *<i>/<i> \[[^\]]*loss:<n>,epoch mean:<n>")
    tested = log.last(r"validating\.\.\.: +\d+%\|[^|]*\| *\d+/\d+ \[[^\]]*loss:<n>,epoch mean:<n>")
    epoch, batch, batches = (number(at[i]) for i in range(1, 4))
    return {
        "step": or_silent(epoch * batches + batch),
        "epochs_done": epoch + (batch == batches),
        "loss": [number(at[4]), number(at[5])],
        "val_loss": or_silent(number(tested[1]), number(tested[2])),
    }


def batch_of_epoch(log):
    at = log.last(r"\[batch <i>/<i>, epoch <i>/<i>\]:.*?loss_total:<n>")
    batch, batches, epoch, epochs = (number(at[i]) for i in range(1, 5))
    return {
        "step": (epoch - 1) * batches + batch,
        "epochs_done": epoch,
        "epochs": or_silent(epochs),
        "loss": number(at[5]),
    }


def fold_bar(log):
    # Five folds of 200 epochs, each epoch a bar of four batches.
    at = log.last(r"^\[fold_\d\] <i>/<i>: +\d+%\|[^|]*\| *<i>/<i> \[[^\]]*loss=<n>")
    return {
        "step": or_silent(number(at[4]), number(at[1]) * number(at[4]), 5 * number(at[1]) * number(at[4])),
        "epochs_done": [number(at[1]), 5 * number(at[1]), None],
        "loss": number(at[5]),
        "metrics": {"dice|mean dice": {"*": or_silent(*(number(m[1]) for m in log.every(r"(?i)dice[=:] ?<n>")))}},
    }


def clue_bar(log):
    at = log.last(r"^Iteration: +\d+%\|.*?loss=<n>, lr=<n>, global_step=<i>")
    epochs = log.last(r"^Epoch: +\d+%\|.*?\| <i>/<i> \[")
    return {
        "step": number(at[3]),
        "loss": number(at[1]),
        "lr": number(at[2]),
        "epochs_done": number(epochs[1]),
        "epochs": or_silent(number(epochs[2])),
        "metrics": {"acc": {"*": or_silent(log.value(r"  acc = <n>"))}},
    }


def text_recognition(log):
    at = log.last(r"^\[<i>/<i>\] Train loss: <n>, Valid loss: <n>")
    accuracy = log.value(r"^Current_accuracy : <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
        "metrics": {"accuracy|current_accuracy": {"*": or_silent(accuracy)}},
    }


def ms_swift(log):
    last = ast.literal_eval(log.last(r"^.*?(\{'loss':.*?\})")[1])
    step, steps = map(int, last["global_step/max_steps"].split("/"))
    return {
        "step": step,
        "steps": or_silent(steps),
        "loss": last["loss"],
        "grad_norm": last["grad_norm"],
        "lr": last["learning_rate"],
        "epochs_done": int(last["epoch"]),
        "metrics": {"token_acc": {"*": last["token_acc"]}},
    }


def pipe_step(log):
    at = log.last(r"Epoch <i>/<i> \| Step <i>/<i> \| Loss: <n> \| LR: <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    step = (epoch - 1) * batches + batch
    return {
        "step": [step, step + 1],
        "epochs": or_silent(epochs),
        "epochs_done": or_silent(*range(epoch)),
        "loss": number(at[5]),
        "lr": number(at[6]),
    }


def ppo_evaluations(log):
    at = log.last(r"^Epoch: <i>, global_step=<i>")
    losses = log.last(r"^SPS: \d+, pg_loss=<n>, v_loss=<n>")
    return {
        "step": number(at[2]),
        "epochs_done": or_silent(number(at[1]) - 1, number(at[1])),
        "loss": or_silent(number(losses[1]), number(losses[2])),
    }


def lightning_bar(log):
    at = log.last(r"Epoch 0: +\d+%\|[^|]*\| *<i>/<i> \[[^\]]*train_total_loss=<n>")
    return {"step": number(at[1]), "loss": number(at[3]), "epochs_done": 0}


def snn_step(log):
    step = log.last(r"^Epoch \[<i>/<i>\], Step \[<i>/<i>\], Loss: <n>")
    at = log.last(r"Epoch <i>: train loss <n>, train acc <n>, test acc <n>")
    epoch, epochs, batch, batches = (number(step[i]) for i in range(1, 5))
    return {
        "step": [epoch * batches + batch, (epoch + 1) * batches],
        "epochs_done": epoch + 1,
        "epochs": or_silent(epochs),
        "loss": [number(at[2]), number(step[5])],
        "metrics": {"acc|accuracy": {"train": number(at[3]), "test": number(at[4])}},
    }


def dcgan(log):
    at = log.last(r"^\[ *<i> Epoch:\[ *<i>/<i>\] \[ *<i>/<i>\] time: <n>, d_loss: <n>, g_loss: <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(2, 6))
    return {
        "step": [number(at[1]), epoch * batches + batch],
        "epochs_done": epoch,
        "epochs": or_silent(epochs),
        "loss": or_silent(number(at[7]), number(at[8])),
    }


def two_line_step(log):
    # Several attempts; the batch stands in one line, the losses in the next.
    at = log.last(r"^epoch: <i>, <i>/<i> <n>%, <n>s per iter, lr: <n>")
    losses = [number(each[1]) for each in log.every(r"(?:recon|style|cycle) loss: <n>")[-3:]]
    return {
        "step": (number(at[1]) - 1) * number(at[3]) + number(at[2]),
        "epochs_done": or_silent(*range(number(at[1]))),
        "lr": number(at[6]),
        "loss": or_silent(*losses),
        "metrics": {"ppl": {"*": log.value(r"ppl:<n>")}},
    }


def count(log):
    # The head tells the epoch, from 0; a count of samples is no step.
    at = log.last(r"count: <i>, loss:<n>")
    return {
        "step": or_silent(number(at[1])),
        "epochs_done": log.value(r"train epoch: <i>"),
        "loss": number(at[2]),
    }


def loguru(log):
    return {"step": or_silent(log.value(r"in batch: <i>")), "loss": log.value(r"- loss: <n>")}


def rcnn(log):
    epoch = log.value(r"Epoch\[<i>\] Batch \[0-\d+\]")
    return {
        "epochs_done": epoch,
        "step": or_silent(log.value(r"Batch \[0-<i>\]")),
        "lr": log.value(r"INFO - lr: <n>"),
        "metrics": {"M0_RPNAcc": {"*": or_silent(log.value(r"\bM0_RPNAcc=<n>"))}},
    }


def cirkd(log):
    at = log.last(r"Iters: <i>/<i> \|\| Lr: <n> \|\| Task Loss: <n>")
    tested = log.last(r"Validation pixAcc: <n>, mIoU: <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "lr": number(at[3]),
        "loss": or_silent(number(at[4])),
        "metrics": {"pixAcc": {"val": number(tested[1])}, "mIoU": {"val": number(tested[2])}},
    }


def hf_verbose(log):
    # Sixty-four ranks; no loss is printed, only the bar and the summary.
    return {"step": 4, "steps": or_silent(4), "epochs_done": 1, "epochs": or_silent(1)}


def tf_splits(log):
    at = log.last(r"Step \[<i>\]  train Loss : <n>, training accuracy : +<n>")
    tested = log.last(r"Step \[\d+\]  val Loss : <n>, val accuracy : +<n>")
    return {
        "step": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(tested[1]),
        "metrics": {"accuracy": {"train": number(at[3]), "val": number(tested[2])}},
    }


def bare_loss(log):
    epoch = log.value(r"^Epoch <i>$")
    return {
        "step": or_silent(6 * (epoch + 1), 30 * (epoch + 1), 6),
        "epochs_done": [epoch, epoch + 1, 5 * (epoch + 1)],
        "loss": log.value(r"^Loss: +<n>"),
    }


def alphazero(log):
    return {
        "step": or_silent(log.value(r"batch i:<i>,")),
        "loss": log.value(r",loss:<n>,"),
        "metrics": {"kl": {"*": or_silent(log.value(r"^kl:<n>"))}},
    }


def flaml(log):
    row = [json.loads(each) for each in log.lines if '"record_id"' in each][-1]
    return {
        "step": or_silent(row["record_id"], row["iter_per_learner"]),
        "val_loss": row["validation_loss"],
        "lr": or_silent(row["config"].get("learning_rate")),
    }


def batch_pipe(log):
    # The epoch's end is told in Chinese.
    at = log.last(r"^Epoch: +<i> \| Batch: +<i>/ *<i> \| LR: <n> \|Loss: <n>")
    ended = log.last(r"^Epoch <i> 完成 \| 训练损失: <n> \| 验证损失: <n>")
    epoch, batch, batches = (number(at[i]) for i in range(1, 4))
    return {
        "step": [(epoch - 1) * batches + batch, epoch * batches],
        "epochs_done": [epoch, epoch - 1],
        "lr": number(at[4]),
        "loss": [number(at[5]), number(ended[2])],
        "val_loss": or_silent(number(ended[3])),
    }


def monai(log):
    at = log.last(r"epoch <i>/<i>  step <i>/<i>  loss=<n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": (epoch - 1) * batches + batch,
        "epochs_done": epoch,
        "epochs": or_silent(epochs),
        "loss": [number(at[5]), log.value(r"average loss: <n>")],
        "metrics": {"dice|mean dice|validation mean dice": {"*": or_silent(log.value(r"validation mean Dice: <n>"))}},
    }


def iteration_step(log):
    # Epochs count from 0, iterations through the whole fit; two fits in one log.
    at = log.last(r"Epoch: <i>/<i>, Iteration step: <i>, loss: <n>")
    return {
        "step": number(at[3]),
        "epochs_done": [number(at[1]) + 1, number(at[1]), None],
        "epochs": or_silent(number(at[2])),
        "loss": number(at[4]),
        "metrics": {"top 1 acc|top1 acc|acc": {"*": or_silent(log.value(r"top 1 acc: <n>"))}},
    }


def tf_estimator(log):
    at = log.last(r"INFO:tensorflow:loss = <n>, step = <i>")
    tested = log.last(r"eval_accuracy = <n>, eval_auc = <n>, eval_loss = <n>, global_step = <i>, loss = <n>")
    return {
        "step": [number(at[2]), number(tested[4])],
        "loss": [number(at[1]), log.value(r"Loss for final step: <n>")],
        "val_loss": [number(tested[3]), number(tested[5])],
        "metrics": {"accuracy": {"val": number(tested[1])}},
    }


def fast_scnn(log):
    at = log.last(r"Epoch: \[ *<i>/<i>\] Iter \[ *<i>/<i>\] \|\| Time: <n> sec \|\| lr: <n> \|\| Loss: <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": epoch * batches + batch,
        "epochs_done": epoch + (batch == batches),
        "epochs": or_silent(epochs),
        "lr": number(at[6]),
        "loss": number(at[7]),
    }


def loss_at_step(log):
    at = log.last(r"Loss at step <i>: <n>")
    return {"step": number(at[1]), "loss": number(at[2])}


def lightning_checkpoints(log):
    # Nearly every bar was overwritten; one is left, of an epoch long before the end.
    at = log.last(r"^Epoch <i>, global step <i>:")
    bar = log.last(r"val/accuracy=<n>, val/loss_total=<n>, train/loss_total_epoch=<n>")
    step_loss = log.value(r"train/loss_total_step=<n>")
    best = [number(each[1]) for each in log.every(r"'val/accuracy' reached <n>")]
    return {
        "step": number(at[2]),
        "epochs_done": number(at[1]) + 1,
        "loss": or_silent(number(bar[3]), step_loss),
        "val_loss": or_silent(number(bar[2])),
        "metrics": {"accuracy": {"val": or_silent(number(bar[1]), *best)}},
    }


def rl_bar(log):
    # Steps are episodes; the steps in the environment stand beside them.
    at = log.last(r"\[step=<i>\] episode=<n> return=<n> length=<n> global_step=<n> loss=<n>")
    return {
        "step": [number(at[1]), int(number(at[5]))],
        "loss": [number(at[6]), log.value(r"^wandb: +loss <n>")],
    }


def gcn(log):
    at = log.last(r"iter:<i> loss_train: <n> acc_train: <n>")
    epoch = log.last(r"this epoch:\nloss= <n> accuracy= <n>")
    done = log.value(r"\]Epoch: <i>")
    return {
        "step": or_silent(number(at[1])),
        "epochs_done": [done, len(log.every(r"\]this epoch:"))],
        "loss": [number(at[2]), number(epoch[1])],
        "val_loss": or_silent(log.value(r"Test set results: loss= <n>"), number(epoch[1])),
    }


def step_equals(log):
    at = log.last(r"^step=<i> ,loss=<n>, auc=<n>")
    return {
        "step": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"auc": {"*": number(at[3])}},
    }


def utf16_bar(log):
    at = log.last(r"^ *Train: +\d+%\|[^|]*\| *<i>/<i> \[[^\]]*loss=<n>")
    return {
        "step": number(at[1]),
        "loss": number(at[3]),
        "lr": log.value(r"LR: <n>"),
        "epochs_done": or_silent(0, 1),
        "epochs": or_silent(10),
    }


def tab_table(log):
    rows = [each.split() for each in log.lines if re.match(r"\d", each)]
    return {"step": or_silent(len(rows), len(rows) - 1), "epochs_done": "any", "loss": float(rows[-1][0])}


def speedometer(log):
    at = log.last(r"^Epoch\[<i>\] Batch \[<i>\]\tSpeed")
    return {
        "step": or_silent(number(at[2])),
        "epochs_done": [number(at[1]), None],
        "metrics": {"Acc|accuracy": {"train": or_silent(log.value(r"Train-Acc=<n>"))}},
    }


def awr_table(log):
    row = [each.split() for each in log.lines if each.strip()][-1]
    return {
        "step": [int(row[0]), int(row[2])],
        "loss": or_silent(float(row[7]), float(row[9])),
        "metrics": {"Return|Test_Return|Train_Return": {"*": or_silent(float(row[3]), float(row[5]))}},
    }


def yolo_csv(log):
    lines = [each for each in log.lines if each.strip()]
    row = dict(zip((each.strip() for each in lines[0].split(",")), map(float, lines[-1].split(",")), strict=True))
    return {
        "epochs_done": int(row["epoch"]) + 1,
        "lr": or_silent(row["x/lr0"]),
        "loss": or_silent(row["train/box_loss"]),
        "val_loss": or_silent(row["val/box_loss"]),
        "metrics": {
            "precision|metrics/precision": {"*": row["metrics/precision"]},
            "mAP_0.5|metrics/mAP_0.5": {"*": row["metrics/mAP_0.5"]},
        },
    }


def yolo_face_results(log):
    # As of YOLOv5, with a column for the landmarks before the total.
    row = [each.split() for each in log.lines if each.strip()][-1]
    epoch, last = map(int, row[0].split("/"))
    return {"epochs_done": epoch + 1, "epochs": or_silent(last + 1, last), "loss": or_silent(float(row[6]))}


def csvlogger(log):
    lines = [each for each in log.lines if each.strip()]
    row = dict(zip(lines[0].split(","), map(float, lines[-1].split(",")), strict=True))
    accuracy = next((name for name in ("acc", "accuracy") if name in row), None)
    metrics = {"acc|accuracy": {"train": row[accuracy], "val": row[f"val_{accuracy}"]}} if accuracy else {}
    return {
        "epochs_done": int(row["epoch"]) + 1,
        "loss": row["loss"],
        "val_loss": row["val_loss"],
        "lr": row.get("lr"),
        "metrics": metrics,
    }


def step_tsv(log):
    row = [each.split() for each in log.lines if each.strip()][-1]
    return {"step": int(row[0]), "loss": float(row[1])}


def sttn_bar(log):
    # Two small numbers without a loss's name, and a count.
    at = log.last(rf"^d: ({NUM});gen: ({NUM}): +\d+%\|[^|]*\| *(\d+)/(\d+) \[")
    return {"step": number(at[3]), "steps": or_silent(number(at[4]))}


FORMATS = {
    "own-step-colon": step_colon,
    "own-vae-terms": vae_terms,
    "hrnet-segmentation": hrnet,
    "transformer-xl-tf": transformer_xl,
    "image-captioning": captioning,
    "own-epoch-step-equals": step_equals_total,
    "own-split-brackets": split_brackets,
    "own-split-lines": split_lines,
    "own-gpt2-lora": gpt2_lora,
    "openpi": openpi,
    "torchvision-bar": torchvision_bar,
    "own-bar-mean": bar_mean,
    "own-batch-of-epoch": batch_of_epoch,
    "own-fold-bar": fold_bar,
    "clue-bar": clue_bar,
    "deep-text-recognition": text_recognition,
    "ms-swift": ms_swift,
    "own-pipe-step": pipe_step,
    "own-ppo-evaluations": ppo_evaluations,
    "lightning-bar": lightning_bar,
    "snn-step": snn_step,
    "dcgan-tensorflow": dcgan,
    "own-two-line-step": two_line_step,
    "own-count": count,
    "own-loguru": loguru,
    "mxnet-rcnn": rcnn,
    "cirkd": cirkd,
    "hf-trainer-verbose": hf_verbose,
    "own-tf-splits": tf_splits,
    "own-bare-loss": bare_loss,
    "alphazero": alphazero,
    "flaml": flaml,
    "own-batch-pipe": batch_pipe,
    "monai-own": monai,
    "own-iteration-step": iteration_step,
    "tf-estimator": tf_estimator,
    "fast-scnn": fast_scnn,
    "own-loss-at-step": loss_at_step,
    "lightning-checkpoints": lightning_checkpoints,
    "own-rl-bar": rl_bar,
    "own-gcn": gcn,
    "own-step-equals": step_equals,
    "utf16-bar": utf16_bar,
    "own-tab-table": tab_table,
    "mxnet-speedometer": speedometer,
    "awr-table": awr_table,
    "yolo-results-csv": yolo_csv,
    "yolov5-face-results": yolo_face_results,
    "keras-csvlogger": csvlogger,
    "own-step-tsv": step_tsv,
    "sttn-bar": sttn_bar,
}
