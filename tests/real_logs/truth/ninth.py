"""The formats of the ninth list: each repository its own words."""

import json

from .reading import number, or_silent, percent
from .third import parts


def rows_of(log):
    """The objects of a log of JSON lines."""
    return [json.loads(line) for line in log.lines if line.startswith("{")]


def hf_strings(log):
    at = log.last(r"\{'loss': '<n>', 'grad_norm': '<n>', 'learning_rate': '<n>', .*'mean_token_accuracy': '<n>', "
                  r"'epoch': '<n>'")  # fmt: skip
    return {
        "epochs_done": int(number(at[5])),
        "step": or_silent(1200),
        "loss": number(at[1]),
        "grad_norm": number(at[2]),
        "lr": number(at[3]),
        "val_loss": log.value(r"'eval_loss': '<n>'"),
        "metrics": {"mean_token_accuracy": {"train|*": number(at[4])}},
    }


def stylegan_ticks(log):
    return {
        "step": or_silent(log.value(r"^tick <i> ")),
        "metrics": {"fid50k_full": {"*": or_silent(log.value(r'"fid50k_full": <n>'))}},
    }


def tab_spaced_names(log):
    at = log.last(r"^<i> \ttrain loss=<n> \ttrain acc=<n> \tvalid loss=<n> \tvalid acc=<n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1),
        "step": or_silent(number(at[1])),
        "loss": number(at[2]),
        "val_loss": number(at[4]),
        "metrics": {"acc": {"train": number(at[3]), "val": number(at[5])}},
    }


def detr_json(log):
    at = rows_of(log)[-1]
    return {
        "epochs_done": at["epoch"] + 1,
        "lr": at["train_lr"],
        "loss": at["train_loss"],
        "val_loss": at["test_loss"],
        "metrics": {"class_error": {"train": at["train_class_error"], "test": at["test_class_error"]}},
    }


def training_at_epoch(log):
    return {
        "epochs_done": log.value(r"^Training at epoch <i>/\d+"),
        "epochs": or_silent(log.value(r"^Training at epoch \d+/<i>")),
        "lr": log.value(r"^epoch: \d+ lr: <n>"),
        "loss": log.value(r"^\[\d+\] loss: <n>"),
    }


def per_event(log):
    trained = log.last(r"---Epoch\.<i> Train Negative Overall Log-Loss per event: <n>\. ")
    return {
        "epochs_done": or_silent(number(trained[1]) + 1),
        "loss": or_silent(number(trained[2])),
        "val_loss": or_silent(
            log.value(r"Val Negative Log-Loss per event: <n>;"), log.value(r"Test Negative Log-Loss per event: <n>;")
        ),
        "metrics": {"MAPE": {"val|test": or_silent(log.value(r"Val .* MAPE: <n>;"), log.value(r"Test .* MAPE: <n>;"))}},
    }


def rich_lightning(log):
    at = log.last(r"Epoch <i>: v_recons <n>  recons <n>  v_loss <n>  loss <n>  ")
    return {
        "epochs_done": number(at[1]) + 1,
        "epochs": or_silent(500),
        "loss": number(at[5]),
        "val_loss": or_silent(number(at[4])),
        "metrics": {"recons": {"*": or_silent(number(at[2]), number(at[3]))}},
    }


def reid_arrows(log):
    return {
        "epochs_done": or_silent(log.value(r"^==> Epoch <i>/\d+"), log.value(r"^==> Epoch <i>/\d+") - 1),
        "epochs": or_silent(log.value(r"^==> Epoch \d+/<i>")),
        "loss": None if not log.every(r"Loss <n>") else or_silent(log.value(r"Loss <n>")),
        "metrics": {"mAP": {"*": or_silent(*percent(log.last(r"^mAP: <n>%")[1]))}},
    }


def stars_epoch(log):
    return {
        "epochs_done": log.value(r"INFO: \*\*\*\* EPOCH <i> \*\*\*\*"),
        "metrics": {"mean IoU": {"*": or_silent(log.value(r"mean IoU:<n>"))}},
    }


def global_step_return(log):
    at = log.last(r"^global step=<i>, episodic return=<n>")
    return {"step": number(at[1]), "metrics": {"episodic return": {"*": number(at[2])}}}


def episode_json(log):
    at = rows_of(log)[-1]
    return {
        "step": or_silent(at["episode"]),
        "loss": or_silent(at["avg_loss"]),
        "metrics": {"shaped_reward": {"*": at["shaped_reward"]}, "epsilon": {"*": at["epsilon"]}},
    }


