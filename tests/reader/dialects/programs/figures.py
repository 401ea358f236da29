"""A small training that prints its log and writes its figures to a file: ``figures.py KIND healthy|nan PAUSE FOLDER``.

From its second half on, a training of ``nan`` has a loss of nan. It rests for PAUSE seconds in each of its 48 steps.
"""

import json
import os
import sys
import time
from pathlib import Path

KIND, MODE, PAUSE, FOLDER = sys.argv[1:]
EPOCHS, BATCHES = 4, 12
HALF = EPOCHS * BATCHES // 2
os.environ["KERAS_BACKEND"] = "torch"


def spoilt(loss, step):
    """Return the loss, or nan where the training is to be broken."""
    time.sleep(float(PAUSE))
    return loss * float("nan") if MODE == "nan" and step >= HALF else loss


def rows(seed, count=BATCHES * 8):
    import torch

    random = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 8, generator=random)
    return x, x.sum(1, keepdim=True) + 0.1 * torch.randn(count, 1, generator=random)


def with_lightning(logger):
    import lightning
    import torch
    from lightning.pytorch.callbacks import TQDMProgressBar
    from torch.utils.data import DataLoader, TensorDataset

    class Net(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

        def training_step(self, batch, index):
            x, y = batch
            loss = spoilt(torch.nn.functional.mse_loss(self.layers(x), y), self.global_step)
            self.log("train_loss", loss, prog_bar=True)
            return loss

        def validation_step(self, batch, index):
            x, y = batch
            self.log("val_loss", torch.nn.functional.mse_loss(self.layers(x), y), prog_bar=True)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=3e-3)

    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=logger,
        log_every_n_steps=1,
        enable_checkpointing=False,
        default_root_dir=FOLDER,
        callbacks=[TQDMProgressBar()],
    )
    trainer.fit(
        Net(), DataLoader(TensorDataset(*rows(0)), batch_size=8), DataLoader(TensorDataset(*rows(1)), batch_size=32)
    )


def lightning_csv():
    from lightning.pytorch.loggers import CSVLogger

    with_lightning(CSVLogger(FOLDER, flush_logs_every_n_steps=1))


def lightning_tensorboard():
    from lightning.pytorch.loggers import TensorBoardLogger

    with_lightning(TensorBoardLogger(FOLDER, flush_secs=1))


def with_hugging_face(**more):
    import torch
    import transformers

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
            self.step = 0

        def forward(self, x, labels=None):
            out = self.layers(x)
            loss = torch.nn.functional.mse_loss(out, labels)
            if self.training:
                loss, self.step = spoilt(loss, self.step), self.step + 1
            return {"loss": loss, "logits": out}

    def items(seed):
        return [{"x": x, "labels": y} for x, y in zip(*rows(seed), strict=True)]

    torch.manual_seed(0)
    arguments = transformers.TrainingArguments(
        output_dir=FOLDER,
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=8,
        learning_rate=3e-3,
        logging_steps=4,
        eval_strategy="epoch",
        use_cpu=True,
        disable_tqdm=True,
        logging_nan_inf_filter=False,
        **more,
    )
    transformers.Trainer(model=Net(), args=arguments, train_dataset=items(0), eval_dataset=items(1)).train()


def hugging_face_state():
    with_hugging_face(report_to=[], save_strategy="steps", save_steps=4, save_total_limit=1)


def hugging_face_tensorboard():
    with_hugging_face(report_to=["tensorboard"], save_strategy="no")


def keras_csv():
    import keras

    class Rest(keras.callbacks.Callback):
        step = 0

        def on_train_batch_end(self, batch, logs=None):
            self.step += 1
            spoilt(0.0, 0)

    class Spoilt(keras.losses.MeanSquaredError):
        def __call__(self, *given, **named):
            loss = super().__call__(*given, **named)
            return loss * float("nan") if MODE == "nan" and rest.step >= HALF else loss

    rest = Rest()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(3e-3), Spoilt(), metrics=["mae"], run_eagerly=True)
    (x, y), val = (tuple(each.numpy() for each in rows(seed)) for seed in (0, 1))
    log = keras.callbacks.CSVLogger(Path(FOLDER) / "history.csv")
    model.fit(x, y, batch_size=8, epochs=EPOCHS, validation_data=val, verbose=2, callbacks=[rest, log])


def xgboost_result():
    import xgboost

    (x, y), (val_x, val_y) = (tuple(each.numpy() for each in rows(seed, 256)) for seed in (0, 1))
    train, val = xgboost.DMatrix(x, label=y), xgboost.DMatrix(val_x, label=val_y)
    found, calls = {}, []

    def loss(predicted, data):
        calls.append(1)
        return "loss", spoilt(float(((predicted - data.get_label()) ** 2).mean()), len(calls) // 2)

    class Keep(xgboost.callback.TrainingCallback):
        def after_iteration(self, model, epoch, evals_log):
            path = Path(FOLDER) / "metrics.json"
            path.with_suffix(".new").write_text(json.dumps(evals_log))
            path.with_suffix(".new").rename(path)
            return False

    xgboost.train(
        {"objective": "reg:squarederror", "max_depth": 3, "nthread": 1, "disable_default_eval_metric": 1},
        train,
        num_boost_round=48,
        evals=[(train, "train"), (val, "val")],
        evals_result=found,
        custom_metric=loss,
        callbacks=[Keep()],
    )


globals()[KIND]()
