"""Formats of the fifth list that report by epochs: each repository its own words."""

from .reading import number, or_silent, percent
from .third import pairs_of, within


def from_zero(every, group=1):
    """How many epochs are done when the last line of an epoch stands last: the first may be epoch 0."""
    return number(every[-1][group]) + (number(every[0][group]) == 0)


def columns_and_pipe(log):
    at = log.last(r"^epoch +<i>  train_loss <n>  val_loss <n>  cntMAE <n>  P <n>  R <n>  F1 <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"F1": {"*": or_silent(number(at[7]), log.value(r"timing F1=<n>"))}},
    }


def with_error_rate(log):
    at = log.last(r"^Epoch <i> \| Train Loss: <n> \| Val Loss: <n> \| Val PER: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"PER": {"val": number(at[4])}},
    }


def policy_value(log):
    at = log.last(r"epoch <i>/<i>  loss=<n> \(.*val=<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": or_silent(number(at[4])),
    }


def trocr(log):
    batch = log.last(r"Epoch <i>/<i> \| batch <i>/<i> \| loss <n>")
    at = log.last(r"^Epoch <i>/<i> \| loss=<n> \| CER=<n>")
    return {
        "step": within(number(batch[1]), number(batch[4]), number(batch[3]), epochs_from=1),
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "metrics": {"CER": {"*": number(at[4])}},
    }


def loss_behind_blanks(log):
    every = log.every(r"^epoch:  <i> loss:  <n>")
    return {
        "epochs_done": from_zero(every),
        "loss": number(every[-1][2]),
        "metrics": {"accuracy": {"test": percent(log.last(r"^Test Accuracy: <n>%")[1])}},
    }


def round_brackets(log):
    every = log.every(r"^Epoch: \(<i>\), Loss : <n> , acc: <n>%")
    return {
        "epochs_done": from_zero(every),
        "loss": number(every[-1][2]),
        "metrics": {"acc|accuracy": {"*": percent(every[-1][3])}},
    }


def watermark(log):
    at = log.last(r"Epoch <i> Average Training Loss: <n>, Validation Loss: <n>")
    return {"step": "any", "epochs_done": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3])}


def pointnet(log):
    heads = log.every(r"^\*\*\*\* EPOCH <i> \*\*\*\*")
    trained = log.last(r"^mean loss: <n>\naccuracy: <n>")
    tested = log.last(r"^eval mean loss: <n>\neval accuracy: <n>")
    begun = number(heads[-1][1])
    return {
        "epochs_done": [begun, begun + 1] if trained.start() > heads[-1].start() else begun,
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"accuracy": {"train": number(trained[2]), "val": number(tested[2])}},
    }


def train_then_eval(log):
    head = log.last(r"start train <i>/<i>")
    batch = log.last(r"^<i>/<i> \(batchs\) completed")
    trained = log.last(r"^train mean loss: <n>\ntrain accuracy: <n>")
    tested = log.last(r"^eval mean loss: <n>\neval accuracy: <n>")
    return {
        "step": within(number(head[1]), number(batch[2]), number(batch[1]), epochs_from=0),
        "epochs_done": or_silent(number(head[1]), number(head[1]) + 1),
        "epochs": "any",
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"accuracy": {"train": number(trained[2]), "val": number(tested[2])}},
    }


def energy(log):
    batch = log.last(r"^.* - INFO -   Batch <i>/<i> \|")
    at = log.last(
        r"Epoch <i>/<i> \| Train Energy: <n> \| Train Perplexity: <n> \| Val Energy: <n> \| Val Perplexity: <n>"
    )
    return {
        "step": within(number(at[1]), number(batch[2]), number(batch[1]), epochs_from=1),
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": or_silent(number(at[3])),
        "val_loss": or_silent(number(at[5])),
        "metrics": {"perplexity": {"train": number(at[4]), "val": number(at[6])}},
    }


def csra(log):
    # The brackets count images, not batches.
    at = log.last(r"^Epoch <i>\[<i>/<i>\]: loss:<n>, lr:<n>")
    return {
        "step": within(number(at[1]), number(at[3]), number(at[2]), epochs_from=1),
        "epochs_done": number(at[1]),
        "loss": number(at[4]),
        "lr": number(at[5]),
        "metrics": {"mAP": {"*": log.value(r"^mAP: <n>")}},
    }


