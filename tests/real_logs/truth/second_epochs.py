"""Loops of one report per epoch or two, as the second list has them: each repository its own words."""

from .reading import NUM, number, or_silent, percent


def counted(log, pattern, flags=0):
    """Epochs done by a number printed at each epoch's end: of the last fit, of all fits, counted from 0 or from 1."""
    every = log.every(pattern, flags)
    numbers = [number(each[1]) for each in every]
    done = numbers[-1] + (min(numbers) == 0)
    return [done] if len(set(numbers)) == len(numbers) else [done, len(numbers)]


def loss_comma(log):
    at = log.last(r"^Epoch <i>, loss <n>, train accuracy: <n>%")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "metrics": {
            "accuracy": {"train": percent(at[3]), "val": percent(log.last(r"^Validation accuracy: <n>%")[1])},
        },
    }


def mse_epoch(log):
    # The error is a mean square; the gate's penalty is the only figure called a loss.
    at = log.last(r"^Epoch <i> \| Train MSE: <n> \| Gate Loss: <n> \| Val MSE: <n>")
    return {
        "epochs_done": number(at[1]),
        "loss": or_silent(number(at[2])),
        "val_loss": or_silent(number(at[4])),
        "metrics": {"MSE": {"val": or_silent(number(at[4]))}},
    }


def epoch_hash(log):
    # Two fits: an encoder, whose epochs count from 0, and a head, whose epochs are told with their total.
    encoder = log.last(r"Epoch #<i>: train_loss=<n>, val_loss=<n>")
    head = log.last(r"^Epoch <i>/<i>: train_loss=<n>, val_loss=<n>")
    return {
        "epochs_done": [number(head[1]), number(encoder[1]) + 1 + number(head[1])],
        "epochs": or_silent(number(head[2])),
        "loss": number(head[3]),
        "val_loss": number(head[4]),
    }


def gan_epoch(log):
    at = log.last(r"^Epoch <i>/<i> - Loss Discriminator: <n>, Loss Encoder: <n>, Loss Decoder: <n>")
    return {
        "epochs_done": number(at[1]),
        "epochs": or_silent(number(at[2])),
        "loss": or_silent(*(number(at[i]) for i in (3, 4, 5))),
    }


def paddle_epoch(log):
    # The same words for both splits; a line above the second says that it is an evaluation.
    trained = log.every(r"(?<!testing in eval mode……\n)^epoch: <i>,  loss is: <n>, acc is: <n>")[-1]
    tested = log.last(r"^testing in eval mode.*\nepoch: <i>,  loss is: <n>, acc is: <n>")
    first = number(log.every(r"^epoch: <i>,")[0][1])
    return {
        "epochs_done": number(trained[1]) + (first == 0),
        "loss": number(trained[2]),
        "val_loss": or_silent(number(tested[2])),
        "metrics": {"acc|accuracy": {"*": or_silent(number(trained[3]), number(tested[3]))}},
    }


def loss_equals(log):
    at = log.last(r"Epoch <i>: Train Loss=<n>, Val Loss=<n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2]), "val_loss": number(at[3])}


def recommender(log):
    # Two domains in turns, each with its loss; many attempts in one log.
    at = log.last(r"Epoch: <i> avg_loss_(?:tgt|src): <n>")
    return {"epochs_done": number(at[1]) + 1, "loss": or_silent(number(at[2]))}


def folds(log):
    at = log.last(r"Epoch <i>: Train Loss: <n>, Val Loss: <n>")
    return {
        "epochs_done": counted(log, r"Epoch <i>: Train Loss"),
        "loss": number(at[2]),
        "val_loss": number(at[3]),
    }


def epoch_brackets(log):
    at = log.last(r"Epoch \[<i>/<i>\], Train Loss: <n>, Train Acc: <n>, Val Loss: <n>, Val Acc: <n>")
    return {
        "epochs_done": counted(log, r"Epoch \[<i>/\d+\], Train Loss"),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[5]),
        "metrics": {"acc|accuracy": {"train": number(at[4]), "val": number(at[6])}},
    }


def epoch_head(log):
    head = log.last(r"INFO - Epoch <i>/<i>$")
    trained = log.last(r"Train Loss: <n>, Train Acc: <n>%")
    validated = log.last(r"Val Loss: <n>, Val Acc: <n>%")
    return {
        "epochs_done": [*counted(log, r"INFO - Epoch <i>/\d+$"), len(log.every(r"Val Loss: <n>"))],
        "epochs": or_silent(number(head[2])),
        "loss": number(trained[1]),
        "val_loss": number(validated[1]),
        "metrics": {"acc|accuracy": {"train": percent(trained[2]), "val": percent(validated[2])}},
    }


def angle_brackets(log):
    at = log.last(r"^<epoch: *<i>, lr:<n>> loss: <n>")
    return {
        "epochs_done": number(at[1]),
        "lr": number(at[2]),
        "loss": number(at[3]),
        "metrics": {"PSNR": {"*": or_silent(log.value(r"Average PSNR : <n>dB"))}},
    }


