"""The formats of the seventh list: each repository its own words."""

from .fifth_epochs import from_zero
from .reading import number, or_silent, percent
from .third import nothing, parts, within


def train_val_ppl(log):
    # The figures have no name but their split.
    at = log.last(r"Epoch <i>: train=<n>, val=<n>, ppl=<n>")
    return {
        "epochs_done": number(at[1]),
        "loss": or_silent(number(at[2])),
        "val_loss": or_silent(number(at[3])),
        "metrics": {"ppl": {"*": number(at[4])}},
    }


def set_mean_loss(log):
    every = log.every(r"^Epoch:<i>$")
    trained = log.last(r"^Train Set: Mean loss: <n>, Train Accuracy: <i>/<i> \(<n>%\)")
    tested = log.last(r"^Test Set : Mean loss: <n>, Test Accuracy : <i>/<i> \(<n>%\)")

    def share(at):
        return or_silent(*percent(at[4]), number(at[2]) / number(at[3]))

    return {
        "epochs_done": from_zero(every),
        "loss": number(trained[1]),
        "val_loss": number(tested[1]),
        "metrics": {"accuracy": {"train": share(trained), "test": share(tested)}},
    }


def two_losses(log):
    at = log.last(r"Epoch <i>/<i>, Classification Loss: <n>, Denoising Loss: <n>, Accuracy: <n>%")
    tested = log.last(r"Test Accuracy: <n>%")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": parts(at, 3, 4),
        "metrics": {"accuracy": {"train": percent(at[5]), "test": percent(tested[1])}},
    }


