"""Small logs in the formats of trainers, each with what it says at its end; formats by their public sources."""
# ruff: noqa: E501, UP031  (lines of logs are as long as they are)

from typing import NamedTuple


class Log(NamedTuple):
    """A log, and what must be read of it."""

    name: str
    text: str
    facts: dict[str, float]
    """By the names of the cases; a fact that is not named may be silent, never wrong."""
    silent: tuple[str, ...] = ()
    """Facts that the log does not tell."""


LOGS = [
    Log(
        "nnU-Net",
        "".join(
            f"2025-03-04 09:0{e}:00.1: Epoch {e} \n2025-03-04 09:0{e}:00.2: Current learning rate: {0.01 - e / 1000:.5f} \n"
            f"2025-03-04 09:0{e}:30.1: train_loss {-0.1 - e / 10:.4f} \n2025-03-04 09:0{e}:30.2: val_loss {-0.2 - e / 10:.4f} \n"
            f"2025-03-04 09:0{e}:30.3: Pseudo dice [0.5{e}1, 0.6] \n2025-03-04 09:0{e}:30.4: Epoch time: 60.1 s \n"
            for e in range(3)
        ),
        {"last_loss": -0.3, "val_loss": -0.4, "lr": 0.008},
        ("last_step",),
    ),
    Log("CleanRL", "".join(f"global_step={n * 1024}, episodic_return=[{n}.5]\n" for n in range(1, 9)), {"last_step": 8192}, ("last_loss",)),
    Log(
        "CatBoost",
        "".join(f"{n}:\tlearn: 0.{50 - n}\ttest: 0.{60 - n}\tbest: 0.{60 - n} ({n})\ttotal: 10ms\tremaining: 1.2s\n" for n in range(10)),
        {},
        ("last_loss",),
    ),
    Log(
        "litgpt",
        "".join(f"Epoch 1 | iter {n * 16} step {n} | loss train: {3 - n / 10:.3f}, val: n/a | iter time: 200.12 ms (step)\n" for n in range(1, 9)),
        {"last_loss": 2.2},
    ),
    Log(
        "Nanotron",
        "".join(
            f"03/04/2025 09:00:{n:02d} [INFO|DP=0|PP=0|TP=0]: iteration: {n} / 100 | consumed_tokens: {n}.2M | elapsed_time_per_iteration_ms: 1.2K | "
            f"tokens_per_sec: 12.3K | global_batch_size: 128 | lm_loss: {5 - n / 10:.2f} | lr: 0.0003 | grad_norm: 1.2{n}\n"
            for n in range(1, 9)
        ),
        {"last_step": 8, "last_loss": 4.2, "lr": 0.0003, "grad_norm": 1.28},
    ),
    Log(
        "Composer",
        "".join(f"[epoch=0][batch={n}/100]:\n\t Train time/epoch: 0\n\t Train loss/train/total: {3 - n / 10:.4f}\n\t Train lr-DecoupledAdamW/group0: 0.0002\n" for n in range(1, 9)),
        {"last_loss": 2.2},
    ),
    Log(
        "EasyLM",
        "".join("{'accuracy': 0.5,\n 'gradient_norm': 1.5%d,\n 'learning_rate': 0.0001,\n 'loss': 2.%d,\n 'step': %d0}\n" % (n, 9 - n, n) for n in range(1, 9)),
        {"last_step": 80, "last_loss": 2.1, "lr": 0.0001, "grad_norm": 1.58},
    ),
    Log(
        "ESPnet",
        "".join(
            f"[gpu01] 2025-03-04 09:00:{n:02d},123 (trainer:737) INFO: 3epoch:train:{n * 50 - 49}-{n * 50}batch: iter_time=0.1, forward_time=0.2, "
            f"loss_ctc=50.{n}, loss={40 - n}.5, acc=0.5, optim0_lr0=0.002, train_time=2.2\n"
            for n in range(1, 9)
        ),
        {"last_loss": 32.5},
    ),
    Log(
        "TensorFlow 2 tutorial",
        "".join(f"Epoch {n}, Loss: 0.{40 - n}, Accuracy: 96.{n}, Test Loss: 0.{50 - n}, Test Accuracy: 97.{n}\n" for n in range(1, 6)),
        {"last_loss": 0.35, "val_loss": 0.45, "epochs_done": 5, "metrics.Accuracy.test": 97.5},
    ),
    Log(
        "seq2seq tutorial",
        "".join(f"Epoch: 0{n} | Time: 0m 30s\n\tTrain Loss: {5 - n / 10:.3f} | Train PPL: 155.1\n\t Val. Loss: {6 - n / 10:.3f} |  Val. PPL: 147.2\n" for n in range(1, 6)),
        {"last_loss": 4.5, "val_loss": 5.5},
        ("last_step",),
    ),
    Log("minGPT", "".join(f"iter_dt 123.45ms; iter {n}00: train loss {3 - n / 10:.5f}\n" for n in range(9)), {"last_step": 800, "last_loss": 2.2}),
    Log(
        "char-rnn",
        "".join(f"{n}/21150 (epoch 0.00{n}), train_loss = {4 - n / 10:.8f}, grad/param norm = 5.1932e-01, time/batch = 0.2{n}s\n" for n in range(1, 9)),
        {"last_loss": 3.2},
    ),
    Log(
        "OpenNMT",
        "".join(
            f"[2025-03-04 09:00:{n:02d},123 INFO] Step {n}50/100000; acc:   3.54; ppl: 16000.10; xent: 9.{n}; lr: 0.00010; 12345/1234 tok/s;     30 sec\n"
            for n in range(1, 9)
        ),
        {"last_step": 850, "lr": 0.0001},
    ),
    Log(
        "MXNet",
        "".join(
            f"INFO:root:Epoch[{e}] Batch [20]\tSpeed: 1234.50 samples/sec\taccuracy=0.5{e}\nINFO:root:Epoch[{e}] Train-accuracy=0.9{e}\n"
            f"INFO:root:Epoch[{e}] Time cost=12.345\nINFO:root:Epoch[{e}] Validation-accuracy=0.95{e}\n"
            for e in range(4)
        ),
        {"metrics.accuracy.val": 0.953, "epochs_done": 4},
        ("last_loss", "val_loss"),
    ),
    Log(
        "Caffe",
        "".join(
            f"I0302 09:00:{n:02d}.000000 1234 solver.cpp:228] Iteration {n}00, loss = 0.{90 - n}\n"
            f"I0302 09:00:{n:02d}.100000 1234 sgd_solver.cpp:106] Iteration {n}00, lr = 0.01\n"
            for n in range(1, 9)
        ),
        {"last_step": 800, "last_loss": 0.82, "lr": 0.01},
    ),
    Log(
        "PaddleNLP",
        "".join(f"[2025-03-04 09:00:{n:02d},123] [    INFO] - global step {n}0, epoch: 1, batch: {n}0, loss: 0.{69 - n}, accu: 0.5{n}, speed: 3.2 step/s\n" for n in range(1, 9)),
        {"last_step": 80, "last_loss": 0.61},
    ),
    Log(
        "PaddleOCR",
        "".join(
            f"[2025/03/04 09:00:{n:02d}] ppocr INFO: epoch: [1/500], global_step: {n}0, lr: 0.001000, loss: 1.{90 - n}, avg_reader_cost: 0.5 s, ips: 12.3 samples/s\n"
            for n in range(1, 9)
        ),
        {"last_step": 80, "last_loss": 1.82, "lr": 0.001},
    ),
    Log(
        "Flair",
        "".join(
            "".join(f"2025-03-04 09:0{e}:{n:02d},123 epoch {e} - iter {n}0/80 - loss 0.{90 - 10 * e - n} - time (sec): 1.20 - samples/sec: 100.0 - lr: 0.100000\n" for n in range(1, 9))
            + f"2025-03-04 09:0{e}:30,123 EPOCH {e} done: loss 0.{80 - 10 * e} - lr: 0.100000\n2025-03-04 09:0{e}:40,123 DEV : loss 0.{70 - 10 * e} - f1-score (micro avg)  0.5\n"
            for e in range(1, 4)
        ),
        {"last_step": 240, "last_loss": 0.5, "val_loss": 0.4, "lr": 0.1, "epochs_done": 3},
    ),
    Log(
        "LeRobot",
        "".join(
            f"INFO 2025-03-04 09:00:{n:02d} ot_train.py:333 step:{n}K smpl:{n}6K ep:3 epch:0.0{n} loss:0.{60 - n} grdn:12.{n} lr:1.0e-05 updt_s:0.123 data_s:0.010\n"
            for n in range(1, 9)
        ),
        {"last_step": 8000, "last_loss": 0.52, "lr": 1e-5},
    ),
    Log(
        "German",
        "".join(f"Epoche {n}/10 - Verlust: 0,{60 - n} - Genauigkeit: 0,9{n}\n" for n in range(1, 9)),
        {"last_loss": 0.52, "epochs_done": 8},
        ("last_step",),
    ),
    Log("Chinese", "".join(f"第{n}轮 训练损失: 0.{60 - n} 验证损失: 0.{70 - n} 准确率: 0.9\n" for n in range(1, 9)), {"last_loss": 0.52, "val_loss": 0.62}),
    Log(
        "Tacotron",
        "".join(f"Train loss {n} 0.{60 - n} Grad Norm 1.2{n} 3.45s/it\n" for n in range(1, 9)),
        {"grad_norm": 1.28},
        ("last_loss", "last_step"),
    ),
    Log(
        "Kubernetes",
        "".join(f"2025-03-04T09:00:{n:02d}.123456789Z stdout F step {n}0 | loss 2.{90 - n} | lr 1e-4\n" for n in range(1, 9)),
        {"last_step": 80, "last_loss": 2.82, "lr": 1e-4},
    ),
    Log(
        "nested JSON",
        "".join('{"epoch": %d, "train": {"loss": 0.%d, "acc": 0.9}, "val": {"loss": 0.%d, "acc": 0.8}}\n' % (n, 60 - n, 70 - n) for n in range(1, 9)),
        {"last_loss": 0.52, "val_loss": 0.62, "epochs_done": 8, "metrics.acc.val": 0.8},
        ("last_step",),
    ),
    Log(
        "Swin",
        "".join(
            f"[2025-03-04 09:00:{n:02d} swin_tiny] (main.py 174): INFO Train: [0/300][{n}0/1251]\teta 1:02:03 lr 0.000001\t wd 0.0500\ttime 0.5 (0.6)\t"
            f"loss 6.{90 - n} (6.95)\tgrad_norm 1.2{n} (1.3)\tloss_scale 65536.0000 (65536.0000)\tmem 9000MB\n"
            for n in range(9)
        ),
        {"last_step": 81, "last_loss": 6.82, "grad_norm": 1.28, "lr": 1e-6},
    ),
    Log(
        "timm",
        "".join(f"Train: 0 [{n:4d}0/1251 (  {n}%)]  Loss: 6.{90 - n} (6.95)  Time: 1.234s,  103.73/s  (1.2s, 100.1/s)  LR: 1.000e-06  Data: 0.01\n" for n in range(9)),
        {"last_loss": 6.82, "lr": 1e-6},
    ),
    Log(
        "FuxiCTR",
        "".join(
            f"2021-12-30 07:57:0{n},936 P42296 INFO [Metrics] AUC: 0.74{n} - logloss: 0.39{n}\n2021-12-30 07:57:0{n},937 P42296 INFO --- 6910/6910 batches finished ---\n"
            f"2021-12-30 07:57:0{n},938 P42296 INFO Train loss: 0.{40 - n}\n2021-12-30 07:57:0{n},939 P42296 INFO ************ Epoch={n} end ************\n"
            for n in range(1, 6)
        ),
        {"last_loss": 0.35},
    ),
    Log(
        "transfer learning tutorial",
        "".join(f"Epoch {n}/5\n----------\ntrain Loss: 0.{60 - n} Acc: 0.7{n}\nval Loss: 0.{70 - n} Acc: 0.8{n}\n\n" for n in range(1, 6)),
        {"last_loss": 0.55, "val_loss": 0.65, "metrics.Acc.val": 0.85, "metrics.Acc.train": 0.75},
    ),
    Log("paddle course", "".join(f"[Epoch 1, Iter {n}01] Loss: 1.{90 - n}\n" for n in range(9)), {"last_step": 801, "last_loss": 1.82}),
    Log(
        "sentences",
        "".join(f"Epoch {n}: Train Loss: 1.{60 - n}. Valid Loss: 0.{90 - n}. Valid Accuracy: 0.8{n}.\n" for n in range(1, 9)),
        {"last_loss": 1.52, "val_loss": 0.82, "metrics.Accuracy.val": 0.88, "epochs_done": 8},
    ),
    Log(
        "MindSpore",
        "".join(f"2023-02-17 11:43:{n:02d},405:INFO:epoch: [1/10] step: [{n}0/85], lr: 0.001000, loss: 1.{90 - n}, per step time: 3096.616 ms\n" for n in range(1, 9)),
        {"last_step": 80, "last_loss": 1.82, "lr": 0.001},
    ),
    Log(
        "BERT tutorial",
        "".join(f"Epochs: {n} | Train Loss:  0.{60 - n} | Train Accuracy:  0.7 | Val Loss:  0.{70 - n} | Val Accuracy:  0.8{n}\n" for n in range(1, 6)),
        {"last_loss": 0.55, "val_loss": 0.65, "metrics.Accuracy.val": 0.85, "epochs_done": 5},
    ),
    Log(
        "arrows",
        "".join(f"EPOCH #{n}/10 -> loss: 0.{60 - n}, acc: 0.9{n} || val_loss: 0.{70 - n}, val_acc: 0.8{n}\n" for n in range(1, 6)),
        {"last_loss": 0.55, "val_loss": 0.65, "metrics.acc.val": 0.85, "epochs_done": 5},
    ),
    Log(
        "RangeNet",
        "".join(
            f"Lr: 4.182e-06 | Update: 2.258e-01 mean,4.181e-01 std | Epoch: [0][{n}0/2391] | Time 6.548 (6.548) | Data 0.692 (0.692) | Loss 4.{90 - n} (4.0624) | "
            f"acc 0.050 (0.050) | IoU 0.015 (0.015) | [30 days, 1:16:33]\n"
            for n in range(9)
        ),
        {"last_step": 81, "last_loss": 4.82, "lr": 4.182e-06},
    ),
    Log(
        "Kaggle notebook",
        "".join(
            f"Epoch: [{e}][0/391] Elapsed 0m 1s (remain 9m 44s) Loss: 0.{60 - e}(0.3781) Grad: inf LR: 0.00001808 \n"
            f"Epoch: [{e}][390/391] Elapsed 8m 14s (remain 0m 0s) Loss: 0.{50 - e}(0.3743) Grad: 15{e}.7969 LR: 0.00001309 \n"
            f"EVAL: [0/49] Elapsed 0m 0s (remain 0m 31s) Loss: 0.9(0.9) \nEpoch {e} - avg_train_loss: 0.{55 - e}  avg_val_loss: 0.{65 - e}  time: 518s\n"
            for e in range(1, 5)
        ),
        {"last_loss": 0.51, "val_loss": 0.61, "lr": 1.309e-05, "grad_norm": 154.7969, "epochs_done": 4},
    ),
    Log(
        "episodes",
        "".join(f"Episode {n}00/5000 | Reward: 4{n}.23 | Epsilon: 0.25 | Loss: 0.3{n}\n" for n in range(1, 9)),
        {"last_loss": 0.38, "metrics.Reward.train": 48.23},
        ("last_step", "epochs_done"),
    ),
    Log(
        "parts behind the whole",
        "".join(f"INFO: Epoch 1, Batch {n}00/1400: Total Loss = 0.{90 - n}, Box Loss = 0.5, Class Loss = 0.1, Obj Loss = 0.3\n" for n in range(1, 9)),
        {"last_step": 800, "last_loss": 0.82},
    ),
    Log(
        "ConcatBERT",
        "".join(
            "".join(f"Epoch  {e} | Batch {n}00/972 | Time/Batch(ms) 691.84 | Train Loss 0.{90 - n - 10 * e}\n" for n in range(1, 10))
            + f"F1 score:  0.9{e}\nAccuracy:  0.9{e}\n{'-' * 50}\n"
            + f"Epoch  {e} | Time 1041.3202 sec | Train Acc 21.79 | Train Loss 0.{70 - e} | Valid Loss 0.{60 - e}\n{'-' * 50}\nSaved model at pre_trained_models/model.pt!\n"
            for e in range(1, 4)
        ),
        {"last_loss": 0.67, "val_loss": 0.57, "epochs_done": 3},
    ),
    Log(
        "settings before the first step",
        "lr: 0.1\nepochs: 10\nbatch_size: 32\nloss: mse\nstep_size: 30\nNamespace(lr=0.5, loss=0.1, epoch=3, step=7)\n{'lr': 0.1, 'max_steps': 100}\n"
        + "".join(f"step {n} loss 2.{90 - n}\n" for n in range(1, 9)),
        {"last_step": 8, "last_loss": 2.82},
        ("lr", "epochs_done"),
    ),
    Log("settings alone", "lr: 0.1\nepochs: 10\nloss: mse\nstep_size: 30\nNamespace(lr=0.5, loss=0.1, epoch=3, step=7)\n{'lr': 0.1, 'max_steps': 100}\n", {}, ("lr", "last_step", "last_loss")),
    Log(
        "source code",
        "import os\nclass Net(nn.Module):\n    loss = 0.5 # first\n    lr : float = 0.02 # rate\nstep = 3\nfor step in range(10):\n    print0(f'step:{step} loss:{loss}')\n"
        + "=" * 40 + "\n" + "".join(f"step:{n}/1415 train_loss:{5 - n / 10:.4f} train_time:71ms step_avg:70.63ms\n" for n in range(1, 9)),
        {"last_step": 8, "last_loss": 4.2},
    ),
]  # fmt: skip
