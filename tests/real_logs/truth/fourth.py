"""The formats of the fourth list: each repository its own words."""

from .reading import number, or_silent, percent
from .third import pairs_of, segment_csv


def box(log):
    # Stable-Baselines3; PPO's iterations and updates are counted beside the steps of the environment.
    return {
        "step": log.value(r"\| +total_timesteps +\| <n>"),
        "loss": or_silent(log.value(r"\| +loss +\| <n>")),
        "lr": or_silent(log.value(r"\| +learning_rate +\| <n>")),
    }


def box_with_reward(log):
    found = box(log)
    return found | {
        "loss": log.value(r"\| +loss +\| <n>"),
        "lr": log.value(r"\| +learning_rate +\| <n>"),
        "metrics": {"rollout/ep_rew_mean": {"*": log.value(r"ep_rew_mean +\| <n>")}},
    }


def dtrb(log):
    at = log.last(r"^\[<i>/<i>\] Train loss: <n>, Valid loss: <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
        "metrics": {"Current_accuracy": {"*": or_silent(log.value(r"Current_accuracy : <n>"))}},
    }


def pipes(log):
    every = log.every(r"Epoch +<i>/<i> \| Train Loss: <n> Acc: <n> \| Val Loss: <n> Acc: <n> F1: <n>")
    at = every[-1]
    return {
        "epochs_done": [number(at[1]), len(every)],
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"acc": {"train": number(at[4]), "val": number(at[6])}, "F1": {"val": number(at[7])}},
    }


def keras_bars(log):
    head = log.last(r"^Epoch <i>/<i>")
    at = log.last(r"^<i>/\d+ \S+ .*- accuracy: <n> - loss: <n> - val_accuracy: <n> - val_loss: <n>")
    return {
        "step": or_silent(number(head[1]) * number(at[1])),
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"accuracy": {"train": number(at[2]), "val": number(at[4])}},
    }


def epoch_comma(log):
    every = log.every(r"^Epoch <i>, loss: <n>")
    return {
        "epochs_done": number(every[-1][1]) + (number(every[0][1]) == 0),
        "loss": number(every[-1][2]),
        "val_loss": or_silent(log.value(r"^Test loss: <n>")),
    }


def total_loss_time(log):
    at = log.last(r"Train Epoch: <i>/<i> \.\.\.")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": log.value(r"total_loss: <n>"),
        "metrics": {"ave": {"*": or_silent(log.value(r" ave: <n>"))}},
    }


def training_accuracy(log):
    return {
        "step": "any",
        "metrics": {
            "accuracy": {
                "train": log.value(r"^step \d+, training accuracy <n>"),
                "test": or_silent(log.value(r"^test accuracy <n>")),
            }
        },
    }


def loss_for_iter(log):
    at = log.last(r"^Loss for Iter <i>: <n>, acc = <n>")
    tested = log.last(r"^Test loss for epoch <i>: <n>, Acc = <n>")
    first = log.every(r"^Test loss for epoch <i>: <n>")[0]
    return {
        "step": number(at[1]),
        "epochs_done": number(tested[1]) + (number(first[1]) == 0),
        "loss": number(at[2]),
        "val_loss": number(tested[2]),
        "metrics": {"acc": {"test|val": number(tested[3])}},
    }


def tab_epoch(log):
    every = log.every(r"^\tepoch <i>: train acc: <n>%, loss: <n>")
    at = every[-1]
    return {
        "epochs_done": [number(at[1]), len(every)],
        "loss": number(at[3]),
        "val_loss": or_silent(log.value(r"is test acc: [\d.]+%, loss: <n>")),
        "metrics": {"acc": {"train": percent(at[2])}},
    }


def cs230(log):
    head = log.last(r"INFO: Epoch <i>/<i>")
    trained = log.last(r"Train metrics: accuracy: <n> ; loss: <n>")
    tested = log.last(r"Eval metrics: accuracy: <n> ; loss: <n>")
    return {
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(trained[2]),
        "val_loss": number(tested[2]),
        "metrics": {"accuracy": {"train": number(trained[1]), "val": number(tested[1])}},
    }


def step_words(log):
    at = log.last(r"^step +<i> \| loss <n> \| lm <n> \| ppl <n> \| lr <n>")
    return {"step": number(at[1]), "loss": number(at[2]), "lr": number(at[5])}


def tagged(log):
    at = log.last(r"^\[Diffusion\] Epoch <i>/<i> Train Loss: <n> \| Val Loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
    }


def tagged_gan(log):
    at = log.last(r"^\[GAN\] Epoch <i>/<i> D Loss: <n> G Loss: <n> \| Val G Loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": or_silent(number(at[3]), number(at[4])),
        "val_loss": or_silent(number(at[5])),
    }


