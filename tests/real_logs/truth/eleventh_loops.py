"""Formats of the eleventh list: print statements and loggers of people's own loops."""

from .reading import number, or_silent, percent


def costs_of_captions(log):
    at = log.last(r"^Epoch <i> Update <i> Cost <n> ")
    over = log.last(r"^valid_err <n> valid_perp <n> test_err <n> test_perp <n>")
    return {
        "epochs_done": or_silent(number(at[1]) + 1, number(at[1])),
        "step": number(at[2]),
        "loss": or_silent(number(at[3])),
        "val_loss": or_silent(number(over[1]), log.value(r"^validation loss: <n>")),
    }


def tagged_epochs(log):
    at = log.last(r"^\[\w+\] epoch <i>: train_loss=<n> train_acc=<n> val_acc=<n> val_f1=<n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "loss": number(at[2]),
        "metrics": {"acc": {"train": number(at[3]), "val": number(at[4])}, "f1": {"val": number(at[5])}},
    }


def epochs_from_zero(log):
    at = log.last(r"^epoch <i>: train_loss=<n>, val_loss=<n>")
    return {"epochs_done": number(at[1]) + 1, "loss": number(at[2]), "val_loss": number(at[3])}


def nets_in_turn(log):
    at = log.last(r" : Epoch: <i>, Step: <i>, accuracy: <n>, .*all_loss: <n>, lr:<n>")
    return {
        "epochs_done": or_silent(number(at[1]) - 1, number(at[1])),
        "step": or_silent(number(at[2])),
        "loss": number(at[4]),
        "lr": number(at[5]),
        "metrics": {"accuracy": {"train|*": number(at[3])}},
    }


def runs_in_turn(log):
    at = log.last(r"^epoch=<i>, loss=<n>")
    return {"epochs_done": number(at[1]) + 1, "loss": number(at[2])}


def iterations_after_tensors(log):
    at = log.last(r"^Epoch: +<i> Iter: +<i> Loss: +<n>")
    return {"epochs_done": number(at[1]), "step": or_silent(), "loss": number(at[3])}


def words_and_blanks(log):
    at = log.last(r"^Epoch +<i> Train Loss: +<n> +Validation Loss: +<n>")
    return {"epochs_done": number(at[1]) + 1, "loss": number(at[2]), "val_loss": number(at[3])}


def signal_to_noise(log):
    at = log.last(r"^Epoch <i>/<i>, Train Loss: <n>, Train PSNR: <n>, Val Loss: <n>, Val PSNR: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "step": or_silent(28 * number(at[1])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"PSNR": {"train": number(at[4]), "val": number(at[6])}},
    }


def folds_then_all(log):
    at = log.last(r"\[Ep <i>/<i>\] loss=<n> train_auc=<n> lr=<n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "loss": number(at[3]),
        "lr": number(at[5]),
        "metrics": {"auc": {"train": number(at[4])}},
    }


def epochs_with_times(log):
    at = log.last(r"INFO: Epoch <i>/<i> \| Loss: <n> \| Time: <n>s")
    return {"epochs_done": number(at[1]), "epochs": number(at[2]), "loss": number(at[3])}


def step_and_one_name(log):
    at = log.last(r"^step <i> train_loss <n>")
    return {
        "step": number(at[1]),
        "loss": number(at[2]),
        "val_loss": [log.value(r"^final val_loss <n>"), log.value(r"^step \d+ val_loss <n>")],
    }


def counts_of_samples(log):
    at = log.last(r"INFO\tloss: <n>  accuracy: <n> \[ *<i>/<i>\]")
    held = log.last(r"Val loss: <n> Val accuracy: <n>%")
    return {
        "epochs_done": log.value(r"====> Epoch: <i>") - 1,
        "step": or_silent(),
        "loss": number(at[1]),
        "val_loss": number(held[1]),
        "metrics": {"accuracy": {"train|*": percent(at[2]), "val": percent(held[2])}},
    }


def bars_of_both(log):
    at = log.last(r"Train Epoch <i>: 100%\|.*\| <i>/<i> .*Loss=<n>, Dice=<n>, IoU=<n>, LR=<n>\]")
    held = log.last(r"Val Loss=<n>, Val Dice=<n>, Val IoU=<n>\]")
    epochs = number(at[1]) + 1
    return {
        "epochs_done": epochs,
        "step": or_silent(epochs * number(at[3])),
        "loss": number(at[4]),
        "val_loss": number(held[1]),
        "lr": number(at[7]),
        "metrics": {"Dice": {"train|*": number(at[5]), "val": number(held[2])}},
    }