def dash_avg(log):
    at = log.last(r"Epoch <i> - avg_loss: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2])}


def hugging_face(log):
    at = log.last(r"\{'loss': <n>, 'grad_norm': <n>, 'learning_rate': <n>, 'epoch': <n>")
    tested = log.last(r"\{'eval_loss': <n>, 'eval_chrf': <n>")
    bar = log.last(r"100%\|█+\| <i>/<i> \[\d\d:")
    return {
        "step": number(bar[1]),
        "steps": or_silent(number(bar[2])),
        "epochs_done": int(number(at[4])),
        "epochs": "any",
        "loss": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
        "val_loss": number(tested[1]),
        "metrics": {"chrf": {"*": number(tested[2])}},
    }


def jax_absl(log):
    at = log.last(r"\[Train <i>/<i>\] \{.*'train_loss': <n>")
    tested = log.last(r"Evaluated \d+/\d+ with L2 loss <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": or_silent(number(tested[1])),
    }


def hit_rates(log):
    at = log.last(r"Epoch: <i>/<i> \tval loss: <n>\tHR@1: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "epochs": "any",
        "loss": log.value(r"train total loss:<n>"),
        "val_loss": number(at[3]),
        "metrics": {"HR@1": {"val": number(at[4])}},
    }


def glued_commas(log):
    at = log.last(r"step:<i>,loss:<n>,mse_loss:<n>")
    return {"step": number(at[1]), "loss": number(at[2])}


def main_loss(log):
    at = log.last(
        r"Epoch\[<i>\] Iter\[<i>\] .*main_loss: <n>, sup loss: <n>, .*test psnr: <n>.* val psnr: <n>, lr: <n>"
    )
    return {
        "step": number(at[2]),
        "epochs_done": number(at[1]),
        "loss": or_silent(number(at[3])),
        "lr": number(at[7]),
        "metrics": {"psnr": {"test": number(at[5]), "val": number(at[6])}},
    }


def gan_bars(log):
    at = log.last(r"^Epoch <i>: 100%\|█+\| <i>/<i> \[.*lossD_real=<n>, lossD_fake=<n>, lossG=<n>\]")
    mean = log.last(r"^Avg Losses: D_real: <n>, D_fake: <n>, G: <n>")
    return {
        "step": or_silent(number(at[1]) * number(at[3])),
        "epochs_done": log.value(r"^Epoch <i> completed"),
        "epochs": "any",
        "loss": [*parts(at, 4, 6), *parts(mean, 1, 3)],
    }


def download_batches(log):
    at = log.last(r"^Train Epoch: <i> dl: <i>/<i> Loss: <n>")
    epoch = number(at[1])
    return {
        "step": within(epoch, number(at[3]), number(at[2]), epochs_from=1),
        "epochs_done": or_silent(epoch, epoch - 1),
        "loss": number(at[4]),
        "val_loss": or_silent(log.value(r"^ Loss: <n>")),
        "metrics": {"R@1": {"*": or_silent(log.value(r"^ R@1: <n>"))}},
    }


def tagged_bars(log):
    at = log.last(r"^Epoch <i> \[Train\]: .*\| <i>/<i> \[.*loss=<n>\]")
    tested = log.last(r"Val Acc@1: <n>% \| Test Acc@1: <n>%")
    return {
        "step": within(number(at[1]), number(at[3]), number(at[2]), epochs_from=0),
        "epochs_done": number(at[1]),
        "loss": number(at[4]),
        "lr": log.value(r"\| LR: <n>"),
        "metrics": {"Acc@1": {"val": percent(tested[1]), "test": percent(tested[2])}},
    }


def stable_baselines(log):
    return {
        "step": log.value(r"\| +total_timesteps +\| <n>"),
        "loss": log.value(r"\| +loss +\| <n>"),
        "lr": log.value(r"\| +learning_rate +\| <n>"),
        "metrics": {"rollout/ep_rew_mean": {"*": log.value(r"\| +ep_rew_mean +\| <n>")}},
    }


def moment_detr(log):
    # The evaluation's own log: its losses are those of the validation, in a file that says so by its name alone.
    every = log.every(r"\[Epoch\] <i> \[Loss\] .*loss_overall <n> \[Metrics\].*\"MR-full-R1@0.5\": <n>")
    at = every[-1]
    return {
        "epochs_done": or_silent(from_zero(every), number(at[1])),
        "loss": or_silent(number(at[2])),
        "val_loss": or_silent(number(at[2])),
        "metrics": {"MR-full-R1@0.5": {"*": or_silent(number(at[3]))}},
    }


def cross(log):
    at = log.last(r"^epoch +<i> \| D\^2=\+<n> \| cross=<n> .*\| FID=<n> IS=<n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "epochs": "any",
        "loss": or_silent(number(at[2]), number(at[3])),
        "metrics": {"FID": {"*": number(at[4])}, "IS": {"*": number(at[5])}},
    }


def loss_alone(log):
    return {"loss": log.value(r"\[TRAIN\] LOSS : <n>")}


def hugging_face_strings(log):
    at = log.last(r"\{'loss': '<n>', 'grad_norm': '<n>', 'learning_rate': '<n>', 'epoch': '<n>'\}")
    bar = log.last(r"^100%\|█+\| <i>/<i> \[\d\d:\d\d<00:00, +<n>s/it\]$")
    return {
        "step": or_silent(number(bar[1])),
        "steps": "any",
        "epochs_done": int(number(at[4])),
        "epochs": "any",
        "loss": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
        "val_loss": log.value(r"'eval_loss': '<n>'"),
    }


def step_then_epoch(log):
    at, ended = log.last(r"^step <i>: loss=<n>, lr=<n>"), log.last(r"^train_loss=<n>  val_loss=<n>")
    head = log.last(r"^Epoch <i>/<i>")
    return {
        "step": number(at[1]),
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(ended[1]),
        "lr": number(at[3]),
        "val_loss": [number(ended[2]), log.value(r"^Test loss: <n>")],
    }


def scaled_loss(log):
    at = log.last(r"^Step <i>, Loss: <n>, Scaled Loss: <n>, LR: <n>")
    return {
        "step": number(at[1]),
        "loss": [number(at[2]), log.value(r"\bloss[ \t]+<n>$")],
        "lr": [number(at[4]), log.value(r"\blr[ \t]+<n>$")],
    }


def end_point_error(log):
    at = log.last(r"Epoch <i> completed \| Time: \S+ \| Avg Loss: <n> \| Avg EPE: <n> \| LR: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "lr": number(at[4]),
        "metrics": {"EPE": {"train": or_silent(number(at[3])), "val": log.value(r"Validation \| EPE: <n>")}},
    }


def round_batch(log):
    # The first epoch is 291: a run that went on, whose count begins at 0 or at 1.
    at = log.last(r"^\[TRAIN\] Epoch\[<i>\]\(<i>/<i>\); Loss: <n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {
        "step": or_silent((epoch - 1) * batches + batch, epoch * batches + batch),
        "epochs_done": or_silent(epoch, epoch - 1),
        "loss": number(at[4]),
    }


def epoch_batch_brackets(log):
    at = log.last(r"Epoch \[<i>\], Batch \[<i>\], Loss: <n>")
    return {
        "step": or_silent(number(at[2]), number(at[2]) + 1),
        "epochs_done": or_silent(0),
        "loss": number(at[3]),
    }


def lightgbm(log):
    at = log.last(r"\) \[<i>\]\ttrain's auc: <n>\tvalid's auc: <n>")
    cited = log.last(r"^\[<i>\]\ttrain's auc: <n>\tvalid's auc: <n>")
    return {
        "step": [number(at[1]), None],
        "metrics": {
            "auc": {"train": [number(at[2]), number(cited[2])], "valid|val": [number(at[3]), number(cited[3])]},
        },
    }


def steganography(log):
    at = log.last(r"- Epoch \[<i>/<i>\], Loss_D: <n>, Loss_G: <n>, L_steg: <n>, L_reg: <n>, StegAcc: <n>")
    tested = log.last(r"Validation Epoch \[\d+/\d+\], PSNR: <n>, SSIM: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": parts(at, 3, 6),
        "metrics": {"PSNR": {"val": number(tested[1])}, "SSIM": {"val": number(tested[2])}},
    }


FORMATS = {
    "seven-train-val-ppl": train_val_ppl,
    "seven-set-mean-loss": set_mean_loss,
    "seven-two-losses": two_losses,
    "seven-dash-avg": dash_avg,
    "seven-hf": hugging_face,
    "seven-jax-absl": jax_absl,
    "seven-hr-ndcg": hit_rates,
    "seven-glued-commas": glued_commas,
    "seven-main-loss": main_loss,
    "seven-gan-bars": gan_bars,
    "seven-dl-batches": download_batches,
    "seven-tagged-bars": tagged_bars,
    "seven-sb3": stable_baselines,
    "seven-moment-detr": moment_detr,
    "seven-d2-cross": cross,
    "seven-loss-alone": loss_alone,
    "seven-hf-strings": hugging_face_strings,
    "seven-step-then-epoch": step_then_epoch,
    "seven-scaled-loss": scaled_loss,
    "seven-epe": end_point_error,
    "seven-round-batch": round_batch,
    "seven-epoch-batch-brackets": epoch_batch_brackets,
    "seven-lightgbm-info": lightgbm,
    "seven-steganography": steganography,
    "seven-gcforest": nothing,
}
