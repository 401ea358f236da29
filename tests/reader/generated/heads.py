"""Line heads: times, levels, loggers, ranks, pods."""

from collections.abc import Callable
from datetime import datetime

from tests.reader.generated.draw import Draw

Head = Callable[[datetime, str, int], str]  # time, level, rank

PLAIN: dict[str, Head] = {"none": lambda t, v, r: ""}

DATED: dict[str, Head] = {
    "logging": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03d} - {v} - ",
    "logging named": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03d} - trainer - {v} - ",
    "logging short": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S} {v} ",
    "logging colon": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S} {v}: ",
    "logging bracket": lambda t, v, r: f"[{t:%Y-%m-%d %H:%M:%S}] ",
    "logging brackets": lambda t, v, r: (
        f"[{t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03d}] [{v}] [train.py:88:main] "
    ),
    "hydra": lambda t, v, r: f"[{t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03d}][__main__][{v}] - ",
    "iso": lambda t, v, r: f"{t:%Y-%m-%dT%H:%M:%S} ",
    "iso z": lambda t, v, r: f"{t:%Y-%m-%dT%H:%M:%S}.{t.microsecond // 1000:03d}Z ",
    "iso zone": lambda t, v, r: f"{t:%Y-%m-%dT%H:%M:%S}+02:00 {v} ",
    "loguru": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S}.{t.microsecond // 1000:03d} | {v:<8} | __main__:train:123 - ",
    "loguru colour": lambda t, v, r: (
        f"\x1b[32m{t:%Y-%m-%d %H:%M:%S}.{t.microsecond // 1000:03d}\x1b[0m | \x1b[1m{v:<8}\x1b[0m | "
        "\x1b[36m__main__\x1b[0m:\x1b[36mtrain\x1b[0m:\x1b[36m123\x1b[0m - "
    ),
    "colour": lambda t, v, r: f"\x1b[90m{t:%Y-%m-%d %H:%M:%S}\x1b[0m \x1b[34m\x1b[1m{v}\x1b[0m ",
    "glog": lambda t, v, r: f"{v[0]}{t:%m%d %H:%M:%S.%f} 140001 train.py:123] ",
    "absl": lambda t, v, r: f"{v[0]}{t:%m%d %H:%M:%S.%f} 139872345 trainer.py:457] ",
    "syslog": lambda t, v, r: f"{t:%b} {t.day:>2} {t:%H:%M:%S} gpu01 train[1234]: ",
    "journald": lambda t, v, r: f"{t:%b %d %H:%M:%S} node-7 python[40123]: ",
    "kubernetes": lambda t, v, r: f"{t:%Y-%m-%dT%H:%M:%S.%f}789Z stdout F ",
    "kubectl": lambda t, v, r: f"{t:%Y-%m-%dT%H:%M:%S.%f}123Z ",
    "mm": lambda t, v, r: f"{t:%m/%d %H:%M:%S} - engine - {v} - ",
    "d2": lambda t, v, r: f"[{t:%m/%d %H:%M:%S} d2.utils.events]:  ",
    "paddle": lambda t, v, r: f"[{t:%Y/%m/%d %H:%M:%S}] ppcls {v}: ",
    "slashes": lambda t, v, r: f"{t:%Y/%m/%d %H:%M:%S} ",
    "american": lambda t, v, r: f"{t:%m/%d/%Y %H:%M:%S} - {v} - __main__ - ",
    "clock": lambda t, v, r: f"[{t:%H:%M:%S}] ",
    "clock bare": lambda t, v, r: f"{t:%H:%M:%S} ",
    "clock level": lambda t, v, r: f"{t:%H:%M:%S} | {v} | ",
    "rich": lambda t, v, r: f"[{t:%H:%M:%S}] {v:<8} ",
    "ctime": lambda t, v, r: f"{t:%a %b} {t.day:>2} {t:%H:%M:%S %Y} ",
    "month name": lambda t, v, r: f"{t:%d-%b-%y %H:%M:%S} - ",
    "java": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S}.{t.microsecond // 1000:03d} {v:<5} [main] trainer - ",
    "comma": lambda t, v, r: f"{t:%Y-%m-%d,%H:%M:%S} | {v} | ",
    "nemo": lambda t, v, r: f"[NeMo {v[0]} {t:%Y-%m-%d %H:%M:%S} trainer:594] ",
    "espnet": lambda t, v, r: f"[gpu01] {t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03d} (trainer:636) {v}: ",
    "pipes": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S} | {v} | train | ",
    "nnunet": lambda t, v, r: f"{t:%Y-%m-%d %H:%M:%S.%f}: ",
    "transformers": lambda t, v, r: f"[{v}|trainer.py:2409] {t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03d} >> ",
    "unix": lambda t, v, r: f"[{t.timestamp():.3f}] ",
}

TIMELESS: dict[str, Head] = {
    "root": lambda t, v, r: f"{v}:root:",
    "module": lambda t, v, r: f"{v}:__main__:",
    "level": lambda t, v, r: f"[{v}] ",
    "level bare": lambda t, v, r: f"{v}: ",
    "compose": lambda t, v, r: "trainer-1  | ",
    "ray": lambda t, v, r: "(TrainWorker pid=222265) ",
    "ray ip": lambda t, v, r: "(train_loop pid=4021, ip=10.0.0.7) ",
}

RANKED: dict[str, Head] = {
    "slurm": lambda t, v, r: f"{r}: ",
    "torchrun": lambda t, v, r: f"[rank{r}]: ",
    "elastic": lambda t, v, r: f"[default{r}]:",
    "mpirun": lambda t, v, r: f"[1,{r}]<stdout>:",
    "rank": lambda t, v, r: f"[Rank {r}] ",
    "gpu": lambda t, v, r: f"[GPU{r}] ",
    "rank dated": lambda t, v, r: f"[{t:%Y-%m-%d %H:%M:%S}] [rank {r}] ",
}


def head(draw: Draw, *, ranked: bool = False) -> tuple[str, Head]:
    """Draw the head of a log's lines, and its name; `ranked`: one that tells the ranks apart."""
    groups = [RANKED] if ranked else [PLAIN] * 6 + [DATED] * 10 + [TIMELESS] * 2 + [RANKED]
    group = draw.pick(groups)
    name = draw.pick(list(group))
    first = group[name]
    if (
        group is RANKED and name != "rank dated" and draw.often(0.3)
    ):  # a launcher's prefix before the program's own head
        inner = draw.pick(list(DATED))
        second = DATED[inner]
        return f"{name} + {inner}", lambda t, v, r: first(t, v, r) + second(t, v, r)
    return name, first