def words_only(log):
    at = log.last(r"INFO - epoch <i> step <i>/<i> loss <n>")
    epoch, step, steps = (number(at[group]) for group in (1, 2, 3))
    return {
        "epochs_done": epoch,
        "step": or_silent(epoch * steps + step, epoch * steps + step + 1),
        "loss": number(at[4]),
    }


def dice_at(log):
    at = log.last(r"^Epoch: <i> \| Train_loss: <n> \| Val loss: <n> \| val dice: <n> @")
    return {
        "epochs_done": or_silent(number(at[1]) + 1, number(at[1]) - 40, number(at[1])),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
        "lr": "any",
        "metrics": {"dice": {"val": number(at[4])}},
    }


def accuracies_out_of(log):
    at = log.last(r"Training epoch <i> out of <i>")
    return {
        "epochs_done": number(at[1]) + 1,
        "epochs": number(at[2]),
        "metrics": {"accuracy": {
            "train": log.value(r"Training accuracy <n>"), "test": log.value(r"Test accuracy <n>")
        }},
    }  # fmt: skip


def accuracies_on_a_line(log):
    at = log.last(r"^epoch : <i>/<i> - loss = <n>")
    shares = log.last(r"^Accuracy Train:<n>%, Dev:<n>%")
    return {
        "epochs_done": number(at[1]),
        "epochs": number(at[2]),
        "loss": number(at[3]),
        "metrics": {"Accuracy": {"train": percent(shares[1]), "val": percent(shares[2])}},
    }


def batches_then_pixels(log):
    over = log.last(r"^Epoch: <i> PixAcc: <n>, mIoU: <n>")
    return {
        "epochs_done": number(over[1]),
        "step": or_silent(),
        "loss": log.value(r"^Batch \d+, Loss: <n>"),
        "metrics": {"mIoU": {"*": number(over[3])}},
    }


def stages_of_a_graph(log):
    at = log.last(r"^Epoch <i>/<i>, Loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[3]),
        "metrics": {"Accuracy|Final Accuracy|Accuracy on test set|Final Accuracy on test set": {"*": or_silent(
            log.value(r"Final Accuracy on test set: <n>"), log.value(r"^Accuracy on test set: <n>")
        )}},
    }  # fmt: skip


def rounds_of_clients(log):
    at = log.last(r"^Train loss: <n> acc: <n>")
    return {
        "step": or_silent(log.value(r"^Round <i>/\d+")),
        "epochs_done": or_silent(0),
        "loss": number(at[1]),
        "lr": or_silent(0.01),
        "metrics": {"acc": {"train": number(at[2])}},
    }


def padded_batches(log):
    at = log.last(r"TRAIN Epoch <i>/<i>, Mean Loss: <n>, PPL: <n>")
    held = log.last(r"VALID Epoch <i>/<i>, Mean Loss: <n>, PPL: <n>")
    epochs = number(at[1]) + 1
    return {
        "epochs_done": epochs,
        "epochs": number(at[2]),
        "step": or_silent(epochs * 1314),
        "loss": [number(at[3]), log.value(r"TRAIN Batch \d+/1314, Loss +<n>")],
        "val_loss": [number(held[3]), log.value(r"VALID Batch \d+/105, Loss +<n>")],
        "metrics": {"PPL": {"train": number(at[4]), "val": number(held[4])}},
    }


def loss_and_bleu(log):
    at = log.last(r"^Loss: <n>, BLEU: <n>,")
    return {
        "epochs_done": log.value(r"^=== Epoch <i>/\d+ ==="),
        "epochs": 20,
        "loss": number(at[1]),
        "metrics": {"BLEU": {"*": number(at[2])}},
    }


def reconstructions(log):
    at = log.last(r"^#Epoch +<i>: Reconstruct Loss: <n>, Valid Reconstruct Loss: <n>")
    return {
        "epochs_done": [number(at[1]), number(at[1]) + 1],
        "loss": or_silent(number(at[2])),
        "val_loss": or_silent(number(at[3])),
        "lr": or_silent(log.value(r"Switching to learning rate <n>")),
    }


