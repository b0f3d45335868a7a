"""The tasks of `src/main.rs` in PyTorch: `peer.py TASK MODELS THREADS` prints seconds per model, or per call.

`usual` is the loop of tutorials (a DataLoader, one model after the other), `tuned` keeps the data in one tensor and gathers batches by index.
"""

import pathlib
import sys
import time

import torch
from torch import nn

RECORDS = 10_000


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(600, 256), nn.Tanh(), nn.Linear(256, 100))


def convnet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )


class Block(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        stride = 1 if depth == width else 2
        self.body = nn.Sequential(
            nn.Conv2d(depth, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width),
        )
        self.shortcut = nn.Sequential()
        if depth != width:
            self.shortcut = nn.Sequential(nn.Conv2d(depth, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    depth = 16
    for stage, width in enumerate((16, 32, 64)):
        for block in range(3):
            layers.append(Block(depth, width))
            depth = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def data(shape, classes):
    torch.manual_seed(1)
    x = torch.rand(RECORDS, *shape) - 0.5
    return x, ((x.flatten(1)[:, 0] + 0.5) * classes).long()


def usual(make, shape, classes, epochs):
    x, y = data(shape, classes)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=128, shuffle=True)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for records, labels in loader:
            optimizer.zero_grad()
            loss = loss_of(model(records), labels)
            loss.backward()
            optimizer.step()


def tuned(make, shape, classes, epochs):
    x, y = data(shape, classes)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, foreach=True)
    for _ in range(epochs):
        order = torch.randperm(RECORDS)
        for start in range(0, RECORDS, 128):
            rows = order[start : start + 128]
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


def best(times, work):
    return min(timed(work) for _ in range(times))


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ask(model, shape, classes):
    x, _ = data(shape, classes)
    model.eval()

    def work():
        with torch.no_grad():
            torch.cat([model(x[start : start + 256]) for start in range(0, RECORDS, 256)])

    return best(7, work)


def sweep():
    """The bare forward passes over 10,000 records with each of eight candidates, whose inputs are there already."""
    model = nn.Sequential(nn.Linear(100, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)).eval()
    blocks = [torch.rand(min(4096, RECORDS - start), 100) for _ in range(8) for start in range(0, RECORDS, 4096)]

    def work():
        with torch.no_grad():
            for block in blocks:
                model(block)

    start = time.perf_counter()
    found = best(10, work)
    while time.perf_counter() - start < 3:
        found = min(found, timed(work))
    return found


def gradient(model, shape, classes):
    model.eval()
    x = torch.full((64, *shape), 0.1, requires_grad=True)

    def work():
        torch.autograd.grad(model(x).sum(), x)

    return best(20, work)


def invert(model, shape):
    """100 steps of the regularised ascent, of 64 images in a box, as a loop of tutorials has it."""
    model.eval()
    model.requires_grad_(False)
    classes = torch.arange(64) // 8
    loss_of = nn.CrossEntropyLoss(reduction="sum")
    size = shape[0] * shape[1] * shape[2]

    def work():
        x = (torch.rand(64, *shape) - 0.5).requires_grad_()
        optimizer = torch.optim.Adam([x], lr=0.1)
        for _ in range(100):
            optimizer.zero_grad()
            variation = (x[..., 1:, :] - x[..., :-1, :]).abs().sum() + (x[..., 1:] - x[..., :-1]).abs().sum()
            loss = loss_of(model(x), classes) + 0.01 * variation / size + 0.01 * x.square().sum() / size
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                x.clamp_(-0.5, 0.5)

    start = time.perf_counter()
    found = best(10, work)
    while time.perf_counter() - start < 3:
        found = min(found, timed(work))
    return found


def program(task):
    """A model of the matrix as Python runs it, asked about a batch of eight or differentiated."""
    what, name = task.split("-program-")
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python/matrix"))
    import models

    model, (example,), _ = models.build(name, False)
    model.eval()
    x = torch.full((8, *example.shape[1:]), 0.1)

    def outputs(x):
        found = model(x)
        return found if isinstance(found, torch.Tensor) else next(iter(found.values() if isinstance(found, dict) else found))

    def ask():
        with torch.no_grad():
            outputs(x)

    def gradient():
        y = x.clone().requires_grad_()
        torch.autograd.grad(outputs(y).sum(), y)

    # As a model is that is asked and no more.
    model.requires_grad_(False)
    work = ask if what == "ask" else gradient
    start = time.perf_counter()
    found = best(10, work)
    while time.perf_counter() - start < 3:
        found = min(found, timed(work))
    return found


TASKS = {
    "usual-mlp": lambda: timed(lambda: usual(mlp, (600,), 100, 20)),
    "tuned-mlp": lambda: timed(lambda: tuned(mlp, (600,), 100, 20)),
    "usual-convnet": lambda: timed(lambda: usual(convnet, (1, 28, 28), 10, 3)),
    "tuned-convnet": lambda: timed(lambda: tuned(convnet, (1, 28, 28), 10, 3)),
    "ask-mlp": lambda: ask(mlp(), (600,), 100),
    "sweep-mlp": sweep,
    "ask-resnet": lambda: ask(resnet(), (3, 32, 32), 10),
    "gradient-resnet": lambda: gradient(resnet(), (3, 32, 32), 10),
    "invert-convnet": lambda: invert(convnet(), (1, 28, 28)),
}

if __name__ == "__main__":
    task, models, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    run = (lambda: program(task)) if "-program-" in task else TASKS[task]
    print(sum(run() for _ in range(models)) / models)
