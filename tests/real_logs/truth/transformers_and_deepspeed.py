"""Hugging Face's Trainer on the console, DeepSpeed-Chat and own loops on DeepSpeed."""

import re

from .reading import NUM, number, or_silent


def trainer(log):
    # Dicts bear an epoch and no step; the true step stands in a bar, or in the names of checkpoints.
    reports = log.every(r"^.*?(\{'loss':.*?\})")
    summary = log.last(r"(\{'train_runtime'.*?\})")
    # The bars of the training and of its evaluations; those of the data bear words or another unit.
    bars = [
        each
        for each in log.every(r"^ *\d+%(?:\|[^|]*\|)? *<i>/<i> \[[^\]]*(?:it/s|s/it|\?it/s)")
        if summary.start() < 0 or each.start() < summary.start() + 400
    ]
    evaluated = log.last(r"(\{'eval_loss'.*?\})")
    last = reports[-1][1] if reports else ""
    told = [log.value(r"checkpoint-<i>"), log.value(r"global_step=?<i>")]
    if log.last(r"TrainOutput\(global_step=<i>").start() > 0:
        bars = []  # cut at the width of the terminal in the one log that has it
    most = max((number(each[2]) for each in bars), default=None)
    reached = [number(each[1]) for each in bars if number(each[2]) == most][-1:] if bars else []
    epochs = [float(field(each, "epoch")) for each in (last, summary[1] or "") if field(each, "epoch")]
    return {
        "step": reached[0] if reached and reports else or_silent(*reached, *told),
        "loss": field(last, "loss"),
        "lr": field(last, "learning_rate"),
        "grad_norm": field(last, "grad_norm"),
        "val_loss": field(evaluated[1] or "", "eval_loss"),
        "epochs_done": sorted({int(max(epochs)), round(max(epochs) + 0.006)}),
    }


def field(text, key):
    found = re.search(rf"'{key}': '?({NUM})", text)
    return number(found[1]) if found else None


def chat_finetuning(log):
    # The loss is printed nowhere, only the perplexity of the evaluation at each epoch's end.
    steps = log.last(r"\bstep=<i>, skipped=\d+, lr=\[<n>")
    ended = log.last(r"Evaluating perplexity, Epoch <i>/<i>")
    return {
        "step": number(steps[1]),
        "lr": number(steps[2]),
        "epochs_done": number(ended[1]),
        "epochs": or_silent(number(ended[2])),
        "metrics": {"ppl|perplexity": {"*": or_silent(log.value(r"^ppl: <n>"))}},
    }


def chat_reward(log):
    steps = log.last(r"\bstep=<i>, skipped=\d+, lr=\[<n>")
    ended = log.last(r"^Epoch <i>/<i> with loss <n>")
    return {
        "step": number(steps[1]),
        "lr": number(steps[2]),
        "epochs_done": number(ended[1]),
        "epochs": or_silent(number(ended[2])),
        "loss": number(ended[3]),
    }


def chat_rlhf(log):
    # Two engines, actor and critic, each with its steps and rate; two losses, none of them the loss. The loop's own
    # step counts from 0, the engines' from 1.
    at = log.last(r"^epoch: <i>\|step: <i>\|ppo_ep: \d+\|act_loss: <n>\|cri_loss: <n>")
    rates = [number(each[1]) for each in log.every(r"\bstep=\d+, skipped=\d+, lr=\[<n>")[-2:]]
    return {
        "step": [number(at[2]), number(at[2]) + 1, log.value(r"\bstep=<i>, skipped")],
        "lr": rates,
        "loss": or_silent(number(at[3]), number(at[4])),
        "epochs_done": [None, 0, 1],
        "metrics": {
            "reward|average reward score|reward score|reward_score": {
                "*": or_silent(log.value(r"^average reward score: <n>"))
            }
        },
    }


def own_loop(log):
    at = log.last(r"^\[Step <i>/<i>\] Loss: <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": number(at[3]),
        "lr": log.value(r"\bstep=\d+, skipped=\d+, lr=\[<n>"),
    }


FORMATS = {
    "hf-trainer": trainer,
    "deepspeed-chat-sft": chat_finetuning,
    "deepspeed-chat-reward": chat_reward,
    "deepspeed-chat-rlhf": chat_rlhf,
    "deepspeed-own-loop": own_loop,
}
