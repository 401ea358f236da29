"""PaddlePaddle: PaddleGAN, the high-level API, PaddleVideo, PaddleViT, PaddleRec, an own loop."""

from .reading import number, or_silent


def gan(log):
    at = log.last(r"Iter: <i>/<i> lr: <n> loss_pixel: <n>")
    return {
        "step": number(at[1]),
        "steps": or_silent(number(at[2])),
        "lr": number(at[3]),
        "loss": or_silent(number(at[4])),
        "metrics": {
            "psnr": {"*": or_silent(log.value(r"Metric psnr: <n>"))},
            "ssim": {"*": or_silent(log.value(r"Metric ssim: <n>"))},
        },
    }


def high_level(log):
    # Training and evaluation print the same shape; "Eval begin..." parts them.
    epoch = log.last(r"^ *Epoch <i>/<i>$")
    began = log.last(r"Eval begin")
    trained = [each for each in log.every(r"^ *step +<i>/<i> - loss: <n>") if each[2] == "614"][-1]
    tested = [each for each in log.every(r"^ *step +<i>/<i> - loss: <n>") if each[2] == "88"][-1]
    ended = number(trained[1]) == number(trained[2])
    assert tested.start() > began.start()
    done = number(epoch[1]) - 1 + ended
    return {
        "step": or_silent((number(epoch[1]) - 1) * 614 + number(trained[1])),
        "loss": number(trained[3]),
        "val_loss": number(tested[3]),
        "epochs_done": done,
        "epochs": or_silent(number(epoch[2])),
    }


def video(log):
    at = log.last(r"epoch:\[ *<i>/<i> *\] train step:<i> +loss: <n> lr: <n>")
    trained = log.last(r"END epoch:<i> +train loss_avg: <n>")
    tested = log.last(r"END epoch:<i> +val loss_avg: <n> +top1_avg: <n>")
    return {
        "epochs_done": number(tested[1]),
        "epochs": or_silent(number(at[2])),
        "loss": number(trained[2]),
        "lr": number(at[5]),
        "val_loss": number(tested[2]),
        "metrics": {"top1|top1_avg": {"val": or_silent(number(tested[3]))}},
    }


def vit(log):
    at = log.last(r"Epoch\[<i>/<i>\], Step\[<i>/<i>\], Avg Loss: <n>")
    ended = log.last(r"----- Epoch\[<i>/\d+\], Train Loss: <n>, Train Acc: <n>")
    epoch, step, steps = number(at[1]), number(at[3]), number(at[4])
    before = (epoch - 1) * steps
    return {
        "step": or_silent(before + step + 1, before + step, before + steps),
        "loss": number(ended[2]),
        "lr": log.value(r"LR=<n>"),
        "epochs_done": number(ended[1]),
        "epochs": or_silent(number(at[2])),
        "metrics": {"acc|accuracy": {"train": number(ended[3])}},
    }


def rec(log):
    # After the training each epoch's model is scored, in lines of the same words without a loss.
    ended = log.last(r"epoch: <i> done, AUC: <n>,ACC: <n>,loss:<n>")
    return {"epochs_done": number(ended[1]) + 1, "loss": number(ended[4])}


def own_loop(log):
    at = log.last(r"^Epoch <i>, Step <i>, .*avg loss so far is <n>")
    ended = log.last(r"^Epoch <i>, val loss is <n>, val mse is <n>")
    return {
        "epochs_done": number(ended[1]) + 1,
        "loss": number(at[3]),
        "val_loss": number(ended[2]),
        "lr": log.value(r"current lr is <n>"),
        "metrics": {"mse": {"val": or_silent(number(ended[3]))}},
    }


FORMATS = {
    "paddlegan": gan,
    "paddle-hapi": high_level,
    "paddlevideo": video,
    "paddlevit": vit,
    "paddlerec": rec,
    "own-epoch-step": own_loop,
}
