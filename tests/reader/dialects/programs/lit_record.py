"""A small training with Lightning, and its own record: ``lit_record.py tqdm|rich step|both FOLDER``.

``both`` logs the training loss of the step and of the epoch, ``step`` that of the step alone.
"""

import json
import sys
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar, TQDMProgressBar
from torch.utils.data import DataLoader, TensorDataset

BAR, LOGGED, FOLDER = sys.argv[1:]
history, losses = [], []


class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    def training_step(self, batch, index):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layers(x), y)
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=LOGGED == "both")
        return loss

    def validation_step(self, batch, index):
        x, y = batch
        out = self.layers(x)
        self.log("val_loss", torch.nn.functional.mse_loss(out, y), prog_bar=True)
        self.log("val_mae", torch.nn.functional.l1_loss(out, y), prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class Record(Callback):
    """Keeps ``callback_metrics`` of each step and epoch, of which Lightning has the last alone."""

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        losses.append(trainer.callback_metrics["train_loss_step" if LOGGED == "both" else "train_loss"].item())

    def on_train_epoch_end(self, trainer, module):
        history.append({name: value.item() for name, value in trainer.callback_metrics.items()})


def rows(seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(128, 8, generator=random)
    return TensorDataset(x, x.sum(1, keepdim=True) + 0.1 * torch.randn(128, 1, generator=random))


torch.manual_seed(0)
trainer = lightning.Trainer(
    max_epochs=3,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    default_root_dir=FOLDER,
    callbacks=[TQDMProgressBar() if BAR == "tqdm" else RichProgressBar(), Record()],
)
trainer.fit(Net(), DataLoader(rows(0), batch_size=8, shuffle=True), DataLoader(rows(1), batch_size=32))
last = {name: value.item() for name, value in trainer.callback_metrics.items()}
record = {"callback_metrics": last, "history": history, "losses": losses, "global_step": trainer.global_step}
record |= {"current_epoch": trainer.current_epoch, "max_epochs": trainer.max_epochs}
(Path(FOLDER) / "record.json").write_text(json.dumps(record))
