#!/usr/bin/env python3
"""Exports a model in training mode, taken apart into the operators of the core of ATen, for numbers of records from two on.

    python python/matrix/decomposed.py --out crates/paname-torch/tests/data/decomposed

Normalisation is then `_native_batch_norm_legit_functional`, which returns the next running statistics instead of writing them. `convnet.safetensors` holds what
PyTorch answers, as export.py describes it.
"""

import argparse
import warnings
from pathlib import Path

import torch
from torch import nn

from export import expected, safetensors


def main():
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Exports a model in training mode, taken apart.")
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
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(model, first, dynamic_shapes=({0: batch},)).run_decompositions()
    for node in program.graph.nodes:
        for key in ("stack_trace", "from_node"):
            node.meta.pop(key, None)
    torch.export.save(program, str(out / "convnet.pt2"))
    values = expected(model.eval(), (first, second))
    safetensors.write(out / "convnet.safetensors", values, {"model": "convnet", "torch": torch.__version__})


if __name__ == "__main__":
    main()
