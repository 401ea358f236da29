"""Pretraining loops of language models: llm.c, modded-nanogpt, nanoGPT, OLMo, minimind."""

from .reading import number, or_silent


def llm_c(log):
    last = log.last(r"^s:<i> ")
    train = log.last(r"^s:<i> trl:<n>")
    return {
        "step": [number(last[1]), number(train[1])],
        "loss": number(train[2]),
        "val_loss": log.value(r"^s:\d+ tel:<n>"),
        "lr": log.value(r"^s:\d+ trl:\S+ lr:<n>"),
        "grad_norm": log.value(r"^s:\d+ trl:.* norm:<n>"),
    }


def modded(log):
    place = log.last(r"^step:<i>/<i> ")
    return {
        "step": number(place[1]),
        "steps": or_silent(number(place[2])),
        "loss": log.value(r"^step:\d+/\d+ train_loss:<n>"),
        "val_loss": log.value(r"^step:\d+/\d+ val_loss:<n>"),
    }


def parameter_golf(log):
    # After the last step the quantised, averaged or adapted model is validated again, each time under another name.
    place = log.last(r"^(?:step:)?<i>/<i> (?:train_loss|val_loss|loss):")
    at = log.last(r"^(?:step:)?\d+/\d+ val_loss: ?<n>(?: val_bpb: ?<n>)?")
    later = [each for each in log.every(r"^.*?\bval_loss[:=] ?<n> val_bpb[:=] ?<n>") if each.start() > at.start()]
    return {
        "step": number(place[1]),
        "steps": or_silent(number(place[2])),
        "loss": log.value(r"^(?:step:)?\d+/\d+ (?:train_loss|loss): ?<n>"),
        "val_loss": [number(at[1]), *(number(each[1]) for each in later)],
        "metrics": {"bpb|val_bpb": {"*": or_silent(number(at[2]), *(number(each[2]) for each in later))}},
    }


def build_nanogpt(log):
    at = log.last(r"^step +<i> \| loss: <n> \| lr <n> \| norm: <n>")
    return {
        "step": number(at[1]),
        "loss": number(at[2]),
        "lr": number(at[3]),
        "grad_norm": number(at[4]),
        "val_loss": log.value(r"^validation loss: <n>"),
    }


def nanogpt(log):
    step = log.last(r"^step <i>: train loss <n>, val loss <n>")
    at = log.last(r"^iter <i>: loss <n>")
    return {"step": number(at[1]), "loss": number(at[2]), "val_loss": number(step[3])}


def olmo(log):
    # The perplexity and the loss of one report stand in lines of their own below [step=n/m].
    at = log.last(r"\[step=<i>/<i>,epoch=(\d+)")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": log.value(r"^ *train/CrossEntropyLoss=<n>"),
        "grad_norm": log.value(r"^ *optim/total_grad_norm=<n>"),
        "lr": log.value(r"^ *optim/learning_rate\w*=<n>"),
        "val_loss": log.value(r"^ *eval/\S*CrossEntropyLoss=<n>"),
        "metrics": {"perplexity|ppl": {"train": or_silent(log.value(r"^ *train/Perplexity=<n>"))}},
    }


def minimind(log):
    at = log.last(r"^Epoch:\[<i>/<i>\]\(<i>/<i>\), loss: <n>,.*?\b(?:lr|learning_rate): <n>")
    epoch, epochs, step, steps = (number(at[i]) for i in range(1, 5))
    return {
        "step": (epoch - 1) * steps + step,
        "loss": number(at[5]),
        "lr": number(at[6]),
        "epochs_done": epoch - 1 + (step == steps),
        "epochs": or_silent(epochs),
    }


def minimind_grpo(log):
    at = log.last(r"^Epoch:\[<i>/<i>\]\(<i>/<i>\), Reward: <n>, KL_ref: <n>,.*?Actor Loss: <n>,.*?Learning Rate: <n>")
    epoch, epochs, step, steps = (number(at[i]) for i in range(1, 5))
    return {
        "step": (epoch - 1) * steps + step,
        "loss": or_silent(number(at[7])),
        "lr": number(at[8]),
        "epochs_done": epoch - 1 + (step == steps),
        "epochs": or_silent(epochs),
        "metrics": {"reward": {"*": or_silent(number(at[5]))}},
    }


FORMATS = {
    "minimind": minimind,
    "minimind-grpo": minimind_grpo,
    "llm.c-side": llm_c,
    "modded-nanogpt": modded,
    "parameter-golf": parameter_golf,
    "build-nanogpt": build_nanogpt,
    "nanogpt": nanogpt,
    "olmo": olmo,
}
