"""Speech and text: SpeechBrain, Kaldi's nnet1, OpenNMT-py, flair."""

from .reading import number, or_silent


def speechbrain(log):
    # Behind the last epoch stand lines of the test.
    at = log.last(r"^epoch: <i>, lr: <n>,(?: steps: <i>,)?.*?- train loss: <n>.*?- valid loss: <n>", 2)
    names = {"ACC|accuracy": "valid ACC: <n>", "WER": "valid WER: <n>", "error_rate": "valid error_rate: <n>"}
    found = {name: log.value(pattern) for name, pattern in names.items()}
    return {
        "epochs_done": number(at[1]),
        "lr": number(at[2]),
        "step": number(at[3]),
        "loss": number(at[4]),
        "val_loss": number(at[5]),
        "metrics": {name: {"val": value} for name, value in found.items() if value is not None},
    }


def kaldi(log):
    # An iteration of nnet1 is a pass over the data.
    at = log.last(r"^ITERATION <i>: TRAIN AVG.LOSS <n>, \(lrate<n>\), CROSSVAL AVG.LOSS <n>")
    return {
        "step": or_silent(number(at[1])),
        "epochs_done": or_silent(number(at[1])),
        "loss": number(at[2]),
        "lr": or_silent(number(at[3])),
        "val_loss": number(at[4]),
    }


def opennmt(log):
    at = log.last(r"Step +<i>/ *<i>; acc: +<n>; ppl: +<n>; xent: +<n>; lr: +<n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "loss": or_silent(number(at[5])),
        "lr": number(at[6]),
        "metrics": {"accuracy|acc": {"train": number(at[3]), "val": log.value(r"Validation accuracy: <n>")}},
    }


def flair(log):
    ended = log.last(r"EPOCH <i> done: loss <n> - lr <n>")
    batch = log.last(r"epoch <i> - iter <i>/<i> - loss <n>")
    step = (number(batch[1]) - 1) * number(batch[3]) + number(batch[2])
    return {
        "epochs_done": number(ended[1]),
        "loss": number(ended[2]),
        "lr": number(ended[3]),
        "step": or_silent(step, step + 1, number(batch[1]) * number(batch[3])),
        "val_loss": log.value(r"DEV : loss <n>"),
    }


FORMATS = {"speechbrain": speechbrain, "kaldi-nnet1": kaldi, "opennmt-py": opennmt, "flair": flair}
