"""The other formats of the fifth list: tables, folds, games, reinforcement learning, tagged and glued lines."""

import json
import re

from .fifth_epochs import from_zero
from .reading import NUM, number, or_silent, percent
from .third import pairs_of, within


def hyperopt(log):
    # The only loss is the best of the search so far; trials are no steps.
    return {
        "step": or_silent(log.value(r"TPE using <i>/\d+ trials")),
        "steps": "any",
        "metrics": {"Recall": {"*": or_silent(*(number(each[1]) for each in log.every(r"Recall <n>")[-3:]))}},
    }


def slot_attention(log):
    at = log.last(r"^\[epoch <i>\] FG-ARI=<n> mBO=<n>")
    loss = log.value(r"^\[epoch \d+\].*?loss[ =:]+<n>")
    return {
        "step": "any",
        "epochs_done": number(at[1]) + 1,
        "loss": or_silent(loss),
        "lr": "any",
        "metrics": {"FG-ARI": {"*": number(at[2])}, "mBO": {"*": number(at[3])}},
    }


def two_phases(log):
    at = log.last(r"Epoch <i>: Train M\wE Loss: <n>")
    first = log.last(r"Epoch <i>: Train MSE Loss")
    # Behind the two phases stands another start, that reports nothing.
    return {"epochs_done": [number(at[1]), number(at[1]) + number(first[1]), 0, None], "loss": number(at[2])}


def dashed_names(log):
    every = log.every(
        r"^Epoch <i>, Time taken [\d.]+, Training-Loss <n>, Validation-Loss <n>, "
        r"Training Accuracy <n>, Validation Accuracy <n>"
    )
    at = every[-1]
    return {
        "epochs_done": from_zero(every),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"accuracy": {"train": number(at[4]), "val": number(at[5])}},
    }


def maskrcnn_sgg(log):
    at = log.last(r"iter: <i>  loss: <n> \(<n>\) .*lr: <n>")
    return {
        "step": number(at[1]),
        "loss": [number(at[2]), number(at[3])],
        "lr": number(at[4]),
        "grad_norm": or_silent(log.value(r"Total norm <n>")),
        "metrics": {"mAp": {"*": or_silent(log.value(r"mAp=<n>"))}},
    }


def iml_vit(log):
    at = log.last(r"^Epoch: \[<i>\] +\[ *<i>/<i>\]  eta: \S+  lr: <n>  (predict_loss.*?)  time")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {
        "step": [epoch * batches + batch, epoch * batches + batch + 1],
        "epochs_done": epoch,
        "lr": number(at[4]),
        "loss": or_silent(*(number(each) for each in re.findall(rf"\(?({NUM})\)?", at[5]) if "." in each)),
        "val_loss": "any",
    }


def train_val_short(log):
    at = log.last(r"\[Step +<i>/<i>\] Train <n> \| Val~20% <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": or_silent(number(at[3])),
        "val_loss": or_silent(number(at[4])),
    }


def task_iter(log):
    at = log.last(r"^Task: <i> Iter: <i> Train Loss: <n> Val Loss: <n> Val Accuracy: <n>")
    tested = log.last(r"^Test Loss: <n> Test Accuracy <n>")
    return {
        "step": "any",
        "loss": number(at[3]),
        "val_loss": [number(at[4]), number(tested[1])],
        "metrics": {"accuracy": {"val": number(at[5]), "test": or_silent(number(tested[2]))}},
    }


def train_valid_epoch(log):
    at = log.last(r"Train Epoch: +<i>  \(learing rate : <n> \)\| LOSS: <n> \| F1: <n> \| ACC: <n>")
    tested = log.last(r"Valid Epoch: +<i> \| LOSS: <n> \| F1: <n> \| ACC: <n>")
    return {
        "epochs_done": [number(at[1]) + 1, number(at[1]), 0, None],
        "lr": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(tested[2]),
        "metrics": {"F1": {"train": number(at[4]), "val": number(tested[3])}},
    }


def tabbed_colons(log):
    batch = log.last(r"TRAIN\tepoch: <i>/<i>\tbatch: <i>/<i>\tloss: <n>\taccuracy: <n>")
    at = log.last(r" - epoch: <i>/<i>\taverage_loss: <n>\taccuracy: <n>")
    return {
        "lr": or_silent(log.value(r"learning_rate changed to <n>")),
        "step": within(number(batch[1]), number(batch[4]), number(batch[3]), epochs_from=0),
        "epochs_done": number(at[1]) + 1,
        "epochs": or_silent(number(at[2])),
        "loss": [number(at[3]), number(batch[5])],
        "metrics": {"accuracy": {"*": [number(at[4]), number(batch[6])]}},
    }


