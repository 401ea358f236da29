"""Formats of the fifth list that report by steps, batches, bars or boxes: each repository its own words."""

import json
import re

from .reading import number, or_silent
from .third import parts, within


def deeplab_steps(log):
    at = log.last(r"^step <i> \t loss = <n>,")
    return {"step": number(at[1]), "loss": number(at[2])}


def curriculum(log):
    at = log.last(r"Step <i> \| Loss: <n> \| LR: <n>")
    ended = log.last(r"Epoch <i> completed \| Average loss: <n>")
    return {
        "step": number(at[1]),
        "epochs_done": or_silent(number(ended[1]), number(ended[1]) + 1),
        "loss": [number(at[2]), number(ended[2])],
        "lr": number(at[3]),
        "val_loss": log.value(r"[Vv]alidation loss: <n>"),
    }


def tensor_loss(log):
    return {"loss": log.value(r"^Tensor loss of type float\. Dims: \(\): <n>")}


def tensor_accuracy(log):
    return {"metrics": {"accuracy": {"*": log.value(r"^Tensor accuracy of type float\. Dims: \(\): <n>")}}}


def braces(log):
    at = log.last(r"epoch: \{<i>/<i>\}, step: \{<i>/<i>\}, loss : \{<n>\}, lr : \{<n>\}")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": (epoch - 1) * batches + batch,
        "epochs_done": epoch,
        "epochs": or_silent(epochs),
        "loss": number(at[5]),
        "lr": number(at[6]),
    }


def slowfast_rows(log, kind):
    found = log.every(r'json_stats: (\{.*"_type": "' + kind + r'".*\})')
    return json.loads(found[-1][1])


def slowfast_json(log):
    trained, tested = slowfast_rows(log, "train_epoch"), slowfast_rows(log, "val_epoch")
    return {
        "epochs_done": int(trained["epoch"].split("/")[0]),
        "epochs": or_silent(int(trained["epoch"].split("/")[1])),
        "loss": trained["loss"],
        "lr": trained["lr"],
        "grad_norm": trained["grad_norm"],
        "metrics": {"top1_err": {"train|val": or_silent(trained["top1_err"], tested["top1_err"])}},
    }


def slowfast_stdout(log):
    at = slowfast_rows(log, "train_iter_")
    batch, batches = (int(each) for each in at["iter"].split("/"))
    epoch = int(at["epoch"].split("/")[0])
    found = slowfast_json(log)
    return found | {
        "step": within(epoch, batches, batch, epochs_from=1),
        "loss": [found["loss"], at["loss"]],
        "grad_norm": [found["grad_norm"], at["grad_norm"]],
    }


def pcyin_nmt(log):
    at = log.last(r"^epoch <i>, iter <i>, avg\. loss <n>, avg\. ppl <n>")
    # Iterations begin anew in each epoch, and how many an epoch has is not said.
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[3]),
        "metrics": {"ppl": {"val": or_silent(log.value(r"dev\. ppl <n>"))}},
    }


def loss_is(log):
    # MindSpore counts the steps within an epoch.
    at = log.last(r"epoch: <i> step: <i>, loss is <n>")
    return {"step": number(at[2]) if number(at[1]) == 1 else None, "epochs_done": [0, None], "loss": number(at[3])}


def mmcls(log):
    at = log.last(r"Epoch \[<i>\]\[<i>/<i>\]\tlr: <n>, eta.*, loss: <n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {
        "step": within(epoch, batches, batch, epochs_from=1)[:-1],
        "epochs_done": log.value(r"Epoch\(val\) \[<i>\]"),
        "loss": number(at[5]),
        "lr": number(at[4]),
        "metrics": {"accuracy_top-1": {"val": log.value(r"accuracy_top-1: <n>")}},
    }


def finished_at(log):
    at = log.last(r"^<i>/<i> in <i> epoch finished .* Loss is <n> Acc is <n>")
    return {
        "step": within(number(at[3]), number(at[2]), number(at[1]), epochs_from=0),
        "steps": "any",
        "epochs_done": [number(at[3]), None],
        "loss": number(at[4]),
        "metrics": {"acc": {"*": number(at[5])}},
    }


def val_step(log):
    at = log.last(r"  step=<i>  loss=<n>  lr=<n>")
    return {
        "step": number(at[1]),
        "loss": number(at[2]),
        "lr": number(at[3]),
        "val_loss": log.value(r"\[val\] step=\d+  val_loss=<n>"),
    }


def keras_console(log):
    head = log.last(r"^Epoch <i>/<i>")
    at = log.last(r"^<i>/\d+ \[=+\] - \d+s .*?loss: <n> - acc\w*: <n> .*?val_loss: <n> - val_acc\w*: <n>")
    tested = log.last(r"^Test Loss: +<n>")
    return {
        "step": or_silent(number(head[1]) * number(at[1])),
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(at[2]),
        "val_loss": number(at[4]) if tested[1] is None else [number(at[4]), number(tested[1])],
        "metrics": {"accuracy|acc": {"train": number(at[3]), "val": number(at[5])}},
    }