def elimination(log):
    every = log.every(r"Epoch <i> \| Loss <n> \| ElimTop1Acc <n> \| ElimInBottom2Acc <n>")
    return {
        "epochs_done": from_zero(every),
        "loss": number(every[-1][2]),
        "metrics": {"ElimTop1Acc": {"*": number(every[-1][3])}},
    }


def seq2seq(log):
    at = log.last(r"^Epoch <i> Loss <n>")
    return {"step": "any", "epochs_done": number(at[1]), "loss": number(at[2])}


def sinet(log):
    at = log.last(r"Epoch:<i> MAE:<n> bestEpoch")
    return {"epochs_done": or_silent(number(at[1])), "metrics": {"MAE": {"*": number(at[2])}}}


def training_phase(log):
    every = log.every(r"Epoch \[<i>\]/\[<i>\] \t Training Phase Loss: <n> \t Accuracy: <n>")
    tested = log.last(r"Epoch \[<i>\]/\[<i>\] \t Validation Phase Loss: <n> \t Accuracy: <n>")
    at = every[-1]
    return {
        "step": "any",
        "epochs_done": from_zero(every),
        "epochs": "any",
        "loss": number(at[3]),
        "val_loss": number(tested[3]),
        "metrics": {"accuracy": {"train": number(at[4]), "val": number(tested[4])}},
    }


def chexpert(log):
    at = log.last(r"^Training loss: <n>, Valid loss: <n>")
    return {
        "step": "any",
        "epochs_done": or_silent(log.value(r"^Epoch <i> \[")),
        "loss": number(at[1]),
        "val_loss": number(at[2]),
    }


def equals_and_pipes(log):
    at = log.last(r"^Epoch <i>/<i> \| train_loss=<n>, train_acc=<n> \| val_loss=<n>, val_acc=<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"acc": {"train": number(at[4]), "val": number(at[6])}},
    }


def bracket_count(log):
    at = log.last(r"^\[<i>/<i>\] TrainAcc=<n>, ValAcc=<n>, F1=<n>")
    return {
        "step": or_silent(number(at[1])),
        "steps": "any",
        "epochs_done": or_silent(number(at[1])),
        "metrics": {
            "acc": {"train": number(at[3]), "val": number(at[4])},
            "F1": {"*": or_silent(number(at[5]), log.value(r"^Final F1 Score: <n>"))},
        },
    }


def frames_per_second(log):
    at = log.last(r"^Epoch <i>/<i> \| FPS: <n> \| Loss: <n> \| Value Loss: <n>")
    return {"epochs_done": number(at[1]), "epochs": or_silent(number(at[2])), "loss": number(at[4])}


def nnunet_own(log):
    return {
        "epochs_done": log.value(r"^\S+ \S+ Epoch <i>") + 1,
        "loss": log.value(r" train_loss <n>"),
        "val_loss": log.value(r" val_loss <n>"),
        "lr": log.last(r"Current learning rate: backbone <n>")[1]
        and or_silent(log.value(r"learning rate: backbone <n>")),
    }


def frozen_unfrozen(log):
    frozen = log.last(r"^\[Frozen\] Epoch <i>/")
    at = log.last(r"^\[Unfrozen\] Epoch <i>/<i> -- train: <n>  val: <n>  ppl: <n>")
    batch = log.last(r"^ +step +<i>/<i>  loss <n>")
    last, batches = number(at[1]), number(batch[2])
    phases = (last, last + number(frozen[1] or "0"))
    return {
        "step": or_silent(*(epochs * batches + number(batch[1]) for epochs in phases)),
        "epochs_done": or_silent(*phases),
        "epochs": "any",
        "loss": number(batch[3]),
        "val_loss": number(at[4]),
        "metrics": {"ppl": {"*": number(at[5])}},
    }


def bleu_epochs(log):
    at = log.last(r"Epoch: +<i>, loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"BLEU|Dev Bleu Score|Bleu Score": {"*": log.value(r"BLEU = <n>")}},
    }