def joeynmt_validations(log):
    """The lines do not say that they are of the validation: only the file's name does."""
    at = log.last(r"^Steps: <i>\t[Ll]oss: <n>\t")
    facts = {"step": number(at[1]), "loss": or_silent(number(at[2])), "val_loss": or_silent(number(at[2])),
             "lr": log.value(r"\tLR: <n>")}  # fmt: skip
    return {**facts, "metrics": {"ppl": {"*": log.value(r"\t(?:PPL|ppl): <n>")}}}


def joeynmt(log):
    at = log.last(r"Epoch +<i>, Step: +<i>, Batch Loss: +<n>, Batch Acc: <n>, .*Lr: <n>")
    return {
        "epochs_done": number(at[1]) - 1,
        "step": number(at[2]),
        "loss": number(at[3]),
        "lr": number(at[5]),
        "val_loss": or_silent(log.value(r"Evaluation result \(greedy\) loss: +<n>,")),
        "metrics": {"Batch Acc|acc": {"*": or_silent(number(at[4]), log.value(r"Evaluation result .* acc: +<n>,"))}},
    }


def contrastive(log):
    at = log.last(r"^epoch <i>/<i>, contrastive loss: <n>")
    return {"epochs_done": number(at[1]), "epochs": or_silent(number(at[2])), "loss": number(at[3])}


def self_play_json(log):
    at = rows_of(log)[-1]
    return {
        "step": or_silent(at["iteration"]),
        "loss": at["total_loss"],
        "lr": at["lr"],
        "metrics": {"policy_loss": {"*": or_silent(at["policy_loss"])}, "stop_rate": {"*": or_silent(at["stop_rate"])}},
    }


def epoch_quote(log):
    """The last heads of epochs stand behind what is left of a bar."""
    heads = [number(each[1]) for each in log.every(r"epoch <i>\b")]
    return {
        "epochs_done": or_silent(heads[-1], heads[-1] + 1, 10),
        "step": or_silent(62500),
        "steps": "any",
        "metrics": {"accuracy": {"test": log.value(r'-- "test accuracy <n>')}},
    }


def pretrain_sets(log):
    at = log.last(r"  Epoch <i> \| Avg Loss <n> \| Mean AUC <n> \|")
    return {
        "epochs_done": number(at[1]),
        "loss": or_silent(number(at[2])),
        "metrics": {"Mean AUC|AUC": {"*": or_silent(number(at[3]), log.value(r"Dataset 01 .* AUC <n>"))}},
    }


def ft_ep(log):
    at = log.last(r"\[FT\] Ep <i> \| Loss <n> .*\| Corr <n> \| AUC <n> \| LR <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "lr": number(at[5]),
        "metrics": {"Corr": {"*": number(at[3])}, "AUC": {"*": number(at[4])}},
    }


def paddle_brackets(log):
    at = log.last(r"Epoch: \[<i>\], step: \[<i>\], lr: <n>, batch_loss: <n>, avg_loss: <n>")
    done = log.last(r"Epoch \[<i>\] done! Training loss: <n>")
    return {
        "epochs_done": number(done[1]),
        "loss": [number(done[2]), number(at[4]), number(at[5])],
        "lr": number(at[3]),
    }


def dreamer_json(log):
    at = rows_of(log)[-1]
    return {"step": at["step"], "metrics": {"return": {"train": at["train/return"]}}}


def hydra_pinn(log):
    at = log.last(r"\] - epoch +<i> \| loss <n> \(pde <n>, bc <n>\) \| lr <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": "any",
        "loss": number(at[2]),
        "lr": number(at[5]),
        "metrics": {"pde": {"*": or_silent(number(at[3]))}},
    }


def glued_braces(log):
    at = log.last(r"\{train:epoch<i>,step<i>,train_loss: <n>\}")
    return {"epochs_done": [number(at[1]) - 1, number(at[1])], "step": number(at[2]), "loss": number(at[3])}


def two_columns(log):
    rows = log.every(r"^<n>,<n>$")
    return {"epochs_done": or_silent(len(rows)), "loss": or_silent(number(rows[-1][1]))}


def csv_three(log):
    at = log.last(r"^<i>,<n>,<n>$")
    return {"epochs_done": number(at[1]), "loss": number(at[2])}