def keras_one(log):
    head = log.last(r"^Epoch <i>/<i>")
    return {
        "step": "any",
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": log.value(r"^\d+/\d+ \[=+\] - \d+s - loss: <n>"),
    }


def keras_samples(log):
    # The bar counts samples, as its speed per sample says: no step follows but by the size of the batch.
    head = log.last(r"^Epoch <i>/<i>")
    at = log.last(r"^<i>/\d+ \[=+\] - \d+s \d+us/sample - loss: <n> - val_loss: <n>")
    size = number(log.last(r"^ +<i>/\d+ \[\.+\]")[1])
    return {
        "step": or_silent(number(head[1]) * -(-number(at[1]) // size)),
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
    }


def batches_then_epoch(log):
    batch = log.last(r"\[<i>/<i>\] batch <i>/<i> loss=<n> lr=<n>")
    at = log.last(r"Epoch <i>/<i> \([\d.]+s\) \| loss=<n> .*\| val=<n>")
    return {
        "step": within(number(batch[1]), number(batch[4]), number(batch[3]), epochs_from=1),
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": or_silent(number(at[4])),
        "lr": number(batch[6]),
    }


def acer_box(log):
    return {
        "step": log.value(r"\| total_timesteps +\| <n>"),
        "loss": log.value(r"\| loss +\| <n>"),
        "grad_norm": or_silent(log.value(r"\| norm_grads +\| <n>")),
        "metrics": {"mean_episode_reward": {"*": log.value(r"\| mean_episode_reward +\| <n>")}},
    }


def gluon_plain(log):
    tested = log.last(r"^\[Epoch <i>\] validation: top1=<n> top5=<n>")
    return {
        "step": "any",
        "epochs_done": number(tested[1]) + 1,
        "lr": log.value(r"\blr=<n>"),
        "metrics": {
            "accuracy": {"train": log.value(r"training: accuracy=<n>")},
            "top1": {"val": number(tested[2])},
        },
    }


def counted_epoch_step(log):
    # Steps begin anew in each epoch, which has as many as the one before; the number in front is another count.
    at = log.last(r"^<i> epoch: <i> step: <i> total_loss: <n>")
    most = max(number(each[3]) for each in log.every(r"^<i> epoch: <i> step: <i> total_loss") if each[2] != at[2])
    epoch = number(at[2])
    return {
        "step": or_silent((epoch - 1) * most + number(at[3])),
        "epochs_done": [epoch - 1, epoch],
        "loss": number(at[4]),
    }


def iteration_left(log):
    return {
        "step": log.value(r"^-+iteration <i>-+\d+ left"),
        "steps": or_silent(10_000),
        "loss": log.value(r"^loss:<n>"),
    }


def csm_finetune(log):
    done = log.value(r"Epoch <i> validation loss")
    return {
        "step": "any",
        "epochs_done": done,
        "epochs": "any",
        "val_loss": log.value(r"validation loss: <n>", re.I),
    }


def torch7_imagenet(log):
    at = log.last(r"^Epoch: \[<i>\]\[<i>/<i>\]\tTime .* loss <n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {"step": (epoch - 1) * batches + batch, "epochs_done": epoch - 1, "loss": number(at[4])}


def dash_step(log):
    # Steps begin anew in each epoch, and how many an epoch has is not said.
    at = log.last(r"epoch <i>-step <i> loss: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": number(at[3]),
        "metrics": {"accuracy": {"val": log.value(r"Validation accuracy: <n>")}},
    }


def recon_kl(log):
    at = log.last(r"^Epoch \[<i>/<i>\] Recon: <n> \| KL: <n> \| Phys: <n>")
    return {"epochs_done": number(at[1]), "epochs": or_silent(number(at[2])), "loss": parts(at, 3, 5)}


def lavis(log):
    return {
        "step": or_silent(log.value(r'"eval_best_iters": <n>')),
        "loss": log.value(r'"train_loss": "<n>"'),
        "lr": or_silent(log.value(r'"train_lr": "<n>"')),
        "metrics": {"bleu": {"val": log.value(r'"eval_bleu": <n>')}},
    }


def nanogpt_tagged(log):
    tested = log.last(r"^\[eval\] iter <i>: train <n> val <n> lr <n>")
    return {
        "step": log.value(r"^\[train\] iter <i>: loss"),
        "loss": log.value(r"^\[train\] iter \d+: loss <n>"),
        "val_loss": or_silent(number(tested[3])),
        "lr": or_silent(number(tested[4])),
    }


def metric_learning(log):
    trained = log.last(r"Train loss: <n>  acc: <n>")
    tested = log.last(r"Eval  acc: <n> ± <n>  loss: <n>")
    head = log.last(r"INFO - Epoch <i>/<i>")
    return {
        "epochs_done": number(head[1]) - (head.start() > trained.start()),
        "epochs": or_silent(number(head[2])),
        "loss": number(trained[1]),
        "val_loss": number(tested[3]),
        "metrics": {"acc": {"train": number(trained[2]), "val": number(tested[1])}},
    }


def tensorlayer(log):
    at = log.last(r"^\[TL\] Epoch <i> of <i> took [\d.]+s, loss <n>")
    return {"epochs_done": number(at[1]), "epochs": or_silent(number(at[2])), "loss": number(at[3])}


def vali(log):
    at = log.last(r"^Epoch: <i> \| epoch train loss: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": number(at[2]),
        "val_loss": or_silent(log.value(r"epoch vali loss: <n>")),
    }


def train_step_of(log):
    at = log.last(r"^Train step: <i>/<i>, Train loss: <n>, Train accuracy: <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": number(at[3]),
        "metrics": {"accuracy": {"train": number(at[4]), "val": log.value(r"Validation accuracy: <n>")}},
    }


def brackets_restarts(log):
    # The last of many starts reports nothing.
    return {
        "step": "any",
        "epochs_done": [0, None],
        "epochs": "any",
        "lr": or_silent(0, log.value(r"\] lr: <n>")),
        "loss": "any",
        "val_loss": "any",
        "metrics": {"AUC": {"*": or_silent(log.value(r"AUC=<n>"))}},
    }


def nanochat_sft(log):
    at = log.last(r"^step <i> \([\d.]+%\) \| loss: <n> \| lrm: <n>")
    return {"step": number(at[1]), "loss": number(at[2]), "epochs_done": [0, None]}


def randla_net(log):
    return {
        "epochs_done": log.value(r"INFO: \*\*\*\* EPOCH <i> \*\*\*\*"),
        "metrics": {"mean IoU|IoU": {"val|*": or_silent(log.value(r"mean IoU:<n>"))}},
    }


def caffe_named(log):
    # The nets' own outputs have names before the word loss; the loss of an iteration is their weighted sum.
    tested = log.value(r"Test net output #\d+: softmax_loss = <n>")
    accuracy = log.value(r"Test net output #\d+: accuracy = <n>")
    return {
        "step": log.value(r"\] Iteration <i>(?:, loss| \()"),
        "lr": log.value(r"Iteration \d+, lr = <n>"),
        "loss": log.value(r"Iteration \d+(?: \([^)]*\))?, loss = <n>"),
        "val_loss": or_silent(tested),
        "metrics": {} if accuracy is None else {"accuracy": {"val|test": accuracy}},
    }


def pix2pix(log):
    # Four losses of two networks, none of them the loss; iterations start anew in each epoch.
    at, rate = log.last(r"^\(epoch: <i>, iters: <i>,"), log.last(r"^learning rate <n> -> <n>")
    return {
        "epochs_done": or_silent(number(at[1]) - 1),
        "lr": or_silent(number(rate[1]), number(rate[2]), log.value(r"^ +lr: <n>")),
    }


def graspnet(log):
    return {
        "step": "any",
        "epochs_done": [0, None],
        "loss": or_silent(log.value(r"^mean loss/overall_loss: <n>")),
    }


def lines_valid(log):
    head = log.last(r"^epoch: <i>")
    return {
        "epochs_done": number(head[1]),
        "loss": log.value(r"^train loss: <n>"),
        "val_loss": log.value(r"^valid loss: <n>"),
    }


FORMATS = {
    "deeplab-tf-steps": deeplab_steps,
    "own-step-curriculum": curriculum,
    "caffe2-tensor-loss": tensor_loss,
    "caffe2-tensor-accuracy": tensor_accuracy,
    "own-braces": braces,
    "slowfast-json": slowfast_json,
    "slowfast-stdout": slowfast_stdout,
    "pcyin-nmt": pcyin_nmt,
    "mindspore-loss-is": loss_is,
    "mmcv-classification": mmcls,
    "own-finished-at": finished_at,
    "own-val-step": val_step,
    "keras-bars-console": keras_console,
    "keras-bars-file": keras_console,
    "keras-bars-1": keras_one,
    "keras-samples": keras_samples,
    "own-batches-then-epoch": batches_then_epoch,
    "baselines-acer": acer_box,
    "gluon-imagenet-plain": gluon_plain,
    "own-counted-epoch-step": counted_epoch_step,
    "own-iteration-left": iteration_left,
    "csm-finetune": csm_finetune,
    "torch7-imagenet": torch7_imagenet,
    "own-epoch-dash-step": dash_step,
    "own-recon-kl": recon_kl,
    "lavis-log": lavis,
    "nanogpt-tagged": nanogpt_tagged,
    "own-metric-learning": metric_learning,
    "tensorlayer-fit": tensorlayer,
    "own-vali": vali,
    "own-train-step-of": train_step_of,
    "own-brackets-restarts": brackets_restarts,
    "nanochat-sft": nanochat_sft,
    "randla-net": randla_net,
    "caffe-named-losses": caffe_named,
    "cyclegan-pix2pix": pix2pix,
    "graspnet": graspnet,
    "own-lines-valid": lines_valid,
}
