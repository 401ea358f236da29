"""XGBoost, LightGBM, Keras, stable-baselines3, MAPPO, LeRobot."""

from .reading import number, or_silent


def xgboost(log):
    # The figure is a metric by name; who calls the objective's own figure a loss is right too.
    at = log.last(r"^\[<i>\]\s+train-rmse:<n>(?:\s+validation-rmse:<n>)?")
    splits = {"train": number(at[2])} | ({} if at[3] is None else {"val": number(at[3])})
    return {
        "step": number(at[1]),
        "loss": or_silent(splits["train"]),
        "val_loss": or_silent(splits.get("val")),
        "metrics": {"rmse": splits},
    }


def keras(log):
    at = log.last(r"^ *<i>/<i> - \d+s(?: \S+)? - loss: <n>(?: - acc\w*: <n>)?(?: - val_loss: <n> - val_acc\w*: <n>)?")
    heads = [each for each in log.every(r"^Epoch <i>/<i>$") if each.start() < at.start()]
    fits = sum(each[1] == "1" for each in heads)
    done = number(heads[-1][1])
    accuracy = {split: number(at[i]) for split, i in (("train", 4), ("val", 6)) if at[i]}
    return {
        "epochs_done": done if fits == 1 else [done, len(heads), None],
        "epochs": or_silent(number(heads[-1][2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "step": or_silent(done * number(at[2]), len(heads) * number(at[2])),
        "metrics": {"acc|accuracy": accuracy},
    }


def baselines3(log):
    def row(name):
        return log.value(rf"^\| +{name} +\| <n>")

    return {
        "step": [row("total_timesteps"), row("iterations"), row("n_updates")],
        "loss": row("loss"),
        "lr": row("learning_rate"),
        "metrics": {"ep_rew_mean|reward|rollout/ep_rew_mean": {"*": or_silent(row("ep_rew_mean"))}},
    }


def mappo(log):
    at = log.last(r"updates <i>/<i> episodes, total num timesteps <i>/<i>")
    return {
        "step": [number(at[3]), number(at[1])],
        "metrics": {"average reward|reward|average_reward": {"*": or_silent(log.value(r"average reward: <n>"))}},
    }


def keras_bar(log):
    # The count of a bar is batches with a generator and samples with arrays: who makes no step of it is right too.
    at = log.last(
        r"^ *<i>/<i> \[=+\] - \d+s \S+ - loss: <n>(?: - acc\w*: <n>)?(?: - val_loss: <n>(?: - val_acc\w*: <n>)?)?"
    )
    heads = [each for each in log.every(r"^Epoch <i>/<i>$") if each.start() < at.start()]
    fits = sum(each[1] == "1" for each in heads)
    done = number(heads[-1][1])
    accuracy = {split: number(at[i]) for split, i in (("train", 4), ("val", 6)) if at[i]}
    return {
        "epochs_done": done if fits == 1 else [done, len(heads), None],
        "epochs": or_silent(number(heads[-1][2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "step": or_silent(done * number(at[2]), len(heads) * number(at[2])),
        "metrics": {"acc|accuracy": accuracy},
    }


def lightgbm_callback(log):
    at = log.last(r"^Iteration: <i>, validation AUC: <n>")
    return {"step": number(at[1]), "metrics": {"AUC": {"val": number(at[2])}}}


def lerobot(log):
    # Counts from a thousand on are rounded to 12K and 2M.
    at = log.last(r"step:(\d+)([KM]?) smpl:\S+ ep:\S+ epch:<n> loss:<n> grdn:<n> lr:<n>")
    return {
        "step": number(at[1]) * {"": 1, "K": 1000, "M": 1000000}[at[2]],
        "loss": number(at[4]),
        "grad_norm": or_silent(number(at[5])),
        "lr": number(at[6]),
        "epochs_done": or_silent(int(number(at[3]))),
    }


FORMATS = {
    "xgboost": xgboost,
    "keras-verbose2": keras,
    "keras-bar": keras_bar,
    "stable-baselines3": baselines3,
    "mappo": mappo,
    "lightgbm-callback": lightgbm_callback,
    "lerobot": lerobot,
}
