"""The formats of the sixth list: each repository its own words."""

from .fifth_epochs import from_zero
from .reading import number, or_silent, percent
from .third import parts, within


def test_accuracy(log):
    at = log.last(r"^Epoch <i>, Loss: <n>, Test Acc: <n>%")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"acc": {"test": percent(at[3])}},
    }


def lipnet(log):
    at = log.last(r"^Epoch: \[<i>\]\[<i>/<i>\]\tTime .*\tlr <n>\t.*Loss <n> \(<n>\)\tAcc <n> \(<n>\)")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {
        "step": within(epoch, batches, batch, epochs_from=0)[:-1],
        "epochs_done": [epoch, None],
        "epochs": "any",
        "lr": number(at[4]),
        "loss": [number(at[5]), number(at[6])],
    }


def pgan(log):
    at = log.last(r"^\[<i> : +<i>\] loss G : <n> loss D : <n>")
    return {"step": or_silent(number(at[2])), "epochs_done": "any", "loss": parts(at, 3, 4)}


def minitorch(log):
    at = log.last(r"Epoch <i> loss <n> correct <i>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "loss": number(at[2]),
        "metrics": {"correct": {"*": or_silent(number(at[3]))}},
    }


def d2nn(log):
    at = log.last(r"^epoch <i> 32, train loss: +<n>, ?train accuracy: +<n>")
    tested = log.last(r"^validation loss: *<n>, validation accuracy: +<n>")
    return {
        "step": or_silent(),
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(tested[1]),
        "metrics": {"accuracy": {"train": number(at[3]), "val": number(tested[2])}},
    }


def lightning_yolo(log):
    at = log.last(r"^Epoch <i>: 100%\|.*\| <i>/<i> .*train_loss_step=<n>, val_loss=<n>, .*train_loss_epoch=<n>")
    return {
        "step": or_silent((number(at[1]) + 1) * number(at[3])),
        "epochs_done": number(at[1]) + 1,
        "loss": [number(at[4]), number(at[6])],
        "val_loss": [number(at[5]), log.value(r"│ +val_loss +│ +<n>")],
    }


def epoch_fraction(log):
    at = log.last(r"^Epoch <n> / <i>, i = <i> / <i>, lr= <n>, loss = <n>")
    return {
        "step": number(at[3]),
        "steps": or_silent(number(at[4])),
        "epochs_done": or_silent(0, 1),
        "epochs": or_silent(number(at[2])),
        "lr": number(at[5]),
        "loss": number(at[6]),
    }


