"""A small training with the Trainer of Hugging Face: ``hf.py healthy|nan|endless FOLDER``."""

import sys

import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

MODE, FOLDER = sys.argv[1:3]


class Rows(Dataset):
    def __init__(self, seed):
        random = torch.Generator().manual_seed(seed)
        self.x = torch.randn(256, 8, generator=random)
        self.y = self.x.sum(1, keepdim=True) + 0.1 * torch.randn(256, 1, generator=random)

    def __len__(self):
        return 256

    def __getitem__(self, index):
        return {"x": self.x[index], "labels": self.y[index]}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
        self.calls = 0

    def forward(self, x, labels=None):
        self.calls += self.training
        out = self.layers(x)
        loss = torch.nn.functional.mse_loss(out, labels)
        if MODE == "nan" and self.calls > 60:
            loss = loss * float("nan")
        return {"loss": loss, "logits": out}


torch.manual_seed(0)
arguments = TrainingArguments(
    output_dir=FOLDER,
    num_train_epochs=10_000 if MODE == "endless" else 4,
    per_device_train_batch_size=8,
    learning_rate=3e-3,
    logging_steps=4,
    eval_strategy="no" if MODE == "endless" else "epoch",
    save_strategy="no",
    report_to=[],
    use_cpu=True,
    logging_nan_inf_filter=False,
    dataloader_num_workers=0,
)
Trainer(model=Net(), args=arguments, train_dataset=Rows(0), eval_dataset=Rows(1)).train()