def image_bars(log):
    # The bar counts images: no step.
    at = log.last(r"^\[Epoch <i>\] Loss: <n>, Recon: <n>, KL: <n>")
    bar = log.last(r"^Epoch +<i>: .*loss=<n>")
    return {
        "step": None,
        "steps": None,
        "epochs_done": number(at[1]),
        "loss": [number(at[2]), number(bar[2])],
        "metrics": {"kl": {"*": or_silent(number(at[4]), log.value(r"kl=<n>"))}},
    }


def resnext_console(log):
    head = log.last(r"\[Epoch=<i>/<i>\].*\[learning_rate=<n>\]")
    return {
        "epochs_done": number(head[1]) + 1,
        "epochs": or_silent(number(head[2])),
        "lr": number(head[3]),
        "metrics": {
            "Prec@1": {
                "train": log.value(r"\*\*Train\*\* Prec@1 <n>"),
                "test|val": log.value(r"\*\*Test\*\* Prec@1 <n>"),
            }
        },
    }


def bar_glued(log):
    at = log.last(r"\]Epoch <i>, Training loss: <n>, Validation loss: <n>, Validation Accuracy: <n>")
    return {
        "step": None,
        "epochs_done": number(at[1]),
        "epochs": "any",
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"accuracy": {"val": number(at[4])}},
    }


def head_and_finetune(log):
    at = log.last(r"^\[Fold <i>\] Finetune E<i>/<i>: train_loss=<n> val_sumMSE=<n>")
    head = log.last(r"^\[Fold \d+\] Head E<i>/")
    done = number(at[2])
    return {
        "epochs_done": or_silent(done, done + number(head[1])),
        "epochs": "any",
        "loss": number(at[4]),
        "val_loss": or_silent(number(at[5])),
    }


def rltrader(log):
    at = log.last(r"\[Epoch <i>/<i>\] .*Loss:<n>")
    return {"epochs_done": number(at[1]), "epochs": or_silent(number(at[2])), "loss": number(at[3])}


def tab_equals(log):
    every = log.every(r"^Epoch:\[<i>\]\t loss=<n>\t mse=<n>")
    return {
        "epochs_done": from_zero(every),
        "loss": number(every[-1][2]),
        "metrics": {"mse": {"*": or_silent(number(every[-1][3]))}},
    }


def validation_dash(log):
    at = log.last(r"Epoch <i> finished\. Avg Loss: <n>, Avg BLEU: <n>, Avg Perplexity: <n>")
    tested = log.last(r"Epoch <i> Validation - Loss: <n>, BLEU: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(tested[2]),
        "metrics": {"BLEU": {"val": number(tested[3])}},
    }


def iter_epoch_finished(log):
    at = log.last(r"Iter: +<i>, train loss: <n>, train accuracy: <n>, val loss: <n>, val accuracy: <n>")
    ended, tested = log.last(r"<i>th epoch finished"), log.last(r"test loss:<n>, test accuracy: <n>")
    return {
        "step": number(at[1]),
        "epochs_done": [number(ended[1]) + 1, number(ended[1])],
        "epochs": "any",
        "loss": number(at[2]),
        "val_loss": [number(at[4]), number(tested[1])],
        "metrics": {"accuracy": {"train": number(at[3]), "val": number(at[5])}},
    }


def openai_glow(log):
    row = json.loads(log.lines[1])
    return {"step": "any", "epochs_done": row["epoch"], "epochs": "any", "loss": number(row["loss"])}


def bearpaw(log):
    at = [number(each) for each in [line for line in log.lines if line.strip()][-1].split()]
    rows = log.every(r"^<n>\t<n>\t<n>\t<n>\t<n>")
    return {
        "step": None,
        "epochs_done": or_silent(len(rows)),
        "epochs": "any",
        "lr": at[0],
        "loss": at[1],
        "val_loss": at[2],
        "metrics": {"acc": {"train": at[3], "val": at[4]}},
    }


def glued_lines(log):
    # Written without an end of line: each report stands behind the one before.
    at = log.last(r".*train: <i> @ epoch:<i>/<i> loss: <n>")
    return {
        "step": number(at[1]),
        "epochs_done": [number(at[2]), None],
        "epochs": or_silent(number(at[3])),
        "loss": number(at[4]),
    }