def glued_splits(log):
    at = log.last(r"^Epoch: <i>, trloss: <n>, .*valloss: <n>, .*testloss_1: <n>, .*testloss_2: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3])}


def epoch_pipes(log):
    at = log.last(r"^Epoch <i> \| learning rate: <n> \| Train Loss: <n> \| Train Acc: <n>")
    tested = log.last(r"\| Valid Loss: <n> \| Valid Acc: <n>")
    return {
        "epochs_done": number(at[1]),
        "lr": number(at[2]),
        "loss": number(at[3]),
        "val_loss": number(tested[1]),
        "metrics": {"acc": {"train": number(at[4]), "val": number(tested[2])}},
    }


def progress_meter(log):
    # Julia's ProgressMeter shows its values below the bar; what it calls eta there is the rate.
    return {
        "step": log.value(r"^ +iter: <i>"),
        "steps": "any",
        "loss": log.value(r"^ +loss: <n>"),
        "lr": or_silent(log.value(r"^ +eta: <n>")),
    }


def bars_only(log):
    at = log.last(r"^Epoch: 100%\|.*\| <i>/<i> \[")
    inner = log.last(r"^Iteration: 100%\|.*\| <i>/<i> \[")
    return {
        "step": or_silent(number(at[1]) * number(inner[1])),
        "steps": "any",
        "epochs_done": or_silent(number(at[1])),
        "epochs": "any",
    }


def epoch_dot(log):
    at = log.last(r"^Epoch <i>\. Train Loss: <n>, Train Acc: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"acc": {"train": number(at[3])}},
    }


def ppo1(log):
    return {
        "step": or_silent(log.value(r"\| TimestepsSoFar +\| <n>"), log.value(r"^\*+ Iteration <i>")),
        "loss": or_silent(*(number(each[1]) for each in log.every(r"^\| loss_\w+ +\| <n>")[-5:])),
    }


def step_pipes(log):
    at = log.last(r"^step +<i> \| loss: <n> \| lr: <n>")
    reached = log.last(r"^Step: <i>\nLoss: <n>")
    return {
        "step": [number(at[1]), number(reached[1])],
        "loss": [number(at[2]), number(reached[2])],
        "lr": number(at[3]),
    }


def polish(log):
    batch = log.last(r"^Epoka +<i> \| Krok +<i>/<i> \| Loss \([^)]*\): <n>")
    ended = log.last(r"^\[Epoka +<i>\] Średni loss: <n>")
    tested = log.last(r"Val Recall@20: <n> \| Val NDCG@20: <n>")
    return {
        "step": within(number(batch[1]), number(batch[3]), number(batch[2]), epochs_from=0),
        "epochs_done": number(ended[1]) + 1,
        "loss": [number(ended[2]), number(batch[4])],
        "metrics": {"Recall@20": {"val": number(tested[1])}, "NDCG@20": {"val": number(tested[2])}},
    }


def epoch_hash(log):
    every = log.every(r"Epoch#<i>: total loss=<n>, Cls_loss=<n>, Reg_loss=<n>, Err_test=<n>, lr = <n>")
    at = every[-1]
    return {
        "epochs_done": from_zero(every),
        "loss": number(at[2]),
        "lr": number(at[6]),
        "metrics": {"err": {"test": or_silent(number(at[5]))}},
    }


def ema_block(log):
    return {
        "step": log.value(r"^Step +<i> \| Time"),
        "loss": log.value(r"^Current Loss: +<n>"),
        "lr": log.value(r"^Learning Rate: +<n>"),
        "grad_norm": log.value(r"^Grad Norm: +<n>"),
    }


def chinese_batch(log):
    at = log.last(r"当前Batch：<i>/<i> \| 当前epoch:<i>/<i> \| 当前损失值：<n> \| 当前准确率：<n>%")
    return {
        "step": number(at[3]) * number(at[2]) + number(at[1]),
        "epochs_done": number(at[3]),
        "epochs": or_silent(number(at[4])),
        "loss": number(at[5]),
        "metrics": {"当前准确率|准确率": {"*": or_silent(*percent(at[6]))}},
    }


def categories(log):
    head = log.last(r"^Epoch <i>/<i>")
    at = log.last(r"^Train Loss: <n>, Val Loss: <n>")
    bar = log.last(r"^Training: 100%\|.*\| <i>/<i> \[")
    return {
        "step": or_silent(number(head[1]) * number(bar[1])),
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(at[1]),
        "val_loss": number(at[2]),
    }


def epoch_and_iter(log):
    # Iterations begin anew in each epoch, and how many an epoch has is not said.
    at = log.last(r"Epoch and iter <i> <i> Loss <n>")
    return {"epochs_done": or_silent(number(at[1])), "loss": number(at[3])}


def train_dev(log):
    at = log.last(r"^epoch: <i>, iteration: <i>, step: <i>")
    trained, tested = log.last(r"^\[Train\] loss: <n>, score: <n>"), log.last(r"^\[Dev\] loss: <n>, score: <n>")
    return {
        "step": number(at[3]),
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "epochs": "any",
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"score": {"train": number(trained[2]), "val": number(tested[2])}},
    }


def gan_pipes(log):
    at = log.last(r"^Epoch <i>/<i> \| D_loss=<n> \| G_loss=<n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) - 1, 0),
        "epochs": "any",
        "loss": parts(at, 3, 4),
    }


def acc_prob(log):
    every = log.every(r"^Epoch <i>/<i> : ")
    trained, tested = log.last(r"^train Loss: <n> Epoch Acc: <n>"), log.last(r"^val Loss: <n> Epoch Acc: <n>")
    return {
        "epochs_done": from_zero(every),
        "epochs": "any",
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
    }


def comma_times(log):
    at = log.last(r"^Epoch <i>, Train Loss: <n>, Validation Loss: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3])}


def babynames(log):
    head = log.last(r"INFO: Epoch <i>/<i>")
    trained, tested = log.last(r"Train metrics: loss: <n>, acc: <n>"), log.last(r"Eval metrics: loss: <n>, acc: <n>")
    return {
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"acc": {"train": number(trained[2]), "val": number(tested[2])}},
    }


def episodes(log):
    at = log.last(r"^Episode <i>/<i> \| return = <n> \| loss = <n>")
    return {
        "step": or_silent(number(at[1])),
        "steps": "any",
        "loss": number(at[4]),
        "metrics": {"return": {"*": number(at[3])}},
    }


def bar_with_loss(log):
    at = log.last(r"^Epoch: <i> \| Loss: <n>: 100%\|.*\| <i>/<i> \[")
    return {
        "step": or_silent(number(at[1]) * number(at[3])),
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"score": {"*": or_silent(log.value(r"^Score: <n>"))}},
    }


def glued_bracket(log):
    every = log.every(r"^\[epoch<i>\] trian_loss=<n> train_maxp=<n> valid_loss=<n> valid_maxp=<n>")
    at = every[-1]
    return {
        "epochs_done": from_zero(every),
        "loss": number(at[2]),
        "val_loss": number(at[4]),
        "metrics": {"maxp": {"train": number(at[3]), "val": number(at[5])}},
    }


def keras_bars(log):
    head = log.last(r"^Epoch <i>/<i>")
    at = log.last(r"^ *<i>/<i> \[.*?\] - .*? - loss: <n> - recall: <n>")
    return {
        "step": or_silent((number(head[1]) - 1) * number(at[2]) + number(at[1])),
        "epochs_done": number(head[1]) - 1,
        "epochs": or_silent(number(head[2])),
        "loss": number(at[3]),
        "val_loss": log.value(r"- val_loss: <n>"),
    }