def train_test_epoch(log):
    at = log.last(r"Train Epoch <i> --- train loss : <n> --- train accuracy:<n>")
    tested = log.last(r"Test Epoch <i> --- test loss : <n> --- test accuracy:<n>")
    return {
        "epochs_done": number(at[1]),
        "loss": number(at[2]),
        "val_loss": or_silent(number(tested[2])),
        "metrics": {"accuracy": {"train": number(at[3]), "test": or_silent(number(tested[3]))}},
    }


def average_loss(log):
    at = log.last(r"Epoch: <i>, Avg_loss: <n>, Duration: <n>s(?:, Average_precission: <n>)?")
    return {
        "epochs_done": counted(log, r"Epoch: <i>, Avg_loss"),
        "loss": number(at[2]),
        "metrics": {"precission|average_precission": {"*": or_silent(number(at[4]))}},
    }


def gan_average(log):
    at = log.last(r"Epoch <i> Average Loss_G: <n>, Loss_D: <n>")
    return {"epochs_done": number(at[1]), "loss": or_silent(number(at[2]), number(at[3]))}


def epoch_sums(log):
    # Each loss as a sum and as a mean.
    at = log.last(
        r"Epoch \[<i>/<i>\] - Training Loss: <n> - Average Training Loss: <n>"
        r" - Validation Loss: <n> - Average Validation Loss: <n>"
    )
    batches = number(log.last(r"^Train Batch \d+/<i>")[1])
    done = counted(log, r"Epoch \[<i>/\d+\] - Training Loss")
    return {
        "epochs_done": done,
        "epochs": or_silent(number(at[2])),
        "loss": [number(at[3]), number(at[4])],
        "val_loss": [number(at[5]), number(at[6])],
        "step": or_silent(*(each * batches for each in done)),
    }


def epoch_in_out(log):
    # An epoch within an epoch.
    at = log.last(r"epoch_out: <i>, epoch_in: <i>, loss: <n>")
    return {"epochs_done": "any", "step": [None, number(at[2])], "loss": number(at[3])}


def epoch_percent(log):
    at = log.last(r"\[Epoch +<i>\] Loss: <n> Acc: <n>%")
    return {
        "epochs_done": or_silent(number(at[1]) - 1, number(at[1])),
        "loss": number(at[2]),
        "lr": log.value(r"Current learning rate is: <n>"),
        "metrics": {"acc|accuracy": {"*": percent(at[3])}},
    }


def evaluation_epoch(log):
    at = log.last(r"root:Epoch <i> - Average Loss: <n>, Average Accuracy: <n>")
    tested = log.last(r"Evaluation Epoch <i> - Average Loss: <n>, Average Accuracy: <n>")
    return {
        "epochs_done": counted(log, r"Evaluation Epoch <i> -"),
        "loss": number(at[2]),
        "val_loss": number(tested[2]),
        "metrics": {"accuracy|average accuracy": {"train": or_silent(number(at[3])), "val": number(tested[3])}},
    }


def fasttext(log):
    at = log.last(r"Epoch <i>/<i>, Train Loss: <n>")
    return {
        "epochs_done": counted(log, r"Epoch <i>/\d+, Train Loss"),
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
    }


def reid(log):
    head = log.last(r"^Epoch <i>/<i>$")
    at = log.last(r"^train Loss: <n> Reg: <n> Acc: <n>")
    return {
        "epochs_done": number(head[1]) + 1,
        "epochs": or_silent(number(head[2]), number(head[2]) + 1),
        "loss": number(at[1]),
        "metrics": {"acc|accuracy": {"train": number(at[3])}},
    }


def datasets(log):
    # No loss, only one figure for each of five data sets.
    return {"epochs_done": counted(log, r"epoch: <i>, dataset: ETIS")}


def keras_then_own(log):
    # Several fits, first by Keras and in the end by an own loop.
    at = log.last(rf"^Epoch (\d+)/(\d+) \| Train Loss=({NUM}), Val Loss=({NUM}) \| Train Acc=({NUM}), Val Acc=({NUM})")
    return {
        "epochs_done": [number(at[1]), len(log.every(r"^Epoch <i>/<i>")), None],
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "val_loss": number(at[4]),
        "step": [None, *(34 * each for each in range(1, 300))],
        "metrics": {"acc|accuracy": {"train": number(at[5]), "val": number(at[6])}},
    }


FORMATS = {
    "own-loss-comma": loss_comma,
    "own-mse-epoch": mse_epoch,
    "own-epoch-hash": epoch_hash,
    "own-gan-epoch": gan_epoch,
    "paddle-own-epoch": paddle_epoch,
    "own-loss-equals": loss_equals,
    "own-recsys": recommender,
    "own-folds": folds,
    "own-epoch-brackets": epoch_brackets,
    "own-epoch-head": epoch_head,
    "own-angle-brackets": angle_brackets,
    "own-train-test-epoch": train_test_epoch,
    "own-avg-loss-epoch": average_loss,
    "own-gan-average": gan_average,
    "own-epoch-sums": epoch_sums,
    "own-epoch-in-out": epoch_in_out,
    "own-epoch-percent": epoch_percent,
    "own-evaluation-epoch": evaluation_epoch,
    "own-fasttext": fasttext,
    "own-reid": reid,
    "own-datasets": datasets,
    "keras-then-own": keras_then_own,
}