def resnets_table(log):
    last = [number(each) for each in [line for line in log.lines if line.strip()][-1].split()]
    return {
        "epochs_done": last[0],
        "loss": last[1],
        "lr": last[4] if len(last) > 4 else None,
        "metrics": {"prec1": {"*": last[2]}},
    }


def resnets_val_table(log):
    found = resnets_table(log)
    return found | {"loss": or_silent(found["loss"]), "val_loss": or_silent(found["loss"])}


def table_of_tensors(log):
    at = log.last(r"^<i>\ttensor\(<n>, device='cuda:0'\)\ttensor\(<n>, device='cuda:0'\)\t<n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "lr": number(at[4]),
        "metrics": {"acc": {"*": number(at[3])}},
    }


def lcurve(log):
    last = [number(each) for each in [line for line in log.lines if line.strip()][-1].split()]
    step, val, trained, rate = last[0], last[1], last[2], last[-1]
    return {
        "step": step,
        "loss": or_silent(trained),
        "val_loss": or_silent(val),
        "lr": rate,
        "metrics": {"rmse|rmse_val|rmse_trn": {"*": or_silent(val, trained)}},
    }


def loss_columns(log):
    last = [number(each) for each in [line for line in log.lines if line.strip()][-1].split()]
    return {"step": None, "loss": or_silent(*last)}


def text_autoencoders(log):
    at = log.last(r"^\| epoch +<i> \| +<i>/ +<i> batches \|.* loss <n>,")
    return {
        "step": (number(at[1]) - 1) * number(at[3]) + number(at[2]),
        "epochs_done": [number(at[1]) - 1, None],
        "loss": number(at[4]),
    }


def loss_of_epoch(log):
    at = log.last(r"^Training Loss \(epoch <i>\): <n>")
    return {
        "step": "any",
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"accuracy": {"*": or_silent(log.value(r"^Accuracy: +<n>"))}},
    }


def optim_logger(log):
    return {
        "step": None,
        "metrics": {
            "mean class accuracy (train set)|mean class accuracy|accuracy": {"*": or_silent(log.value(r"^ <n>"))}
        },
    }


def federated(log):
    return {
        "step": "any",
        "steps": "any",
        "epochs_done": or_silent(0, log.value(r"ROUND <i> /")),
        "epochs": "any",
        "metrics": {"MAE|local MAE": {"*": or_silent(log.value(r"local MAE <n>"))}},
    }


def accuracy_columns(log):
    at = log.last(r"^\t<i> +<n> +<n> +<n>")
    return {
        "step": None,
        "epochs_done": [number(at[1]), None],
        "epochs": "any",
        "metrics": {"accuracy|accuracies": {"train": or_silent(number(at[2]))}},
    }


def one_epoch(log):
    at = log.last(r"^Epoch +<i> \| Train Loss: <n> \| Val Acc: <n> \| F1: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"acc": {"val": number(at[3])}, "F1": {"*": or_silent(number(at[4]))}},
    }


def tagged_commas(log):
    at = log.last(r"^\[Train\] Epoch: <i>, Loss:<n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "loss": number(at[2]),
        "val_loss": log.value(r"^\[Val\] Epoch: \d+, Loss:<n>"),
        "metrics": {"accuracy": {"val": log.value(r"^\[Val Classifier\] Epoch: \d+, Accuracy:<n>")}},
    }


def torchreid(log):
    at = log.last(r"^Epoch: \[<i>\]\[<i>/<i>\]\t.*Loss <n> \(<n>\)")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {
        "step": within(epoch, batches, batch, epochs_from=1),
        "epochs_done": [epoch - 1, epoch],
        "loss": [number(at[4]), number(at[5])],
    }


def e_step(log):
    # Steps begin anew in each epoch, and how many an epoch has is not said.
    at, ended = log.last(r"^\[E<i>\] step <i> loss <n>"), log.last(r"^Epoch <i> avg-loss <n>")
    return {
        "step": None,
        "epochs_done": number(ended[1]),
        "loss": [number(ended[2]), number(at[3])],
    }


def poker(log):
    at = log.last(r"Episode <i> \| Avg Reward: <n> \| Epsilon: <n> \| Win Rate: <n>%")
    return {"step": or_silent(number(at[1])), "metrics": {"Avg Reward|reward": {"*": number(at[2])}}}


