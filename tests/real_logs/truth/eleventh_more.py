"""Formats of the eleventh list: trainers that many use, and more loops."""

from .reading import number, or_silent, percent


def paddle_seg_and_iou(log):
    at = log.last(r"\[TRAIN\] epoch: <i>, iter: <i>/<i>, loss: <n>, lr: <n>, batch_cost")
    return {
        "epochs_done": or_silent(number(at[1]) - 1, number(at[1])),
        "step": number(at[2]),
        "steps": number(at[3]),
        "loss": number(at[4]),
        "lr": number(at[5]),
        "metrics": {"mIoU": {"val": log.value(r"\[EVAL\] #Images: \d+ mIoU: <n>")}},
    }


def caffe_lenet(log):
    return {
        "step": log.value(r"Iteration <i>, loss = "),
        "loss": log.value(r"Iteration \d+, loss = <n>"),
        "val_loss": log.value(r"Test net output #1: loss = <n>"),
        "lr": log.value(r"Iteration \d+, lr = <n>"),
        "metrics": {"accuracy": {"test|val": log.value(r"Test net output #0: accuracy = <n>")}},
    }


def keras_of_samples(log):
    at = log.last(r"^<i>/<i> \[=+\] - .* - loss: <n> - acc: <n> - val_loss: <n> - val_acc: <n>")
    epochs = log.value(r"^Epoch <i>/\d+")
    return {
        "epochs_done": epochs,
        "step": or_silent(epochs * number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"acc": {"train|*": number(at[4]), "val": number(at[6])}},
    }


def keras_without_validation(log):
    at = log.last(r"^<i>/<i> \[=+\] - .* - loss: <n> - acc: <n>")
    epochs = log.value(r"^Epoch <i>/\d+")
    return {
        "epochs_done": epochs,
        "step": or_silent(epochs * number(at[2])),
        "loss": number(at[3]),
        "metrics": {"acc": {"train|*": number(at[4])}},
    }


