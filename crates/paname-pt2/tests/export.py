"""Writes the archives in data/: tiny models, exported by PyTorch 2.11. Run it after adding one: python export.py. What opens slowly or not is measured
with one of 100 MB, which is not kept: python export.py large FILE
"""

import pathlib
import sys

import torch
from torch import nn
from torch.export import Dim

HERE = pathlib.Path(__file__).parent / "data"


class Classifier(nn.Module):
    """A convnet that is fitted on: batch-norm in training, a lifted constant, a buffer that is not saved, tied weights, a dictionary."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
        self.head = nn.Linear(2, 2)
        self.again = nn.Linear(2, 2)
        self.again.weight = self.head.weight
        self.register_buffer("shift", torch.tensor([1.0, 2.0]), persistent=False)

    def forward(self, x):
        x = self.stem(x).mean((2, 3))
        x = self.again(self.head(x)) + self.shift
        return {"logits": x * torch.tensor([1.0, -1.0])}


class Regions(nn.Module):
    """Graphs within nodes: without gradients, in mixed precision; lists, tuples and optional tensors as outputs and arguments."""

    def forward(self, x, y):
        with torch.no_grad():
            a = x * 2
        with torch.autocast("cpu", dtype=torch.bfloat16):
            b = x @ y
        first, _ = torch.split(b.float(), 1, 0)
        largest, _ = a.max(dim=1)
        return first.sum() + largest[torch.tensor([0]), None], torch.where(a > float("-inf"), a, 0.0)


class Sizes(nn.Module):
    """Sizes that are computed: by the shape, and by the data."""

    def forward(self, x, n: int):
        y = x.reshape(x.shape[0] * 2, -1)
        count = (x[:, 0] > 0).nonzero().shape[0]
        torch._check(count < 1000)
        return y.expand(y.shape[0], -1), torch.zeros(count + n), None


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 2, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class Block(nn.Module):
    """A bottleneck of a ResNet."""

    def __init__(self, before, width, stride):
        super().__init__()
        self.path = nn.Sequential(
            *(nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)),
        )
        same = before == 4 * width
        self.short = nn.Identity() if same else nn.Conv2d(before, 4 * width, 1, stride, bias=False)

    def forward(self, x):
        return torch.relu(self.path(x) + self.short(x))


def large():
    """As large as a ResNet-50."""
    layers, before = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for width, count in (64, 3), (128, 4), (256, 6), (512, 3):
        for index in range(count):
            layers.append(Block(before, width, 2 if index == 0 and width > 64 else 1))
            before = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1000)).eval()


def save(name, model, args, **options):
    program = torch.export.export(model, args, **options)
    # Where the sources lay is of no interest.
    for module in program.graph_module.modules():
        for node in getattr(module, "graph", torch.fx.Graph()).nodes:
            node.meta.pop("stack_trace", None)
            node.meta.pop("from_node", None)
    torch.export.save(program, HERE / f"{name}.pt2")


if sys.argv[1:2] == ["large"]:
    # As a user would save it, with the places in the sources.
    torch.export.save(torch.export.export(large(), (torch.randn(2, 3, 224, 224),)), sys.argv[2])
    sys.exit()

torch.manual_seed(0)
batch = Dim("batch", min=2, max=64)
save("classifier", Classifier().train(), (torch.randn(2, 1, 4, 4),), dynamic_shapes={"x": {0: batch}})
save("regions", Regions(), (torch.randn(2, 2), torch.randn(2, 2)))
save("sizes", Sizes(), (torch.randn(4, 2), 3), dynamic_shapes={"x": {0: Dim.AUTO}, "n": None})
save("recurrent", Recurrent().eval(), (torch.randn(2, 3, 2),))