def dsn_reward(log):
    at = log.last(r"^epoch <i>/<i>\t reward <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "metrics": {"reward": {"*": number(at[3])}},
    }


def q_learning(log):
    at = log.last(r"Episode +<i> \| Avg reward \(last 1000\): <n> \| Steps: <i>")
    return {
        "step": or_silent(number(at[1])),
        "metrics": {
            "Avg reward (last 1000)|Avg reward|reward": {
                "*": or_silent(number(at[2]), log.value(r"Avg eval reward: <n>"))
            }
        },
    }


def nlp_folds(log):
    at = log.last(r"^Epoch <i> - avg_train_loss: <n>  avg_val_loss: <n>")
    return {
        "step": "any",
        "epochs_done": or_silent(number(at[1])),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
    }


def info_pipes(log):
    every = log.every(r"Epoch <i>: Train Loss <n> \| Val Loss <n> \| LR <n>")
    at = every[-1]
    return {"epochs_done": from_zero(every), "loss": number(at[2]), "val_loss": number(at[3]), "lr": number(at[4])}


def russian(log):
    at = log.last(r"step=<i> confidence=<n>")
    return {
        "step": number(at[1]),
        "loss": or_silent(0.0),
        "metrics": {"confidence": {"*": or_silent(number(at[2]))}},
    }


def epoch_reward(log):
    every = log.every(r"Epoch <i>/<i> Loss: <n>, reward: <n>")
    at = every[-1]
    return {
        "epochs_done": from_zero(every),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "metrics": {"reward": {"*": number(at[4])}},
    }


def yolo_callbacks(log):
    at = log.last(r"Epoch <i>/<i> \| mAP@0\.5: <n>.* Loss: <n>")
    return {
        "epochs_done": or_silent(number(at[1])),
        "epochs": "any",
        "loss": or_silent(number(at[4])),
        "val_loss": or_silent(*(number(each[1]) for each in log.every(r"'val/\w+_loss': <n>")[-3:])),
        "metrics": {"mAP@0.5": {"*": number(at[3])}},
    }


def segmentation_percent(log):
    at = log.last(r"^Epoch <i>/<i> .*LR: <n> \| Train Loss: <n> \| Val Loss: <n> \| .*mIoU=<n>%")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "lr": number(at[3]),
        "loss": number(at[4]),
        "val_loss": number(at[5]),
        "metrics": {"mIoU": {"*": [*percent(at[6]), *percent(log.last(r"mIoU=<n>%")[1]), None]}},
    }


def yolov1(log):
    at = log.last(r"^Epoch \[<i>/<i>\], Iter \[<i>/<i>\] Loss: <n>, average_loss: <n>")
    return {
        "step": within(number(at[1]), number(at[4]), number(at[3]), epochs_from=1)[:-1],
        "epochs_done": [number(at[1]) - 1, number(at[1])],
        "epochs": or_silent(number(at[2])),
        "loss": [number(at[5]), number(at[6])],
        "val_loss": or_silent(log.value(r"best test loss <n>")),
        "lr": log.value(r"Learning Rate for this epoch: <n>"),
    }