def keras_of_masks(log):
    at = log.last(r"^<i>/<i> \[=+\] - .* - loss: <n> - dice_coef: <n> - val_loss: <n> - val_dice_coef: <n>")
    epochs = log.value(r"^Epoch <i>/\d+")
    return {
        "epochs_done": epochs,
        "step": or_silent(epochs * number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "lr": or_silent(log.value(r"^learning rate: <n>")),
        "metrics": {"dice_coef": {"train|*": number(at[4]), "val": number(at[6])}},
    }


def keras_stopped_early(log):
    at = log.last(r"^ ?(?:\d+/<i> \[=+\])? ?- \d+s.*- loss: <n> - val_loss: <n>")
    epochs = log.value(r"^Epoch <i>/\d+")
    rates = log.value(r"reducing learning rate to <n>")
    return {
        "epochs_done": epochs,
        "step": or_silent(*([] if at[1] is None else [epochs * number(at[1])])),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "lr": or_silent(rates),
    }


def keras_with_rates(log):
    at = log.last(r"^<i>/<i> \[=+\] - .* - loss: <n> - accuracy: <n> - val_loss: <n> - val_accuracy: <n> - lr: <n>")
    epochs = log.value(r"^Epoch <i>/100")
    return {
        "epochs_done": epochs,
        "epochs": 100,
        "step": or_silent(epochs * number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "lr": number(at[7]),
        "metrics": {"accuracy": {"train|*": number(at[4]), "val": number(at[6])}},
    }


def gluon_nlp(log):
    at = log.last(r"\[Epoch <i> Batch <i>/<i>\] loss=<n>, lr=<n>, metrics:accuracy:<n>")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    return {
        "epochs_done": or_silent(epoch - 1, epoch),
        "step": or_silent((epoch - 1) * batches + batch, 1500),
        "loss": number(at[4]),
        "val_loss": or_silent(log.value(r" \[Batch \d+/\d+\] loss=<n>")),
        "lr": number(at[5]),
        "metrics": {"accuracy": {
            "train": number(at[6]),
            "val": or_silent(*(log.value(rf"{v}alidation metrics:accuracy:<n>") for v in "vV")),
        }},
    }  # fmt: skip


def nano_gpt(log):
    at, held = log.last(r"^iter <i>: loss <n>, time"), log.last(r"^step <i>: train loss <n>, val loss <n>")
    return {
        "step": number(at[1]),
        "loss": [number(at[2]), number(held[2])],
        "val_loss": number(held[3]),
        "lr": "any",
    }


def allen_nlp(log):
    epoch = log.value(r"trainer - Epoch <i>/\d+")
    both = r" +\| +<n> +\| +<n>"
    loss, acc = log.last(r"- loss" + both), log.last(r"- accuracy" + both)
    return {
        "epochs_done": or_silent(epoch, epoch + 1),
        "loss": number(loss[1]),
        "val_loss": number(loss[2]),
        "lr": "any",
        "metrics": {"accuracy": {"train": number(acc[1]), "val": number(acc[2])}},
    }


def joey_two(log):
    at = log.last(r"Epoch +<i>, Step: +<i>, Batch Loss: +<n>, Batch Acc: <n>, .*Lr: <n>")
    held = log.last(r"Evaluation result \(greedy\) .*?loss: +<n>, ppl: +<n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) - 1),
        "step": number(at[2]),
        "loss": number(at[3]),
        "lr": number(at[5]),
        "val_loss": or_silent(number(held[1])),
    }


def joey_one(log):
    at = log.last(r"Epoch +<i>, Step: +<i>, Batch Loss: +<n>, .*Lr: <n>")
    held = log.last(r"Validation result \(greedy\) at epoch +\d+, step +\d+: bleu: +<n>, loss: +<n>, ppl: +<n>")
    return {
        "epochs_done": log.value(r"Training ended after +<i> epochs"),
        "step": number(at[2]),
        "loss": number(at[3]),
        "lr": number(at[4]),
        "val_loss": number(held[2]),
        "metrics": {"ppl": {"val|*": [number(held[3]), log.value(r"at step +\d+: +<n> ppl")]}},
    }


def losses_by_optimizer(log):
    return {
        "epochs_done": or_silent(0, 1),
        "step": or_silent(465, 469),
        "loss": log.value(r"^Train loss: <n>"),
        "val_loss": or_silent(log.value(r"^Test loss: <n>")),
        "lr": "any",
    }


def chinese_batches(log):
    at = log.last(r"】 epoch:<i> <i>/<i> loss:<n>")
    epoch, batch = number(at[1]), number(at[2])
    first = log.last(r"】 epoch:0 ")[0] is None
    held = log.value(r"\[eval\] loss:<n>")
    return {
        "epochs_done": or_silent(epoch, *([epoch - 1] if first else [epoch + 1])),
        # The batches are counted over all epochs, as an epoch's first one shows.
        "step": or_silent(batch, batch + 1),
        "loss": number(at[4]),
        **({} if held is None else {"val_loss": held}),
    }


def four_columns_of_words(log):
    at = log.last(r"epoch +<i>/<i> +train_loss <n> +train_acc <n> +val_loss <n> +val_acc <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"acc": {"train": number(at[4]), "val": number(at[6])}},
    }


def history_afterwards(log):
    at = log.last(r"step <i> +epoch <n> +train_loss <n> +lr <n>")
    held = log.last(r"epoch <n> +val_loss <n> +val_acc <n>")
    return {
        "epochs_done": int(number(held[1])),
        "step": number(at[1]),
        "loss": number(at[3]),
        "lr": number(at[4]),
        "val_loss": number(held[2]),
        "metrics": {"acc": {"val": number(held[3])}},
    }


def results_in_a_dict(log):
    at = log.last(r"'eval_loss': <n>, 'eval_accuracy': <n>")
    return {"epochs_done": [2, None], "val_loss": number(at[1]), "metrics": {"accuracy": {"val": number(at[2])}}}


def epoch_slash_iter(log):
    at = log.last(r"^\[Epoch/iter\]: \[<i>/<i>\], loss: <n>, accuracy: <n>")
    over = log.last(r"end of epoch: <i>, lr: <n>, val_loss: <n>, val_acc: <n>")
    return {
        "epochs_done": number(over[1]) + 1,
        "step": or_silent(),
        "loss": number(at[3]),
        "lr": number(over[2]),
        "val_loss": number(over[3]),
        "metrics": {"acc": {"val": number(over[4])}, "accuracy|acc": {"train|*": or_silent(number(at[4]))}},
    }


def train_dash_epoch(log):
    at = log.last(r"^Train - Epoch <i>, Batch: <i>, Loss: <n>")
    over = log.last(r"^Test Avg\. Loss: <n>, Accuracy: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) - 1),
        "step": or_silent(),
        "loss": number(at[3]),
        "val_loss": or_silent(number(over[1])),
        "metrics": {"Accuracy": {"test|*": number(over[2])}},
    }


def eval_beside(log):
    at = log.last(r"^Epoch <i>, Loss: <n>")
    held = log.last(r"^Epoch <i>, Eval Loss: <n>, Eval Accuracy: <n>")
    return {
        "epochs_done": number(held[1]),
        "loss": number(at[2]),
        "val_loss": number(held[2]),
        "lr": "any",
        "metrics": {"Accuracy": {"val": number(held[3])}},
    }


def meters(log):
    at = log.last(r"Epoch: \[<i>\]\[<i>/<i>\].*Loss <n> \(<n>\)")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    held = log.last(r"^Validation Loss <n> \(<n>\)")
    done = epoch * batches + batch
    return {
        "epochs_done": epoch,
        "step": or_silent(done, done + 1, log.value(r"^Step num: <i>")),
        "loss": [number(at[4]), number(at[5])],
        "val_loss": [number(held[1]), number(held[2])],
        "lr": or_silent(log.value(r"^Learning rate: <n>")),
    }


def learner(log):
    at = log.last(r"value loss: <n>, policy gradient loss: <n>, entropy: <n>")
    return {
        "step": or_silent(2000),
        "metrics": {"value loss": {"*": number(at[1])}, "entropy": {"*": number(at[3])}},
    }


def encoder_and_decoder(log):
    at = log.last(r"Epoch: <i>, Iteration: <i>, Encoder Loss: <n>, Decoder Loss: <n>, Learning Rate: <n>")
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(number(at[2])),
        "lr": number(at[5]),
        "metrics": {"Encoder Loss": {"*": number(at[3])}, "Decoder Loss": {"*": number(at[4])}},
    }


def valid_among_debugging(log):
    at = log.last(r"Epoch: <i>, \t Iter: <i>/<i>, \t Loss: <n>, \t Acc: <n> , \t lr: <n>")
    held = log.last(r"Epoch: <i>, \t Valid, Loss: <n>, \t Acc: <n> ")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    return {
        "epochs_done": epoch,
        "step": or_silent((epoch - 1) * batches + batch, epoch * batches),
        "loss": number(at[4]),
        "val_loss": [number(held[2]), log.value(r"valid loss: <n>")],
        "lr": number(at[6]),
        "metrics": {"Acc": {"train|*": percent(at[5]), "val": [*percent(held[3]), 48.4, 0.484]}},
    }


def detr_in_paddle(log):
    at = log.last(r"^Epoch: \[<i>\] +\[ *<i>/<i>\] .*?lr: <n> .*?loss: <n> \(<n>\)")
    over = log.last(r"^Averaged stats: .*?loss: <n> \(<n>\)")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    return {
        "epochs_done": epoch + 1,
        "step": or_silent(epoch * batches + batch, epoch * batches + batch + 1),
        "loss": [number(at[5]), number(at[6])],
        "val_loss": or_silent(number(over[1]), number(over[2]), log.value(r"^Test: .* loss: <n> \(")),
        "lr": number(at[4]),
    }


def contrastive_epochs(log):
    at = log.last(r"^\[Epoch <i>/<i>\] Loss: <n>  LR: <n>")
    return {"epochs_done": number(at[1]), "epochs": number(at[2]), "loss": number(at[3]), "lr": number(at[4])}


def experiments_in_turn(log):
    at = log.last(r"\[Epoch <i>/<i>\] Loss: <n>  Acc: <n>  LR: <n>")
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(79 * number(at[1])),
        "loss": number(at[3]),
        "lr": number(at[5]),
        "metrics": {"Acc": {"train|*": number(at[4])}},
    }