def word_language_model(log):
    at = log.last(r"^\| epoch +<i> \| +<i>/ *<i> batches \| lr <n> \| ms/batch .* \| loss +<n> \| ppl +<n>")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    before = (epoch - 1) * batches
    return {
        "epochs_done": epoch,
        "step": or_silent(before + batch, before + batches),
        "steps": "any",
        "loss": number(at[5]),
        "lr": number(at[4]),
        "val_loss": [log.value(r"valid loss +<n>"), log.value(r"test loss +<n>")],
        "metrics": {"ppl": {"val": log.value(r"valid ppl +<n>")}},
    }


def ordinal_batch(log):
    at = log.last(r"^<i>th epoch, <i>th mini-batch, lsd is <n>, lreg is <n>,")
    return {"epochs_done": or_silent(number(at[1])), "metrics": {"lreg": {"*": or_silent(number(at[4]))}}}


def keras_heads(log):
    at = log.last(r"^<i>/\d+ \[=*\] - .* - loss: <n> - .* - val_loss: <n> - ")
    return {
        "epochs_done": log.value(r"^Epoch <i>/\d+"),
        "step": or_silent(number(at[1]) * log.value(r"^Epoch <i>/\d+")),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
    }


def pinn_pipes(log):
    at = log.last(r"^Epoch +<i> \| Loss = <n> \| BC = <n> \| Phys = <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {"Phys": {"*": or_silent(number(at[4]))}},
    }


def nanogpt_spaced(log):
    at = log.last(r"^iter <i> : loss <n> ,")
    return {"step": number(at[1]), "loss": number(at[2]), "val_loss": log.value(r"val loss <n>")}


def maml(log):
    at = log.last(r"^\[<i>/<i>\] batch loss : <n>")
    tested = log.last(r"mean test loss : <n> -> <n>")
    return {
        "step": or_silent(number(at[1]), number(at[1]) + 1),
        "steps": number(at[2]),
        "loss": number(at[3]),
        "val_loss": or_silent(number(tested[1]), number(tested[2])),
    }


def steps_episodes(log):
    at = log.last(r"^steps: <i>, episodes: <i>, mean episode reward: <n>, reward: <n>, ")
    return {"step": number(at[1]), "metrics": {"mean episode reward": {"*": number(at[3])}}}


def episode_line(log):
    at = log.last(r"^episode: <i>, step: <i>, reward: <n>")
    return {"step": or_silent(number(at[1])), "metrics": {"reward": {"*": number(at[3])}}}


def dots(log):
    return {
        "epochs_done": log.value(r"^Start Training <i> Epoch\.\.0%.*success"),
        "metrics": {"BEST_ACC": {"*": or_silent(*percent(log.last(r"BEST_ACC: <n>%")[1]))}},
    }


def nemo_bars(log):
    at = log.last(r"^ *Epoch <i>: +\d+%\|[^|]*\| <i>/<i> \[")
    epoch, batch, batches = (number(at[i]) for i in (1, 2, 3))
    return {"epochs_done": epoch, "step": or_silent(epoch * batches + batch), "steps": "any"}


def epoch_bar_colon(log):
    at = log.last(r"^Epoch <i>: Train Loss = <n>, Val Loss = <n>, LR = <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(500),
        "step": or_silent(number(at[1])),
        "steps": "any",
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "lr": number(at[4]),
    }


def protocols(log):
    return {
        "epochs_done": log.value(r"^\[INFO\] epoch <i>"),
        "step": or_silent(log.value(r"^\[INFO\] epoch <i>") * 3517 + 70),
        "steps": "any",
        "metrics": {
            "MPJPE|Protocol #1 Error|Protocol #1 Error (MPJPE)": {"*": or_silent(log.value(r"\(MPJPE\): <n>"))}
        },
    }


def ultralytics_terminal(log):
    at = log.last(r"^ +<i>/<i> +<n>G +<n> +<n> +<n> +<i> +640: 100% \S+ <i>/\d+")
    scores = log.last(r"^ +all +\d+ +\d+ +<n> +<n> +<n> +<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "step": or_silent(number(at[1]) * number(at[8])),
        "steps": "any",
        "loss": parts(at, 4, 6),
        "metrics": {"mAP50": {"*": or_silent(number(scores[3]))}},
    }


def mindspore_ranks(log):
    """Eight processes write: any of their last losses."""
    every = log.every(r"^epoch: <i> step: <i>, loss is <n>")
    at = every[-1]
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(number(at[1]) * number(at[2])),
        "loss": [number(each[3]) for each in every[-8:]],
    }


