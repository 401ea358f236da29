"""A small training that prints as nanoGPT's train.py does: ``nano.py healthy|nan|endless FOLDER``."""

import sys
import time

import torch

MODE = sys.argv[1]
torch.manual_seed(0)
data = torch.randint(0, 16, (4096,))
data[1::2] = (data[::2] + 3) % 16  # every other letter follows from the one before
model = torch.nn.Sequential(torch.nn.Embedding(16, 24), torch.nn.Flatten(0, 1), torch.nn.Linear(24, 16))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)


def batch():
    at = torch.randint(0, 4000, (32,))
    return data[at][:, None], data[at + 1]


def loss_of():
    x, y = batch()
    return torch.nn.functional.cross_entropy(model(x), y)


def estimate():
    with torch.no_grad():
        return sum(loss_of().item() for _ in range(20)) / 20


began = time.perf_counter()
step = 0
while MODE == "endless" or step <= 400:
    if step % 100 == 0:
        print(f"step {step}: train loss {estimate():.4f}, val loss {estimate():.4f}", flush=True)
    loss = loss_of()
    if MODE == "nan" and step > 250:
        loss = loss * float("nan")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        now = time.perf_counter()
        print(f"iter {step}: loss {loss.item():.4f}, time {1000 * (now - began):.2f}ms, mfu -100.00%", flush=True)
        began = now
    step += 1