def pair_in_brackets(log):
    at = log.last(r"^\[<i>, +<i>\] train_loss: <n>  test_accuracy: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) - 1),
        "step": or_silent(),
        "loss": number(at[3]),
        "lr": "any",
        "metrics": {"accuracy": {"test": number(at[4])}},
    }


def two_gans_at_once(log):
    at = log.last(r"Epoch: \[ *<i>\] \[ *<i>/<i>\] time: <n>, dis_loss: <n>, gen_loss: <n>")
    return {
        "epochs_done": "any",
        "step": "any",
        "metrics": {"gen_loss|gen": {"*": number(at[6])}, "dis_loss|dis": {"*": number(at[5])}},
    }


def verl_step(log):
    return {
        "step": or_silent(1, 2),
        "epochs_done": or_silent(0),
        "grad_norm": log.value(r"actor/grad_norm:<n>"),
        "lr": or_silent(log.value(r"actor/lr:<n>")),
        "metrics": {"critic/score/mean|score/mean|score": {"*": or_silent(log.value(r"critic/score/mean:<n>"))}},
    }


def chinese_headings(log):
    at = log.last(r"Epoch +<i>/<i> \| Loss: <n> \| Train Acc: <n> \| Val Acc: <n> \| LR: <n> \|")
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "loss": number(at[3]),
        "lr": number(at[6]),
        "metrics": {"Acc": {"train": number(at[4]), "val": number(at[5])}},
    }


