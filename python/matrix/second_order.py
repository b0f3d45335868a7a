#!/usr/bin/env python3
"""What PyTorch says of gradients of the loss with respect to parameters, and of their own gradients, for the tests of the executor.

    python python/matrix/second_order.py --out crates/paname-torch/tests/data/second-order

For each model NAME of the small matrix, whose weights are those of its archives, it writes `NAME.safetensors`:

- `input` and `label`: a batch of records and their classes;
- `gradient/NAME` of the first, the middle and the last parameter: for each record the gradient of its cross-entropy with respect to it;
- `norm/NAME` of every parameter: the norm of that for each record;
- `second`: the gradient with respect to the input of half the sum of squares of all those gradients, which takes a second backward pass.
"""

import argparse
import sys
import warnings
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "paname_export")]

import models  # noqa: E402
from export import shown  # noqa: E402
from paname_export import safetensors  # noqa: E402

MODELS = ("mlp", "lenet", "resnet18", "wideresnet", "gru", "audio")


def expected(model, records):
    """What the executor should find, by name."""
    parameters = dict(model.named_parameters())
    records = records.clone().requires_grad_()
    classes = model(records[:1]).shape[1]
    labels = torch.arange(len(records)) % classes
    rows = []
    for record, label in zip(records, labels):
        loss = torch.nn.functional.cross_entropy(model(record[None]), label[None])
        rows.append(torch.autograd.grad(loss, list(parameters.values()), create_graph=True))
    (second,) = torch.autograd.grad(sum((g * g).sum() / 2 for row in rows for g in row), records)
    found = {"input": records.detach(), "label": labels, "second": second}
    for name, gradients in zip(parameters, zip(*rows)):
        gradient = torch.stack(gradients).detach()
        found[f"norm/{name}"] = gradient.double().flatten(1).norm(dim=1)
        if name in shown(list(parameters)):
            found[f"gradient/{name}"] = gradient
    return found


def main():
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Writes what PyTorch says of gradients of gradients.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    out.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        model, (records, *_), _ = models.build(name, small=True)
        safetensors.write(out / f"{name}.safetensors", expected(model, records), {"model": name, "torch": torch.__version__})
        print(name, (out / f"{name}.safetensors").stat().st_size, flush=True)


if __name__ == "__main__":
    main()
