"""A small training with Lightning: ``lit.py healthy|nan|endless FOLDER``."""

import sys

import lightning
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from torch.utils.data import DataLoader, TensorDataset

MODE, FOLDER = sys.argv[1:3]


class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    def training_step(self, batch, index):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layers(x), y)
        if MODE == "nan" and self.global_step > 60:
            loss = loss * float("nan")
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, index):
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.layers(x), y), prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def rows(seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(256, 8, generator=random)
    return TensorDataset(x, x.sum(1, keepdim=True) + 0.1 * torch.randn(256, 1, generator=random))


torch.manual_seed(0)
trainer = lightning.Trainer(
    max_epochs=10_000 if MODE == "endless" else 4,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    default_root_dir=FOLDER,
    callbacks=[TQDMProgressBar(refresh_rate=4)],
)
trainer.fit(Net(), DataLoader(rows(0), batch_size=8, shuffle=True), DataLoader(rows(1), batch_size=64))