def epoch_id(log):
    at = log.last(r"^Epoch id:<i>\tTraining steps:<i>\tAvg loss:<n>\tperplexity:<n>")
    return {
        "epochs_done": or_silent(0, 1),
        "step": number(at[2]),
        "loss": number(at[3]),
        "metrics": {"perplexity": {"*": number(at[4])}},
    }


def every_five_hundred(log):
    at = log.last(r"^Epoch <i>: Training loss: <n>")
    over = log.last(r"^Test set: Average loss: <n>, Accuracy: <n>")
    return {
        "epochs_done": or_silent(number(at[1]), number(at[1]) + 1, 10000),
        "loss": number(at[2]),
        "val_loss": or_silent(number(over[1])),
        "lr": "any",
        "metrics": {"Accuracy": {"test|*": number(over[2])}},
    }


def examples_of_torch(log):
    at = log.last(r"^Train Epoch: <i> \[<i>/<i> \(\d+%\)\]\tLoss: <n>")
    over = log.last(r"^Test set: Average loss: <n>, Accuracy: <i>/<i> \(<n>%\)")
    share = number(over[2]) / number(over[3])
    return {
        "epochs_done": number(at[1]),
        "step": "any",
        "loss": number(at[4]),
        "val_loss": number(over[1]),
        "metrics": {"Accuracy": {"test|val": [*percent(over[4]), round(share, 6), round(100 * share, 4)]}},
    }


def knowledge_graph(log):
    return {
        "step": [log.value(r"Training average loss at step <i>:"), log.value(r"Test MRR at step <i>:")],
        "loss": log.value(r"Training average loss at step \d+: <n>"),
        "lr": "any",
        "metrics": {"MRR": {
            "val": log.value(r"Valid MRR at step \d+: <n>"), "test": log.value(r"Test MRR at step \d+: <n>")
        }},
    }  # fmt: skip