def tab_loss(log):
    at = log.last(r"Epoch: <i>/<i>\tLoss:<n>")
    tested = log.last(r"Eval Loss = <n>\t Eval Accuracy = <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(tested[1]),
        "metrics": {"accuracy": {"val": number(tested[2])}},
    }


def loss_letters(log):
    trained, tested = log.last(r"^Train: loss_R=.*")[0], log.last(r"^Validation: loss_R=.*")[0]
    last = log.last(r"^Test: loss_R=.*")[0]
    return {
        "step": "any",
        "epochs_done": log.value(r"^=+Epoch <i>"),
        "loss": pairs_of(trained.replace("=", ": ").replace("loss", "L")),
        "val_loss": [
            *pairs_of(tested.replace("=", ": ").replace("loss", "L")),
            *pairs_of(last.replace("=", ": ").replace("loss", "L")),
        ],
    }


def small_equals(log):
    at = log.last(r"^epoch <i>/<i> \| train_loss=<n> \| val_loss=<n> \| val_acc=<n> \| val_f1_micro=<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
        "metrics": {"acc": {"val": number(at[5])}, "f1_micro": {"val": number(at[6])}},
    }


def truncation_bars(log):
    bar = log.last(r"Training for epoch_<i>: 100%\|\S+\| <i>/<i>")
    trained, tested = log.last(r"Train: loss = <n> \| f1 = <n>"), log.last(r"Test: loss = <n> \| f1 = <n>")
    done = number(bar[1]) + 1
    return {
        "step": or_silent(done * number(bar[2])),
        "epochs_done": done,
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"f1": {"test|val": number(tested[2])}},
    }


def dual(log):
    at = log.last(r"Epoch <i>/<i> \| loss <n> .*train_acc <n> .*val_acc <n> \| val_f1 <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "lr": or_silent(1e-4, 5e-5),
        "grad_norm": or_silent(*(number(each) for each in log.last(r"grad\(main/disc\) <n>/<n>").groups())),
        "metrics": {"acc": {"train": number(at[4]), "val": number(at[5])}, "f1": {"val": number(at[6])}},
    }


def chinese_epoch(log):
    batch = log.last(r"Epoch \[<i>/<i>\] Step \[<i>/<i>\] Loss: <n>")
    at = log.last(r"==> Epoch \[<i>\] 结束 \| 平均 Loss: <n>")
    return {
        "step": within(number(batch[1]), number(batch[4]), number(batch[3]), epochs_from=1),
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(batch[2])),
        "loss": [number(at[2]), number(batch[5])],
    }


def transreid(log):
    at = log.last(r"Epoch\[<i>\] done\. Loss: <n> .*?Acc: <n>%, Lr: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "lr": number(at[4]),
        "metrics": {"mAP": {"*": or_silent(*percent(log.last(r" mAP: <n>%")[1]))}},
    }


FORMATS = {
    "own-epoch-columns-pipe": columns_and_pipe,
    "own-epoch-per": with_error_rate,
    "own-policy-value-kl": policy_value,
    "own-trocr-crash": trocr,
    "own-epoch-loss-spaces": loss_behind_blanks,
    "own-epoch-round": round_brackets,
    "own-watermark": watermark,
    "pointnet-tf": pointnet,
    "own-train-then-eval": train_then_eval,
    "own-energy": energy,
    "csra": csra,
    "own-elimination": elimination,
    "own-tf2-seq2seq": seq2seq,
    "sinet-train": sinet,
    "own-training-phase": training_phase,
    "own-chexpert": chexpert,
    "own-equals-pipes": equals_and_pipes,
    "own-bracket-count": bracket_count,
    "own-fps": frames_per_second,
    "nnunet-own-trainer": nnunet_own,
    "own-frozen-unfrozen": frozen_unfrozen,
    "own-bleu-epochs": bleu_epochs,
    "own-epoch-tab-loss": tab_loss,
    "own-loss-letters": loss_letters,
    "own-small-equals": small_equals,
    "own-truncation-bars": truncation_bars,
    "own-dual": dual,
    "own-chinese-epoch": chinese_epoch,
    "transreid": transreid,
}