def scores_behind_tabs(log):
    at = log.last(r"Training Batch\[<i>/<i>\].*Class Loss: <n>\D+@Top-1 Score: <n>")
    held = log.last(r"Validation:.*Class Loss: <n>\D+@Top-1 Score: <n>")
    return {
        "epochs_done": log.value(r"^Epoch <i>/\d+") + 1,
        "step": or_silent(15),
        "loss": or_silent(number(at[3])),
        "val_loss": or_silent(number(held[1])),
        "lr": or_silent(log.value(r"^lr: <n>")),
        "metrics": {"Top-1 Score|Top-1": {"train": or_silent(number(at[4])), "val": or_silent(number(held[2]))}},
    }


def iterations_and_times(log):
    at = log.last(r"Iter: +<i>, +Train Loss: +<n>, +Train Acc: +<n>%, +Val Loss: +<n>, +Val Acc: +<n>%, +Time")
    return {
        "epochs_done": or_silent(log.value(r"^Epoch \[<i>/20\]") - 1, log.value(r"^Epoch \[<i>/20\]")),
        "step": number(at[1]),
        "loss": number(at[2]),
        "val_loss": number(at[4]),
        "metrics": {"Acc": {"train": percent(at[3]), "val": percent(at[5])}},
    }


def losses_in_powers(log):
    at = log.last(r"^Epoch: \[<i>\]\[ *<i>/<i>\]\tLoss <n>\t")
    epoch, batch, batches = (number(at[group]) for group in (1, 2, 3))
    return {
        "epochs_done": or_silent(epoch + 1, epoch),
        "step": or_silent(epoch * batches + batch, epoch * batches + batch + 1, (epoch + 1) * batches),
        "loss": number(at[4]),
        "lr": or_silent(log.value(r"^Adjusted learning rate to <n>")),
        "metrics": {"ACC": {"val|test|*": log.value(r"^\{'ACC': <n>")}},
    }


def losses_below(log):
    return {
        "epochs_done": log.value(r"^epoch: <i> +time:") + 1,
        "step": or_silent(log.value(r"it_train_num: <i>")),
        "loss": log.value(r"^train_loss: <n>"),
        "val_loss": log.value(r"val_loss: <n>"),
        "metrics": {"miou|val_miou": {"val": log.value(r"^val_miou <n>")}},
    }


def misspelt_epochs(log):
    over = log.last(r"^epoch: <i> Loss: <n>, Acc:<n>")
    held = log.value(r"val Loss: <n> Acc")
    return {
        "epochs_done": or_silent(number(over[1]) + 1),
        "step": "any",
        "loss": or_silent(number(over[2])),
        "val_loss": or_silent(held, number(over[2])),
    }


def improved_or_not(log):
    at = log.last(r"Epoch \[<i>/<i>\], Train Loss: <n> Validation Loss: <n>")
    return {"epochs_done": number(at[1]), "epochs": number(at[2]), "loss": number(at[3]), "val_loss": number(at[4])}


def values_in_brackets(log):
    at = log.last(r"Epoch: \[<i>\] \[<i>/<i>\] Loss: \[<n>\]")
    return {
        "epochs_done": number(at[1]) - 1,
        "step": or_silent(),
        "loss": number(at[4]),
        "metrics": {"Accuracy": {"test": or_silent(*percent(log.last(r"TEST_SET.*Accuracy: \]?\[<n>\]%")[1]))}},
    }


def validation_on_its_line(log):
    at = log.last(r"^epoch: <i>, mean loss: <n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "loss": number(at[2]),
        "val_loss": log.value(r"^Valid: mean loss: <n>"),
    }


FORMATS = {"eleven-" + parser.__name__.replace("_", "-"): parser for parser in (
    costs_of_captions, tagged_epochs, epochs_from_zero, nets_in_turn, runs_in_turn, iterations_after_tensors,
    words_and_blanks, signal_to_noise, folds_then_all, epochs_with_times, step_and_one_name, counts_of_samples,
    bars_of_both, words_only, dice_at, accuracies_out_of, accuracies_on_a_line, batches_then_pixels,
    stages_of_a_graph, rounds_of_clients, padded_batches, loss_and_bleu, reconstructions, scores_behind_tabs,
    iterations_and_times, losses_in_powers, losses_below, misspelt_epochs, improved_or_not, values_in_brackets,
    validation_on_its_line,
)}  # fmt: skip