def stars_and_dashes(log):
    return {
        "epochs_done": log.value(r"^\*\*\*\* EPOCH <i> \*\*\*\*"),
        "step": or_silent(),
        "loss": log.value(r"^(?:batch|mean) loss: <n>"),
        "val_loss": log.value(r"^eval mean loss: <n>"),
        "lr": "any",
        "metrics": {"RECALL": {"*": or_silent(log.value(r"^EVAL RECALL: <n>"))}},
    }


def parser_batches(log):
    at = log.last(r"^epoch <i> batch <i>/<i> processed <i> batch-loss <n> grad-norm <n> ")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    return {
        "epochs_done": epoch - 1,
        "step": or_silent((epoch - 1) * batches + batch),
        "loss": number(at[5]),
        "grad_norm": number(at[6]),
        "lr": "any",
    }


def current_and_best(log):
    at = log.last(r" epoch <i> iter +<i>, loss: <n>")
    miou = log.last(r"Current val miou is <n> while the best val miou is <n>")
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(),
        "loss": number(at[3]),
        "val_loss": log.value(r"Current val loss is <n>"),
        "lr": "any",
        "metrics": {"miou": {"val": or_silent(number(miou[1]))}},
    }


def evaluations_of_hf(log):
    at = log.last(r"\{'eval_loss': <n>, .*'epoch': <n>\}")
    return {"epochs_done": int(number(at[2])), "step": or_silent(29), "val_loss": number(at[1])}


def losses_of_hf(log):
    at = log.last(r"\{'loss': <n>, 'learning_rate': <n>, 'epoch': <n>\}")
    return {"epochs_done": int(number(at[3])), "loss": number(at[1]), "lr": number(at[2])}


def glued_and_summed_up(log):
    at = log.last(r"^epoch<i>, iter<i>, loss: <n>")
    over = log.last(r"^epoch <i>, time <n>, train loss <n>, val loss <n>, val acc <n>")
    return {
        "epochs_done": number(over[1]) + 1,
        "step": or_silent(),
        "loss": [number(at[3]), number(over[3])],
        "val_loss": number(over[4]),
    }


def finished_epochs(log):
    return {
        "epochs_done": log.value(r"Finish epoch <i>,") + 1,
        "loss": log.value(r"training Loss: +<n>"),
        "val_loss": log.value(r"Validation Loss: +<n>"),
        "metrics": {"acc": {"val": percent(log.last(r"Validation acc: +<n>")[1])}},
    }


def three_shares(log):
    at = log.last(r"^kimg <i> +accuracy train/valid/test +<n> +<n> +<n>")
    return {
        "epochs_done": "any",
        "step": "any",
        "metrics": {"accuracy": {"train": number(at[2]), "val": number(at[3]), "test": number(at[4])}},
    }


FORMATS = {"eleven-" + parser.__name__.replace("_", "-"): parser for parser in (
    paddle_seg_and_iou, caffe_lenet, keras_of_samples, keras_without_validation, keras_of_masks, keras_stopped_early,
    keras_with_rates, gluon_nlp, nano_gpt, allen_nlp, joey_two, joey_one, losses_by_optimizer, chinese_batches,
    four_columns_of_words, history_afterwards, results_in_a_dict, epoch_slash_iter, train_dash_epoch, eval_beside,
    meters, learner, encoder_and_decoder, valid_among_debugging, detr_in_paddle, contrastive_epochs,
    experiments_in_turn, pair_in_brackets, two_gans_at_once, verl_step, chinese_headings, epoch_id,
    every_five_hundred, examples_of_torch, knowledge_graph, stars_and_dashes, parser_batches, current_and_best,
    evaluations_of_hf, losses_of_hf, glued_and_summed_up, finished_epochs, three_shares,
)}  # fmt: skip