def maml(log):
    return {
        "epochs_done": "any",
        "loss": or_silent(log.value(r"Total train loss: <n>"), log.value(r"Meta batch loss: <n>")),
        "val_loss": or_silent(
            log.value(r"batch_loss: <n>"),
            log.value(r"Average Evaluation Loss: <n>"),
            log.value(r"Total eval loss: <n>"),
        ),
        "metrics": {"slot_f1": {"val": log.value(r"slot_f1: <n>")}},
    }


def episode_pipes(log):
    at = log.last(r"^Episode <i>/<i> \| Deliveries: <n> \| Collisions: <n> \| Loss: <n>")
    return {"step": or_silent(number(at[1])), "steps": "any", "loss": number(at[5])}


def epoch_step(log):
    at = log.last(r"Epoch \[<i>/<i>\], Step \[<i>/<i>\], Loss: <n>")
    return {
        "step": (number(at[1]) - 1) * number(at[4]) + number(at[3]),
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": [number(at[5]), log.value(r"Epoch \[\d+\] Training Loss: <n>")],
        "val_loss": log.value(r"Epoch \[\d+\] Validation Loss: <n>"),
    }


def epoch_train_val(log):
    at = log.last(r"^Epoch \[<i>/<i>\] Train Loss: <n> Val Loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
    }


def demucs(log):
    at = log.last(r"- Train \| Epoch <i> \| <i>/<i> \| .*?Loss <n> .*?Grad <n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    before = (epoch - 1) * batches + batch
    return {
        "step": or_silent(before, before + 1),
        "epochs_done": epoch - 1,
        "loss": number(at[4]),
        "grad_norm": or_silent(number(at[5])),
        "val_loss": log.value(r"Valid Summary \| .*?Loss=<n>"),
    }


def iter_phase(log):
    at = log.last(r"^ITER <i> TRAINING \(phase \d\)\. (.*); Grad_norm: <n>")
    return {
        "step": number(at[1]),
        "loss": pairs_of(at[2].replace("loss_", "L_")),
        "grad_norm": number(at[3]),
        "lr": "any",
    }


def equals_i(log):
    at = log.last(r"^epoch=<i> i=<i>/<i> total_loss=<n>")
    return {"step": or_silent(number(at[2]), number(at[2]) + 1), "epochs_done": [0, None], "loss": number(at[4])}


def jaqmc(log):
    at = log.last(r"pretrain \| step=<i>, loss=<n>")
    return {"step": number(at[1]), "steps": "any", "loss": number(at[2]), "lr": "any"}


def keras_dash(log):
    head = log.last(r"^Epoch <i>/<i>")
    at = log.last(r"^<i>/\d+ - \d+s - loss: <n> - accuracy: <n>")
    return {
        "step": or_silent(number(head[1]) * number(at[1])),
        "epochs_done": number(head[1]),
        "epochs": or_silent(number(head[2])),
        "loss": number(at[2]),
        "metrics": {"accuracy": {"train": number(at[3])}},
    }


def fine_tune(log):
    every = log.every(r"Epoch <i> \| Train Loss: <n> \| Val Loss: <n> \| Val Accuracy: <n>%")
    at = every[-1]
    return {
        "step": "any",
        "epochs_done": [number(at[1]), len(every)],
        "epochs": "any",
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "metrics": {"accuracy": {"val": percent(at[4])}},
    }


def rl_csv(log):
    at = log.last(r"^<i>,<n>,<n>")
    return {"step": or_silent(number(at[1])), "metrics": {"Avg reward|reward": {"*": number(at[3])}}}


FORMATS = {
    "rl-simple-agents": box,
    "dtrb-console": dtrb,
    "own-pipes-acc-f1": pipes,
    "keras-3-bars": keras_bars,
    "own-epoch-comma": epoch_comma,
    "own-total-loss-time": total_loss_time,
    "own-step-training-accuracy": training_accuracy,
    "own-loss-for-iter": loss_for_iter,
    "own-tab-epoch": tab_epoch,
    "ultralytics-csv-detect": segment_csv,
    "cs230-metrics": cs230,
    "own-step-pipes-words": step_words,
    "own-tagged-epochs": tagged,
    "own-tagged-gan": tagged_gan,
    "maml-batches": maml,
    "own-episode-pipes": episode_pipes,
    "sb3-boxes": box_with_reward,
    "own-epoch-step-brackets": epoch_step,
    "own-epoch-train-val": epoch_train_val,
    "demucs": demucs,
    "own-iter-phase": iter_phase,
    "own-equals-i": equals_i,
    "jaqmc": jaqmc,
    "keras-dash-counted": keras_dash,
    "own-epoch-bars-fine-tune": fine_tune,
    "rl-csv": rl_csv,
}
