#!/usr/bin/env python3
"""Exports the matrix of models, with what PyTorch itself answers, for the tests of the reader and the executor.

    python python/matrix/export.py --small --out crates/paname-torch/tests/data/pt2     (what is committed)
    python python/matrix/export.py --out ~/.cache/paname/matrix                          (full sizes; not committed)

For each model NAME it writes, into the folder:

- `NAME.pt2` by `torch.export.save`, where torch is 2.9 or newer (older ones put pickles into their archives);
- `NAME.paname.pt2` by `paname_export`;
- `NAME.safetensors`, of two batches of different sizes, by eager PyTorch with one thread:
  `first/input/I`, `first/output/I`, `first/cotangent/I`; `second/input/I` and `second/output/I`;
  `first/gradient/input/I`, the gradient of the sum over outputs of output × cotangent, of inputs that are no integers;
  `first/gradient/parameter/NAME` of the first, the middle and the last parameter, `first/norm/NAME` (double precision) of every one;
  where the model has batch normalisation and no dropout, `train/output/I` and `train/buffer/NAME`: outputs of the first batch in training mode,
  and the buffers after it.

Dictionaries are in the order of their keys as the model gives them. Weights are drawn by chance from a fixed seed.
"""

import argparse
import copy
import sys
import warnings
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "paname_export")]

import models  # noqa: E402
from paname_export import safetensors  # noqa: E402


def flat(outputs):
    """Outputs as a list of tensors."""
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    return list(outputs.values() if isinstance(outputs, dict) else outputs)


def shown(names):
    """The parameters whose gradients are kept whole."""
    return {names[0], names[len(names) // 2], names[-1]}


def expected(model, batches):
    """What the reader and the executor should find, by name."""
    first, second = batches
    inputs = [x.clone().requires_grad_(x.is_floating_point()) for x in first]
    outputs = flat(model(*inputs))
    cotangents = [torch.randn_like(output) for output in outputs]
    continuous = {f"input/{i}": x for i, x in enumerate(inputs) if x.requires_grad}
    parameters = dict(model.named_parameters())
    total = sum((output * cotangent).sum() for output, cotangent in zip(outputs, cotangents))
    gradients = iter(torch.autograd.grad(total, [*continuous.values(), *parameters.values()]))
    found = {f"first/gradient/{name}": next(gradients) for name in continuous}
    for name in parameters:
        gradient = next(gradients)
        found[f"first/norm/{name}"] = gradient.double().norm()
        if name in shown(list(parameters)) and gradient.numel() <= 1 << 20:
            found[f"first/gradient/parameter/{name}"] = gradient
    with torch.no_grad():
        again = flat(model(*second))
    kinds = {"first/input": first, "first/output": outputs, "first/cotangent": cotangents, "second/input": second, "second/output": again}
    for kind, values in kinds.items():
        found.update({f"{kind}/{i}": value.detach() for i, value in enumerate(values)})
    found.update(in_training(model, first))
    return found


def in_training(model, batch):
    """Outputs and buffers in training mode, where they do not hang on chance."""
    kinds = list(model.modules())
    normalised = any(isinstance(kind, torch.nn.modules.batchnorm._BatchNorm) for kind in kinds)
    if not normalised or any(isinstance(kind, torch.nn.Dropout) for kind in kinds):
        return {}
    model = copy.deepcopy(model).train()
    with torch.no_grad():
        outputs = flat(model(*batch))
    found = {f"train/output/{i}": output for i, output in enumerate(outputs)}
    # The number of batches seen is no part of what an exported program in evaluation mode has.
    found.update({f"train/buffer/{n}": b for n, b in model.named_buffers() if b.is_floating_point()})
    return found


def by_torch(model, batch, path):
    """Writes an archive of torch's own."""
    dimension = torch.export.Dim("batch", min=1)
    shapes = tuple({0: dimension} for _ in batch)
    program = torch.export.export(model, batch, dynamic_shapes=shapes)
    for node in program.graph.nodes:
        # Where each line of the sources stood on this machine is nobody's business, and would be a third of the file.
        for key in ("stack_trace", "from_node"):
            node.meta.pop(key, None)
    torch.export.save(program, path)


def by_us(model, batch, path):
    """Writes an archive of `paname_export`."""
    import paname_export

    paname_export.export(model, batch, path)


def main():
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Exports the matrix of models with what PyTorch answers.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--only", action="append", choices=list(models.MATRIX), help="these models; all where absent")
    parser.add_argument("--small", action="store_true", help="variants of a few kilobytes")
    parser.add_argument("--kind", action="append", choices=["torch", "paname"], help="archives of this kind; both where absent")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    arguments.out.mkdir(parents=True, exist_ok=True)
    major, minor = (int(part) for part in torch.__version__.split(".")[:2])
    for name in arguments.only or models.MATRIX:
        model, first, second = models.build(name, arguments.small)
        kinds = arguments.kind or ["torch", "paname"]
        if "torch" in kinds and (major, minor) >= (2, 9):
            by_torch(model, first, str(arguments.out / f"{name}.pt2"))
        if "paname" in kinds:
            by_us(model, first, arguments.out / f"{name}.paname.pt2")
        values = expected(model, (first, second))
        metadata = {"model": name, "torch": torch.__version__}
        safetensors.write(arguments.out / f"{name}.safetensors", values, metadata)
        sizes = [f"{p.name} {p.stat().st_size}" for p in sorted(arguments.out.glob(f"{name}.*"))]
        print(", ".join(sizes), flush=True)


if __name__ == "__main__":
    main()
