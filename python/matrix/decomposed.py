#!/usr/bin/env python3
"""Exports two models, taken apart into the operators of the core of ATen, for numbers of records from two on.

    python python/matrix/decomposed.py --out crates/paname-torch/tests/data/decomposed

`convnet`, in training mode: normalisation is then `_native_batch_norm_legit_functional`, which returns the next running statistics instead of writing them.
`instances`, normalised record by record: that is `_native_batch_norm_legit.no_stats`, by the batch in evaluation too. Files of safetensors hold what PyTorch answers,
as export.py describes it.
"""

import argparse
import warnings
from pathlib import Path

import torch
from torch import nn

from export import expected, safetensors


def main():
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Exports models that are taken apart.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(2026)
    warnings.filterwarnings("ignore")
    out.mkdir(parents=True, exist_ok=True)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)).train()
    for _ in range(3):
        model(torch.randn(6, 1, 4, 4))
    first, second = (torch.randn(4, 1, 4, 4),), (torch.randn(2, 1, 4, 4),)
    save(model, first, second, out / "convnet")
    layers = nn.Conv2d(1, 2, 3), nn.InstanceNorm2d(2, affine=True), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)
    save(nn.Sequential(*layers).eval(), first, second, out / "instances")


def save(model, first, second, path):
    """Writes a model that was taken apart, and beside it what it answers in evaluation mode."""
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(model, first, dynamic_shapes=({0: batch},)).run_decompositions()
    for node in program.graph.nodes:
        for key in ("stack_trace", "from_node"):
            node.meta.pop(key, None)
    torch.export.save(program, str(path.with_suffix(".pt2")))
    values = expected(model.eval(), (first, second))
    safetensors.write(path.with_suffix(".safetensors"), values, {"model": path.name, "torch": torch.__version__})


if __name__ == "__main__":
    main()