def batch_then_epoch(log):
    at = log.last(r"^Epoch <i>: Train F1=<n>, Val F1=<n>, Val Acc=<n>, Val AUC=<n>")
    batch = log.last(r"^  Epoch <i>, Batch <i>/<i>, Loss: <n>")
    epoch, done, batches = (number(batch[i]) for i in (1, 2, 3))
    before = (epoch - 1) * batches
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(before + done, before + done + 1, before + batches),
        "steps": "any",
        "loss": number(batch[4]),
        "metrics": {
            "F1": {"train": number(at[2]), "val": number(at[3])},
            "Acc": {"val": number(at[4])},
            "AUC": {"val": number(at[5])},
        },
    }


def short_names(log):
    at = log.last(r"^epoch +<i>  loss_t  <n>  loss_v  <n>  loss_min  <n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "loss": or_silent(number(at[2])),
        "val_loss": or_silent(number(at[3])),
    }


def reward_json(log):
    at = rows_of(log)[-1]
    return {
        "step": at["step"],
        "loss": at["loss"],
        "metrics": {"mean_reward": {"*": at["mean_reward"]}, "accuracy": {"*": at["accuracy"]}},
    }


def test_lines(log):
    return {
        "epochs_done": log.value(r"^Epoch <i> test loss") + 1,
        "step": or_silent(20 * 157),
        "steps": "any",
        "loss": log.value(r"^Epoch \d+ training loss: <n>"),
        "val_loss": log.value(r"^Epoch \d+ test loss: <n>"),
        "metrics": {
            "acc": {
                "train": log.value(r"^Epoch \d+ training acc : <n>"),
                "test": log.value(r"^Epoch \d+ test acc : <n>"),
            }
        },
    }


def epoch_iter_colon(log):
    at = log.last(r"\[Train\] epoch:<i>, lr:<n>, data:<n>, PDE:<n>, phys:<n>, total:<n>")
    return {
        "epochs_done": number(at[1]),
        "lr": number(at[2]),
        "loss": or_silent(number(at[6])),
        "metrics": {"MSE": {"val": log.value(r"\[Valid\] epoch:\d+, MSE: <n>")}},
    }


def tr_loss(log):
    at = log.last(r"^epoch: <i>, iter: <i>, lr=<n>, spent .*, tr_loss: <n>")
    return {
        "epochs_done": number(at[1]) - 1,
        "step": number(at[2]),
        "lr": number(at[3]),
        "loss": number(at[4]),
        "metrics": {"acc": {"test": or_silent(*percent(log.last(r"^test acc: <n>%")[1]))}},
    }


def split_brackets(log):
    at = log.last(r"\[ Valid \| <i>/<i> \] loss = <n>, acc = <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "step": or_silent(13200),
        "steps": "any",
        "val_loss": number(at[3]),
        "metrics": {"acc|accuracy": {"val|*": or_silent(number(at[4]), 1.0)}},
    }


def avvp(log):
    losses = r"\s+".join(f"Loss{i}: <n>" for i in range(1, 7))
    at = log.last(rf"^Train Epoch: <i> \[<i>/<i> \(<n>%\)\]\s+{losses}")
    return {
        "epochs_done": [number(at[1]) - 1, number(at[1]), None],
        "loss": parts(at, 5, 10),
        "metrics": {"Event-level Type@Avg. F1": {"*": or_silent(log.value(r"^Event-level Type@Avg. F1: <n>"))}},
    }


def hr_ndcg_equals(log):
    at = log.last(r"^Epoch +<i>/<i>  loss=<n>  time=[\d.]+s  HR@10: <n>  HR@20: <n>  NDCG@10: <n>")
    tested = log.last(r"^\[TEST\] HR@10: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "metrics": {"HR@10": {"*": [number(at[4]), number(tested[1])]}},
    }


FORMATS = {f"nine-{name.__name__.replace('_', '-')}": name for name in (
    hf_strings, stylegan_ticks, tab_spaced_names, detr_json, training_at_epoch, per_event, rich_lightning,
    reid_arrows, stars_epoch, global_step_return, episode_json, joeynmt_validations, joeynmt, contrastive,
    self_play_json, epoch_quote, pretrain_sets, ft_ep, paddle_brackets, dreamer_json, hydra_pinn, glued_braces,
    two_columns, csv_three, word_language_model, ordinal_batch, keras_heads, pinn_pipes, nanogpt_spaced, maml,
    steps_episodes, episode_line, dots, nemo_bars, epoch_bar_colon, protocols, ultralytics_terminal, mindspore_ranks,
    batch_then_epoch, short_names, reward_json, test_lines, epoch_iter_colon, tr_loss, split_brackets, avvp,
    hr_ndcg_equals,
)}  # fmt: skip