def current_rate(log):
    head = log.last(r"^Epoch <i>/<i>; Current learning rate <n>")
    at = log.last(r"^train loss: <n>, val loss: <n>, accuracy: <n>")
    return {
        "step": "any",
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "lr": number(head[3]),
        "loss": number(at[1]),
        "val_loss": number(at[2]),
        "metrics": {"accuracy": {"*": or_silent(number(at[3]), *percent(log.last(r"Overall Test Accuracy: <n>%")[1]))}},
    }


def step_comma(log):
    at = log.last(r"^Step +<i>, Loss: <n>, LR: <n>")
    reached = log.last(r"achieved at step <i>! Final Loss: <n>")
    return {
        "step": [number(at[1]), number(reached[1])],
        "loss": [number(at[2]), number(reached[2])],
        "lr": number(at[3]),
    }


def proteinmpnn(log):
    # What is printed without a name are perplexities.
    at = log.last(r"^epoch: <i>, step: <i>, time: <n>, train: <n>, valid: <n>, train_acc: <n>, valid_acc: <n>")
    return {
        "step": number(at[2]),
        "epochs_done": number(at[1]),
        "loss": or_silent(number(at[4])),
        "val_loss": or_silent(number(at[5])),
        "metrics": {"acc": {"train": number(at[6]), "val": number(at[7])}},
    }


def bracket_time(log):
    at = log.last(r"^Epoch <i>: \[<i>/<i>\]\tTime <n>\tLoss <n> \(<n>\)\tPrec@1 <n> \(<n>\)")
    return {
        "step": within(number(at[1]), number(at[3]), number(at[2]), epochs_from=0),
        "epochs_done": number(at[1]) + 1,
        "loss": [number(at[5]), number(at[6])],
        "metrics": {"Prec@1": {"*": [number(at[7]), number(at[8]), log.value(r"^ \* Prec@1 <n>")]}},
    }


def date_and_cost(log):
    at = log.last(r"Epoch: \[<i>/<i>\],Val_PSNR: <n>, Val_SSIM: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "metrics": {"PSNR": {"val": number(at[3])}, "SSIM": {"val": number(at[4])}},
    }


def frame_csv(log):
    at = log.last(r"^<i>,<n>,<n>,<n>,<n>$")
    return {
        "step": or_silent(number(at[1])),
        "loss": number(at[4]),
        "metrics": {"reward": {"*": number(at[2])}},
    }


def yolov9(log):
    at = log.last(r"^ +<i>/<i> +\S+G +<n> +<n> +<n> +\d+ +\d+:")
    return {
        "step": "any",
        "epochs_done": number(at[1]) + 1,
        "epochs": "any",
        "loss": parts(at, 3, 5),
        "val_loss": or_silent(),
        "metrics": {"mAP50": {"*": or_silent(log.value(r"^ +all +\d+ +\d+ +[\d.]+ +[\d.]+ +<n>"))}},
    }


def total_step_time(log):
    at = log.last(r"^Step <i>/<i> \| Loss: <n> \| LR: <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": number(at[3]),
        "lr": number(at[4]),
    }


FORMATS = {
    "six-epoch-test-acc": test_accuracy,
    "six-lipnet": lipnet,
    "six-pgan": pgan,
    "six-minitorch": minitorch,
    "six-d2nn": d2nn,
    "six-lightning-yolo": lightning_yolo,
    "six-torch-epoch-fraction": epoch_fraction,
    "six-glued-splits": glued_splits,
    "six-epoch-pipes": epoch_pipes,
    "six-progress-meter": progress_meter,
    "six-bars-only": bars_only,
    "six-epoch-dot": epoch_dot,
    "six-baselines-ppo1": ppo1,
    "six-step-pipes": step_pipes,
    "six-polish": polish,
    "six-epoch-hash": epoch_hash,
    "six-ema-block": ema_block,
    "six-chinese-batch": chinese_batch,
    "six-categories": categories,
    "six-epoch-and-iter": epoch_and_iter,
    "six-train-dev": train_dev,
    "six-gan-pipes": gan_pipes,
    "six-epoch-acc-prob": acc_prob,
    "six-comma-times": comma_times,
    "six-cs230": babynames,
    "six-episodes": episodes,
    "six-bar-loss-words": bar_with_loss,
    "six-epoch-glued-bracket": glued_bracket,
    "six-keras-bars": keras_bars,
    "six-current-rate": current_rate,
    "six-step-comma": step_comma,
    "six-proteinmpnn": proteinmpnn,
    "six-epoch-bracket-time": bracket_time,
    "six-date-time-cost": date_and_cost,
    "six-frame-csv": frame_csv,
    "six-yolov9": yolov9,
    "six-total-step-time": total_step_time,
}