def models_in_turn(log):
    at = log.last(r"Epoch <i>: Loss = <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2])}


def dotted_pipes(log):
    at = log.last(r"\| Epoch <i>/<i>  loss=<n>  acc=<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "metrics": {"acc": {"*": number(at[4])}},
    }


def count_epoch(log):
    at = log.last(r" <i> epoch, loss: <n>,  loss_test: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3])}


def hf_callback(log):
    at = log.last(r"step <i> \| loss=<n> \| grad_norm=<n> \| learning_rate=<n>")
    tested = log.last(r"eval_loss=<n> \| eval_accuracy=<n>")
    return {
        "step": [log.value(r"- step <i> \|"), number(at[1])],
        "epochs_done": 3,
        "loss": number(at[2]),
        "grad_norm": number(at[3]),
        "lr": number(at[4]),
        "val_loss": number(tested[1]),
        "metrics": {"accuracy": {"val": number(tested[2])}},
    }


def lightning_bars(log):
    at = log.last(r"^Epoch <i>: +\d+%\|.*\| <i>/<i> .*val_loss=<n>, val_acc=<n>, .*train_loss=<n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {
        "step": or_silent(epoch * batches + batch),
        "epochs_done": epoch,
        "loss": number(at[6]),
        "val_loss": number(at[4]),
        "metrics": {"acc": {"val": number(at[5])}},
    }


def dice_loss(log):
    every = log.every(r"^Epoch: <i>, Training Dice Loss: <n>")
    return {
        "epochs_done": from_zero(every),
        "loss": number(every[-1][2]),
        "val_loss": log.value(r"Validation Dice Loss: <n>"),
    }


def transfer(log):
    head = log.last(r"^Epoch <i>/<i>")
    trained, tested = log.last(r"^train Loss: <n> Acc: <n>"), log.last(r"^val Loss: <n> Acc: <n>")
    return {
        "epochs_done": number(head[1]) + 1,
        "epochs": "any",
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"acc": {"train": number(trained[2]), "val": number(tested[2])}},
    }


def det3d(log):
    last = [line for line in log.lines if "det3d_loss" in line][-1]
    return {"loss": pairs_of(last.split(" - ")[-1].replace("det3d_loss", "L").replace(":", ": "))}


def double_blanks(log):
    at = log.last(r"Epoch +<i>/<i>  train_loss=<n>  train_acc=<n>  test_loss=<n>  test_acc=<n>  lr=<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "lr": number(at[7]),
        "metrics": {"acc": {"train": number(at[4]), "test": number(at[6])}},
    }


def l2re(log):
    at = log.last(r" - Epoch <i>/<i>  train_loss=<n>  val_mse=<n>  val_l2re=<n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "epochs": "any",
        "loss": number(at[3]),
        "val_loss": or_silent(number(at[4])),
        "metrics": {"mse": {"val": number(at[4])}, "l2re": {"val": number(at[5])}},
    }


def epoch_jsonl(log):
    last = json.loads([line for line in log.lines if line.strip()][-1])
    return {
        "epochs_done": last["epoch"] + 1,
        "loss": last["train_loss"],
        "val_loss": or_silent(last["val_loss_mse"], last["val_loss_l2re"]),
    }


FORMATS = {
    "own-hyperopt": hyperopt,
    "own-slot-attention": slot_attention,
    "own-two-phases-mse": two_phases,
    "own-dashed-names": dashed_names,
    "maskrcnn-benchmark-sgg": maskrcnn_sgg,
    "iml-vit": iml_vit,
    "own-train-val-short": train_val_short,
    "own-task-iter": task_iter,
    "own-train-valid-epoch": train_valid_epoch,
    "own-tabbed-colons": tabbed_colons,
    "own-img-bars": image_bars,
    "resnext-console": resnext_console,
    "own-bar-glued": bar_glued,
    "own-folds-head-finetune": head_and_finetune,
    "rltrader": rltrader,
    "own-tab-equals": tab_equals,
    "own-validation-dash": validation_dash,
    "own-iter-epoch-finished": iter_epoch_finished,
    "openai-glow": openai_glow,
    "bearpaw-columns": bearpaw,
    "voxelnet-glued": glued_lines,
    "3d-resnets-table": resnets_table,
    "3d-resnets-val-table": resnets_val_table,
    "own-table-of-tensors": table_of_tensors,
    "deepmd-lcurve": lcurve,
    "own-loss-columns": loss_columns,
    "text-autoencoders": text_autoencoders,
    "own-training-loss-epoch": loss_of_epoch,
    "torch7-optim-logger": optim_logger,
    "own-federated": federated,
    "own-accuracy-columns": accuracy_columns,
    "own-one-epoch": one_epoch,
    "own-tagged-commas": tagged_commas,
    "torchreid": torchreid,
    "own-e-step": e_step,
    "own-poker-episodes": poker,
    "dsn-reward": dsn_reward,
    "own-q-learning": q_learning,
    "kaggle-nlp-folds": nlp_folds,
    "own-info-pipes": info_pipes,
    "own-russian": russian,
    "own-epoch-reward": epoch_reward,
    "own-yolo-callbacks": yolo_callbacks,
    "own-segmentation-percent": segmentation_percent,
    "yolov1-pytorch": yolov1,
    "own-models-in-turn": models_in_turn,
    "own-dotted-pipes": dotted_pipes,
    "own-count-epoch": count_epoch,
    "own-hf-callback": hf_callback,
    "lightning-bars-several": lightning_bars,
    "own-dice-loss": dice_loss,
    "pytorch-transfer": transfer,
    "own-det3d": det3d,
    "own-double-spaces": double_blanks,
    "own-l2re": l2re,
    "own-epoch-jsonl": epoch_jsonl,
}
