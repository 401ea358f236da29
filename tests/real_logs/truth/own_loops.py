"""Loops that people wrote themselves: one shape of report per repository, or few."""

from .reading import NUM, number, or_silent, percent


def epoch_line(log):
    # One line an epoch, or two; each repository its own words.
    shapes = (
        rf"\[?Epoch (\d+)/(\d+)\]?(?:,| -|) ?Train Loss: ({NUM})",
        rf"^Epoch (\d+)()(?::)? Train Loss:? ({NUM})",
        rf"^Epoch (\d+)/(\d+) - loss: ({NUM})",
    )
    at = max((log.last(each) for each in shapes), key=lambda m: m.start())
    first = min((m for each in shapes for m in log.every(each)), key=lambda m: m.start())
    val = log.last(r"[Vv]al loss: <n>", 2)
    accuracy = {}
    for split, pattern in (
        ("train", r"Train Acc: <n>(%?)"),
        ("val", r"Val Acc: <n>(%?)"),
        ("test", r"Epoch \d+/\d+, .*Test Acc: <n>(%?)"),
    ):
        found = log.last(pattern)
        if found[1] is not None:
            accuracy[split] = percent(found[1]) if found[2] else number(found[1])
    return {
        "epochs_done": number(at[1]) + (number(first[1]) == 0),
        "epochs": or_silent(number(at[2])) if at[2] else None,
        "loss": number(at[3]),
        "val_loss": number(val[1]),
        "metrics": {"acc|accuracy": accuracy} if accuracy else {},
    }


def epoch_block(log):
    head = log.last(r"Epoch <i>/<i>")
    val = log.last(r"Val Loss: <n>")
    accuracy = log.last(r"Val Acc(?:uracy)?: <n>(%?)")
    return {
        "epochs_done": number(head[1]) - (val.start() < head.start()),
        "epochs": or_silent(number(head[2])),
        "loss": log.value(r"Train Loss: <n>"),
        "val_loss": number(val[1]),
        "metrics": {"acc|accuracy": {"val": percent(accuracy[1]) if accuracy[2] else number(accuracy[1])}},
    }


def step_line(log):
    place = log.last(r"Step <i> (?:loss|eval_acc)")
    return {
        "step": number(place[1]),
        "loss": log.value(r"Step \d+ loss: <n>"),
        "metrics": {"acc|accuracy": {"val": log.value(r"Step \d+ eval_acc: <n>")}},
    }


def average_loss(log):
    at = log.last(r"^\[step <i>\] avg_loss=<n> acc=<n>")
    return {
        "step": number(at[1]),
        "loss": number(at[2]),
        "epochs_done": log.value(r"^==end-of-epoch <i>=="),
        "metrics": {"acc|accuracy": {"*": or_silent(number(at[3]))}},
    }


def ner(log):
    # An iteration is an epoch here: step n/652 starts anew in each.
    at = log.last(r"iteration:<i> step:<i>/<i>, NER loss: *<n>")
    epoch, step, steps = (number(at[i]) for i in range(1, 4))
    return {"step": [(epoch - 1) * steps + step, None], "loss": number(at[4]), "epochs_done": or_silent(epoch - 1)}


def epoch_pair(log):
    at = log.last(r"^Epoch: <i>\| train loss: <n>")
    ended = log.last(r"^Epoch <i>: Val acc is <n>%")
    return {
        "epochs_done": number(ended[1]),
        "loss": number(at[2]),
        "metrics": {"acc|accuracy": {"val": percent(ended[2])}},
    }


def tensorflow_step(log):
    # The last line opens a step whose loss is no longer printed.
    step = log.value(r"^current step: <i>th step")
    return {"step": [step, step - 1], "loss": log.value(r"^batch loss:<n>")}


def bar_fields(log):
    at = log.last(r"^step <i> \| phase \d+ \| loss_G <n> \|.*?\blr <n>")
    return {
        "step": number(at[1]),
        "loss": or_silent(number(at[2])),
        "lr": number(at[3]),
        "val_loss": log.value(r"^Validation loss: <n>"),
    }


def percent_place(log):
    at = log.last(r"\[<n>%\] batch_index=<i> loss=<n>")
    return {"step": or_silent(number(at[2])), "loss": number(at[3])}


def mugs(log):
    # Eighteen attempts in one log, with different numbers of iterations.
    at = log.last(r"<i>-epoch \(<i>/<i>\): total loss <n>,.*? lr <n>")
    step = number(at[1]) * number(at[3]) + number(at[2])
    return {
        "step": [step, step + 1],
        "loss": number(at[4]),
        "lr": number(at[5]),
        "epochs_done": or_silent(number(at[1])),
    }


