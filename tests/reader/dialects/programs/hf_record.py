"""A small training with Hugging Face's Trainer, and its own record: ``hf_record.py bars|plain WARNING|INFO FOLDER``."""

import json
import sys
from pathlib import Path

import torch
import transformers
from torch.utils.data import Dataset

BARS, VERBOSITY, FOLDER = sys.argv[1:]
if VERBOSITY == "INFO":
    transformers.logging.set_verbosity_info()


class Rows(Dataset):
    def __init__(self, seed):
        random = torch.Generator().manual_seed(seed)
        self.x = torch.randn(128, 8, generator=random)
        self.y = self.x.sum(1, keepdim=True) + 0.1 * torch.randn(128, 1, generator=random)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return {"x": self.x[index], "labels": self.y[index]}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    def forward(self, x, labels=None):
        out = self.layers(x)
        return {"loss": torch.nn.functional.mse_loss(out, labels), "logits": out}


def metrics(predicted):
    out, labels = predicted
    return {"mae": float(abs(out - labels).mean())}


torch.manual_seed(0)
arguments = transformers.TrainingArguments(
    output_dir=FOLDER,
    num_train_epochs=3,
    per_device_train_batch_size=8,
    learning_rate=3e-3,
    logging_steps=4,
    eval_strategy="epoch",
    save_strategy="no",
    report_to=[],
    use_cpu=True,
    disable_tqdm=BARS == "plain",
)
trainer = transformers.Trainer(
    model=Net(), args=arguments, train_dataset=Rows(0), eval_dataset=Rows(1), compute_metrics=metrics
)
trainer.train()
record = {"log_history": trainer.state.log_history, "global_step": trainer.state.global_step}
record |= {"max_steps": trainer.state.max_steps, "num_train_epochs": trainer.state.num_train_epochs}
(Path(FOLDER) / "record.json").write_text(json.dumps(record))
