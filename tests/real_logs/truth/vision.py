"""Vision: Caffe, detectron2, DETR and DINO, Swin, YOLO, mm*, nnU-Net, point clouds, ReID, super-resolution."""

import json

from .reading import NUM, number, or_silent


def caffe(log):
    # The loss of an iteration is smoothed; the net's own output stands below it. The test is Caffe's validation.
    place = log.last(r"\] Iteration <i>(?:, loss| \(|, lr|, Testing)")
    step = [number(place[1]), log.value(r"\] Iteration <i>(?:, loss| \()")]
    return {
        "step": step,
        "lr": log.value(r"Iteration \d+, lr = <n>"),
        "loss": [
            log.value(r"Iteration \d+(?: \([^)]*\))?, loss = <n>"),
            log.value(r"Train net output #\d+: loss\w* = <n>"),
        ],
        "val_loss": or_silent(log.value(r"Test net output #\d+: loss\w* = <n>")),
        "metrics": {}
        if (accuracy := log.value(r"Test net output #\d+: accuracy = <n>")) is None
        else {"accuracy": {"val|test": accuracy}},
    }


def detectron2(log):
    at = log.last(r"iter: <i>  .*?\btotal_loss: <n>")
    boxes = log.last(r"copypaste: AP,AP50,AP75.*\n.*copypaste: <n>,<n>,<n>")
    metrics = {"AP": {"*": or_silent(number(boxes[1]))}, "AP50": {"*": or_silent(number(boxes[2]))}} if boxes[1] else {}
    return {"step": number(at[1]), "loss": number(at[2]), "lr": log.value(r"  lr: <n>"), "metrics": metrics}


def metric_logger(log):
    # Each figure is printed as the median of a window and, in brackets, the mean of the epoch.
    at = log.last(rf"^Epoch: \[(\d+)(?:/(\d+))?\] +\[ *(\d+)/(\d+)\].*?\bloss: ({NUM}) \(({NUM})\)")
    epoch, batch, batches = number(at[1]), number(at[3]), number(at[4])
    averaged = [each for each in log.every(rf"^Averaged stats:(.*?)\bloss: ({NUM}) \(({NUM})\)") if "lr:" in each[1]]
    tested = log.last(r"^Test: +\[ *\d+/\d+\].*?\bloss: <n> \(<n>\)")
    losses = [number(at[5]), number(at[6])] + ([number(averaged[-1][2]), number(averaged[-1][3])] if averaged else [])
    if averaged and averaged[-1].start() > at.start():
        losses = [number(averaged[-1][2]), number(averaged[-1][3]), *losses]
    done = epoch + (batch + 1 == batches)
    lr = log.last(rf"^Epoch: .*?\blr: ({NUM})(?: \(({NUM})\))?")
    later = log.last(rf"^Averaged stats: lr: ({NUM})(?: \(({NUM})\))?")
    return {
        "step": [epoch * batches + batch + 1, epoch * batches + batch],
        "loss": losses,
        "epochs_done": done,
        "epochs": or_silent(number(at[2])),
        "lr": [number(each) for m in (lr, later) for each in m.groups() if each],
        "val_loss": or_silent(number(tested[1]), number(tested[2])),
    }


def deit_jsonl(log):
    rows = [json.loads(each) for each in log.lines if each.startswith('{"')]
    last = rows[-1]
    facts = {"loss": last["train_loss"], "lr": last["train_lr"], "val_loss": or_silent(last.get("test_loss"))}
    if "epoch" not in last:
        return facts | {"epochs_done": "any"}
    metrics = {"acc1": {"val|test": or_silent(last["test_acc1"])}} if "test_acc1" in last else {}
    return facts | {"epochs_done": last["epoch"] + 1, "metrics": metrics}


def swin(log):
    at = log.last(
        rf"Train: \[(\d+)/(\d+)\]\[(\d+)/(\d+)\].*?\blr ({NUM}).*?"
        rf"loss ({NUM}) \(({NUM})\)\s+grad_norm ({NUM}) \(({NUM})\)"
    )
    epoch, total, batch, batches = (number(at[i]) for i in range(1, 5))
    tested = log.last(r"Test: \[\d+/\d+\].*?Loss <n> \(<n>\)")
    return {
        "step": [epoch * batches + batch + 1, epoch * batches + batch],
        "epochs_done": epoch,
        "epochs": or_silent(total),
        "lr": number(at[5]),
        "loss": [number(at[6]), number(at[7])],
        "grad_norm": [number(at[8]), number(at[9])],
        "val_loss": or_silent(number(tested[1]), number(tested[2])),
    }