def validation_each(log):
    at = log.last(r"^epoch : <i> \[<i>/<i>\] Train loss: <n>,Valid loss: <n>,.*? lr : <n>")
    step = number(at[1]) * number(at[3]) + number(at[2])
    return {
        "step": [step, step + 1],
        "loss": number(at[4]),
        "val_loss": number(at[5]),
        "lr": number(at[6]),
        "epochs_done": or_silent(number(at[1])),
    }


def epoch_batches(log):
    at = log.last(r"Epoch <i> - Average Train Loss: <n>")
    return {"epochs_done": number(at[1]), "loss": number(at[2])}


def epoch_total(log):
    at = log.last(r"^epoch=<i>/<i>,total_loss=<n>")
    return {
        "epochs_done": number(at[1]) + 1,
        "epochs": or_silent(number(at[2])),
        "loss": number(at[3]),
        "lr": log.value(r"^lr, <n>"),
    }


def table_line(log):
    epoch = log.last(r"^epoch loss \| +<n> \| +<i> \|")
    return {
        "step": log.value(r"^batch loss \| +\S+ \| +<i> \|"),
        "loss": [number(epoch[1]), log.value(r"^batch loss \| +<n> \|")],
        "epochs_done": or_silent(len(log.every(r"^epoch loss \|"))),
    }


def global_step(log):
    # The discriminator's accuracy and loss stand in brackets in the next line.
    at = log.last(r"^Global Step: +<i>, accuracy: +<n>%, loss = <n>")
    return {
        "step": number(at[1]),
        "loss": number(at[3]),
        "metrics": {"accuracy": {"*": or_silent(*percent(at[2]), *percent(log.last(r"Test-Set: <n>%")[1]))}},
    }


def epoch_bracket(log):
    at = log.last(r"\[seed=\d+ epoch <i>\] loss=<n> acc=<n> f1=<n>")
    return {"loss": number(at[2]), "epochs_done": "any", "metrics": {"f1": {"*": or_silent(number(at[4]))}}}


def csv(log):
    row = [each.split(",") for each in log.lines if each.strip()][-1]
    return {
        "epochs_done": int(row[0]) + 1,
        "loss": float(row[1]),
        "metrics": {"accuracy": {"*": or_silent(float(row[3]))}, "ppl|perplexity": {"*": or_silent(float(row[2]))}},
    }


def iteration_line(log):
    # The last line gives the figures of the best model once more.
    at = log.last(r"Epoch: <i>,\s+Iter: <i>/<i>,\s+Loss: <n>,\s+Acc: <n> ,\s+lr: <n>")
    validated = log.last(r"Epoch: <i>,\s+Valid, Loss: <n>,\s+Acc: <n>")
    epoch, step, steps = (number(at[i]) for i in range(1, 4))
    best = log.last(r"INFO valid loss: <n>,\s+valid acc: <n>")
    return {
        "step": [(epoch - 1) * steps + step, epoch * steps],
        "loss": number(at[4]),
        "lr": number(at[6]),
        "epochs_done": number(validated[1]),
        "val_loss": [number(validated[2]), *([number(best[1])] if best[1] else [])],
        "metrics": {"acc|accuracy": {"val": [number(validated[3]), *([number(best[2])] if best[2] else [])]}},
    }


def speech_commands(log):
    at = log.last(r"Step #<i>: rate <n>, accuracy <n>%, cross entropy <n>")
    return {
        "step": number(at[1]),
        "lr": or_silent(number(at[2])),
        "loss": or_silent(number(at[4])),
        "metrics": {"accuracy": {"val": percent(log.last(r"Validation accuracy = <n>%")[1])}},
    }


FORMATS = {
    "own-csv": csv,
    "own-iter-line": iteration_line,
    "tf-speech-commands": speech_commands,
    "own-epoch-line": epoch_line,
    "own-epoch-block": epoch_block,
    "own-step-line": step_line,
    "own-avg-loss": average_loss,
    "own-ner": ner,
    "own-epoch-pair": epoch_pair,
    "own-tf-step": tensorflow_step,
    "own-bar-fields": bar_fields,
    "own-percent-place": percent_place,
    "mugs": mugs,
    "own-valid-each": validation_each,
    "own-epoch-batch": epoch_batches,
    "own-epoch-total": epoch_total,
    "own-table-line": table_line,
    "own-global-step": global_step,
    "own-epoch-bracket": epoch_bracket,
}