def yolo_results(log):
    # Columns without names: epoch, memory, box, objectness, class, total, ...; who does not guess is right.
    row = [each.split() for each in log.lines if each.strip()][-1]
    epoch, last = map(int, row[0].split("/"))
    return {
        "epochs_done": epoch + 1,
        "epochs": or_silent(last + 1, last),
        "loss": or_silent(float(row[5])),
        "step": None,
    }


def yolo_console(log):
    at = log.last(r"^ *(\d+)/(\d+) +[\d.]+G +<n> +<n> +<n> +<n> +\d+ +\d+: +\d+%\|.*?\| (\d+)/(\d+) \[")
    epoch, batch, batches = number(at[1]), number(at[7]), number(at[8])
    tested = log.last(r"^ +all +\d+ +\d+ +<n> +<n> +<n> +<n>")
    return {
        "step": or_silent(epoch * batches + batch),
        "epochs_done": epoch + (batch == batches),
        "loss": number(at[6]),
        "epochs": or_silent(number(at[2]) + 1, number(at[2])),
        "metrics": {"mAP@.5|mAP50|map_0.5": {"*": or_silent(number(tested[3]))}},
    }


def yolox(log):
    at = log.last(r"epoch: <i>/<i>, iter: <i>/<i>,.*?total_loss: <n>,.*?\blr: <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    done = epoch if log.last("Training of experiment is done").start() > 0 else epoch - 1
    return {
        "step": (epoch - 1) * batches + batch,
        "loss": number(at[5]),
        "lr": number(at[6]),
        "epochs_done": [done, epoch - 1],
        "epochs": or_silent(epochs),
    }


def mmcv(log):
    at = log.last(rf"Epoch \[(\d+)\]\[(\d+)/(\d+)\]\s+(.*?), eta.*, loss: ({NUM})")
    epoch, batch, batches = (number(at[i]) for i in range(1, 4))
    rates = [number(each.split()[-1]) for each in at[4].replace(" lr_", "|lr_").split("|")]
    return {
        "step": (epoch - 1) * batches + batch,
        "loss": number(at[5]),
        "epochs_done": epoch - 1 + (batch == batches),
        "lr": or_silent(*rates),
    }


def mmengine(log):
    at = log.last(r"Epoch\(train\) +\[<i>\]\[ *<i>/<i>\] +lr: <n> .*?\bloss: <n>")
    epoch, batch, batches = (number(at[i]) for i in range(1, 4))
    return {
        "step": (epoch - 1) * batches + batch,
        "lr": number(at[4]),
        "loss": number(at[5]),
        "epochs_done": epoch - 1,
        "metrics": {"accuracy/top1|top1": {"val": or_silent(log.value(r"Epoch\(val\).*accuracy/top1: <n>"))}},
    }


def nnunet(log):
    return {
        "epochs_done": log.value(r": Epoch <i> *$") + 1,
        "loss": log.value(r": train_loss <n>"),
        "val_loss": log.value(r": val_loss <n>"),
        "lr": log.value(r"Current learning rate: <n>"),
    }


def torch_json_stats(log):
    last = json.loads(log.last(r"^json_stats: (\{.*\})")[1])
    return {
        "epochs_done": last["epoch"],
        "epochs": or_silent(last["max_epoch"]),
        "loss": last["loss"],
        "lr": last["learningRate"],
        "metrics": {"acc|accuracy": {"test": or_silent(last["test_acc"])}},
    }


def pointnet_classification(log):
    at = log.last(r"Epoch <i> \(<i>/<i>\)")
    finished = log.last(r"Test Instance Accuracy: <n>, Class Accuracy: <n>")
    done = number(at[2]) - (finished.start() < at.start())
    return {
        "epochs_done": done,
        "epochs": or_silent(number(at[3])),
        "metrics": {"instance accuracy": {"test": or_silent(number(finished[1]))}},
    }


def pointnet_parts(log):
    ended = log.last(r"Epoch <i> test Accuracy: <n>")
    return {
        "epochs_done": number(ended[1]),
        "lr": log.value(r"Learning rate:<n>"),
        "metrics": {
            "accuracy": {"train": or_silent(log.value(r"Train accuracy is: <n>")), "test": or_silent(number(ended[2]))}
        },
    }


def pointnet_scenes(log):
    # One log counts epochs twice, differently, after a resume: "Epoch 33 (36/128)".
    at = log.last(r"\*\*\*\* Epoch <i> \(<i>/<i>\)")
    ended = log.last(r"Eval mean loss: <n>").start() > at.start()
    done = [number(at[1]) - (not ended), number(at[2]) - (not ended)]
    return {
        "epochs_done": done,
        "epochs": or_silent(number(at[3])),
        "loss": log.value(r"Training mean loss: <n>"),
        "val_loss": log.value(r"[Ee]val mean loss: <n>"),
        "lr": log.value(r"Learning rate:<n>"),
        "metrics": {"accuracy|point accuracy": {"val": or_silent(log.value(r"[Ee]val accuracy: <n>"))}},
    }


def dgcnn(log):
    at = log.last(r"^Train <i>, loss: <n>, train acc: <n>, train avg acc: <n>")
    return {
        "epochs_done": or_silent(number(at[1]) + 1),
        "step": or_silent(number(at[1])),
        "loss": number(at[2]),
        "metrics": {"acc|accuracy": {"train": or_silent(number(at[3]))}},
    }


def basicsr(log):
    at = log.last(r"\[epoch: +<i>, iter: +<i>, lr:\(<n>,\)\] l_pix: <n>")
    return {
        "epochs_done": number(at[1]),
        "step": number(at[2]),
        "lr": number(at[3]),
        "loss": or_silent(number(at[4])),
        "metrics": {"psnr": {"*": or_silent(log.value(r"# PSNR: <n>"))}},
    }


def cyclegan(log):
    # Eight losses of two networks, none of them the loss; iterations start anew in each epoch.
    at = log.last(r"^\(epoch: <i>, iters: <i>,")
    return {"epochs_done": or_silent(number(at[1]) - 1)}


def reid(log):
    at = log.last(r"Epoch\[<i>\] Iteration\[<i>/<i>\] Loss: <n>, Acc: <n>, Base Lr: <n>")
    epoch, batch, batches = (number(at[i]) for i in range(1, 4))
    ended = log.value(r"Epoch <i> done")
    return {
        "step": [(epoch - 1) * batches + batch, epoch * batches],
        "loss": number(at[4]),
        "lr": number(at[6]),
        "epochs_done": ended,
        "metrics": {"acc|accuracy": {"*": or_silent(number(at[5]))}},
    }


def st_gcn(log):
    # Runs appended; the last one ended its epoch 0 and began epoch 1.
    began = log.last(r"Training epoch: <i>")
    return {
        "epochs_done": or_silent(number(began[1])),
        "loss": log.value(r"mean_loss: <n>"),
        "lr": log.value(r"\| lr: <n>"),
        "step": or_silent(log.value(r"Iter <i> Done"), log.value(r"Iter <i> Done") + 1),
    }


def imagenet_example(log):
    at = log.last(rf"Epoch: \[(\d+)\]\[(\d+)(?:/(\d+))?\].*?Loss ({NUM}) \(({NUM})\)(?:.*?Lr: ({NUM}))?")
    epoch, batch, batches = number(at[1]), number(at[2]), number(at[3])
    step = None if batches is None else [epoch * batches + batch + 1, epoch * batches + batch]
    rate = log.value(r"learning rate of epoch \d+: <n>") if at[6] is None else number(at[6])
    attempts = len(log.every(r"Epoch: \[0\]\[0[/\]]"))
    return {
        "step": step,
        "loss": [number(at[4]), number(at[5])],
        "lr": rate,
        "epochs_done": [epoch, epoch + 1] if batches is None else epoch if attempts == 1 else "any",
    }


def mnist_example(log):
    # The place is counted in samples; the batches of an epoch are not told.
    at = log.last(r"Train Epoch: <i> \[<i>/<i> \(\d+%\)\]\s+Loss: <n>")
    done = number(at[1]) - (number(at[2]) < number(at[3]))
    return {"epochs_done": done, "loss": number(at[4]), "metrics": {}}


def ssd_pytorch(log):
    # The last line is torn off behind its loss.
    found = log.every(r"^iter <i> \|\| Loss: <n>")
    return {"step": [number(found[-1][1]), number(found[-2][1])], "loss": [number(found[-1][2]), number(found[-2][2])]}


def dsfd(log):
    at = log.last(r"^epoch:<i> \|\| iter:<i> \|\| Loss:<n>")
    return {
        "epochs_done": number(at[1]),
        "step": number(at[2]),
        "loss": number(at[3]),
        "lr": log.value(r"^->>lr:<n>"),
        "val_loss": or_silent(log.value(r"^test epoch:\d+ \|\| Loss:<n>")),
    }


def pytorch_yolov3(log):
    at = log.last(r"^\[Epoch <i>/<i>, Batch <i>/<i>\] \[Losses: .*?\btotal <n>")
    epoch, epochs, batch, batches = (number(at[i]) for i in range(1, 5))
    return {
        "step": [epoch * batches + batch + 1, epoch * batches + batch],
        "loss": number(at[5]),
        "epochs_done": [None, epoch],
        "epochs": or_silent(epochs),
    }


def mindspore(log):
    at = log.last(r"^epoch: <i> step: <i>, loss is <n>")
    accuracy = log.value(r"^epoch: \d+ acc: <n>")
    return {
        "epochs_done": number(at[1]),
        "step": or_silent(number(at[1]) * number(at[2])),
        "loss": number(at[3]),
        "metrics": {"acc|accuracy": {"*": or_silent(accuracy)}},
    }


def ultralytics(log):
    # Three parts of a loss and no total.
    at = log.last(r"^ +(\d+)/(\d+) +[\d.]+G +<n> +<n> +<n> +\d+ +\d+: +\d+%.*? (\d+)/(\d+) ")
    epoch, batch, batches = number(at[1]), number(at[6]), number(at[7])
    tested = log.last(r"^ +all +\d+ +\d+ +<n> +<n> +<n> +<n>")
    return {
        "step": or_silent((epoch - 1) * batches + batch),
        "epochs_done": epoch - 1 + (batch == batches),
        "epochs": or_silent(number(at[2])),
        "metrics": {"mAP50": {"*": or_silent(number(tested[3]))}},
    }


def pytorch_cifar(log):
    # Under each head a bar of the training and one of the test, told apart only by order and length.
    heads = log.every(r"^Epoch: <i>$")
    bars = [
        each
        for each in log.every(r"(\d+)/(\d+) =*>?\]\s+Step: .*?\| Loss: <n> \| Acc: <n>%")
        if each.start() > heads[-1].start()
    ]
    trained, tested = bars[0], bars[1]
    return {
        "epochs_done": number(heads[-1][1]) + 1,
        "loss": or_silent(number(trained[3])),
        "val_loss": or_silent(number(tested[3])),
        "step": or_silent((number(heads[-1][1]) + 1) * number(trained[2])),
    }


FORMATS = {
    "ultralytics": ultralytics,
    "pytorch-cifar": pytorch_cifar,
    "caffe": caffe,
    "detectron2": detectron2,
    "torchvision-metric-logger": metric_logger,
    "deit-jsonl": deit_jsonl,
    "swin": swin,
    "yolo-results-txt": yolo_results,
    "yolo-console": yolo_console,
    "yolox": yolox,
    "mmcv": mmcv,
    "mmengine": mmengine,
    "nnunet-v2": nnunet,
    "torch-json-stats": torch_json_stats,
    "pointnet-cls": pointnet_classification,
    "pointnet-partseg": pointnet_parts,
    "pointnet-semseg": pointnet_scenes,
    "dgcnn": dgcnn,
    "basicsr": basicsr,
    "cyclegan": cyclegan,
    "reid-baseline": reid,
    "st-gcn": st_gcn,
    "imagenet-example": imagenet_example,
    "mnist-example": mnist_example,
    "ssd-pytorch": ssd_pytorch,
    "dsfd": dsfd,
    "pytorch-yolov3": pytorch_yolov3,
    "mindspore": mindspore,
}
