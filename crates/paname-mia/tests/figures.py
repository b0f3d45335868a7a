"""Writes figures.json: a small audit of models whose weights are given, and what the attacks make of it that ask the model themselves or judge
groups, in NumPy and double precision, independently of the Rust code. Run it after changing a formula:
python figures.py
"""

import itertools
import json
import pathlib

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm, ttest_ind
from sklearn.neural_network import MLPClassifier

AUDITED, POPULATION, REFERENCES, CLASSES, FEATURES, HIDDEN, VARIANTS = 240, 60, 4, 3, 8, 10, 3
EVERYONE = AUDITED + POPULATION
rng = np.random.Generator(np.random.PCG64(20261129))

# Records whose classes are half noise, and models that learned theirs by heart: the target, then complementary pairs.
inputs = np.round(rng.normal(size=(EVERYONE, FEATURES)), 3)
label = (inputs @ rng.normal(size=(FEATURES, CLASSES)) + 3 * rng.normal(size=(EVERYONE, CLASSES))).argmax(1)
halves = [rng.permutation(AUDITED) < AUDITED // 2 for _ in range(1 + REFERENCES // 2)]
member = np.array([halves[0]] + [side for half in halves[1:] for side in (half, ~half)])


def fitted(rows, seed):
    """Layers, each of weights [outputs, inputs] and bias."""
    model = MLPClassifier((HIDDEN,), solver="lbfgs", alpha=0.3, max_iter=300, random_state=seed)
    model.fit(inputs[:AUDITED][rows], label[:AUDITED][rows])
    return [(np.round(w.T, 4), np.round(b, 4)) for w, b in zip(model.coefs_, model.intercepts_)]


models = [fitted(rows, seed) for seed, rows in enumerate(member)]
# Variant 0 is the record itself.
shifts = np.round(np.concatenate([np.zeros((1, FEATURES)), 0.4 * rng.normal(size=(VARIANTS - 1, FEATURES))]), 3)


def forward(model, x):
    """Hidden activations and logits."""
    (w1, b1), (w2, b2) = model
    h = np.maximum(x @ w1.T + b1, 0)
    return h, h @ w2.T + b2


def true_class(a, labels):
    return a[np.arange(len(labels)), labels]


def losses(z, labels):
    return -true_class(log_softmax(z, axis=1), labels)


def residuals(z, labels):
    return softmax(z, axis=1) - np.eye(z.shape[1])[labels]


def last_layer_gradients(model, x, labels):
    h, z = forward(model, x)
    h = np.concatenate([h, np.ones((len(h), 1))], axis=1)
    return np.einsum("rc,rh->rch", residuals(z, labels), h).reshape(len(x), -1)


def input_gradients(model, x, labels):
    (w1, _), (w2, _) = model
    h, z = forward(model, x)
    return ((residuals(z, labels) @ w2) * (h > 0)) @ w1


NORMS = {
    "l1": lambda g: np.abs(g).sum(1),
    "l2": lambda g: np.sqrt((g**2).sum(1)),
    "linf": lambda g: np.abs(g).max(1),
}


def predicted(model, x):
    return forward(model, x)[1].argmax(1)


x, y = inputs[:AUDITED], label[:AUDITED]


def vote(variants):
    return np.mean([predicted(models[0], variant) == y for variant in variants], axis=0)


def shifted(pixels):
    """Images of 2 by 4 moved by so many pixels in all, zeros coming in."""
    images = x.reshape(-1, 2, 4)
    moves = [
        (down, right)
        for down in range(-pixels, pixels + 1)
        for right in range(-pixels, pixels + 1)
        if abs(down) + abs(right) == pixels
    ]
    for down, right in moves:
        room = np.zeros((len(x), 2 + 2 * pixels, 4 + 2 * pixels))
        room[:, pixels + down : pixels + down + 2, pixels + right : pixels + right + 4] = images
        yield room[:, pixels : pixels + 2, pixels : pixels + 4].reshape(len(x), -1)


def signals(z, labels):
    """Name to values, of logits [records, classes]."""
    p = softmax(z, axis=1)
    own = np.arange(len(labels)), labels
    rest = z.copy()
    rest[own] = -np.inf
    q = p.copy()
    q[own] = 0
    return {
        "scaled-confidence": z[own] - logsumexp(rest, axis=1),
        "loss": -np.log(p[own]),
        "entropy": -(p * np.log(p)).sum(1),
        "modified-entropy": -(1 - p[own]) * np.log(p[own]) - (q * np.log1p(-q)).sum(1),
        "margin": z[own] - rest.max(1),
    }


# Groups of 24 records, of which another share each was used.
order = np.argsort(member[0] + 0.7 * rng.normal(size=AUDITED))
groups = [rng.permutation(group) for group in order.reshape(-1, 24)]


def usage(score):
    """Shares of each group by guesses of `score`(model, references), freed of their bias."""
    known, on_target = [], []
    for k in range(1, 1 + REFERENCES):
        # Its own pair would give the rows away.
        left = [m for m in range(1, 1 + REFERENCES) if (m - 1) // 2 != (k - 1) // 2]
        known.append(score(k, left))
        on_target.append(score(0, left))
    known, inside = np.concatenate(known), np.concatenate(member[1:])
    rates = [((known >= c)[inside].mean(), (known >= c)[~inside].mean(), c) for c in known]
    tpr, fpr, threshold = max(rates, key=lambda rate: (rate[0] - rate[1], rate[2]))
    reached = (np.array(on_target) >= threshold).mean(0)
    return [np.clip((reached[group].mean() - fpr) / (tpr - fpr), 0, 1) for group in groups]


def base(m, references):
    log_p = lambda k: true_class(log_softmax(forward(models[k], x)[1] / 2, axis=1), y)
    return log_p(m) - np.log(np.mean([np.exp(log_p(k)) for k in references], axis=0))


def row(attack, config, scores, **more):
    return {"attack": attack, "config": config, "scores": [float(f"{v:.8g}") for v in scores]} | more


closed = [
    row("gap", {}, predicted(models[0], x) == y),
    row("augmentation-vote", {"kind": "adapter"}, vote(x + shift for shift in shifts), variants=VARIANTS),
    row("augmentation-vote", {"kind": "adapter", "copies": 1}, vote(x + shift for shift in shifts[:2]), variants=VARIANTS),
    row("augmentation-vote", {"kind": "shift"}, vote([x, *shifted(1)])),
    row("augmentation-vote", {"kind": "shift", "pixels": 2}, vote([x, *shifted(2)])),
    row("dataset-usage", {"attack": "base", "config": {"mode": "online"}}, usage(base)),
    row("dataset-usage", {"attack": "loss"}, usage(lambda m, _: -losses(forward(models[m], x)[1], y))),
]
for name, size in NORMS.items():
    closed.append(row("last-layer-gradient-norm", {"norm": name}, -size(last_layer_gradients(models[0], x, y))))
    closed.append(row("input-gradient-norm", {"norm": name}, -size(input_gradients(models[0], x, y))))


# A plane between two classes, from which distances are known.
PLANE = 60
(normal, offset) = np.round(rng.normal(size=FEATURES), 3), 0.3
side = x[:PLANE] @ normal + offset
plane_label = (side + rng.normal(size=PLANE) > 0).astype(int)
toward = np.where(plane_label == 1, side, -side)
votes, spread = np.where(toward > 0, 1.0, 0.0), np.zeros(PLANE)
SCALES, COPIES = [0.5, 1.0], 1000
for noise in SCALES:
    share = norm.cdf(toward / (noise * np.sqrt(((normal * x[:PLANE].std(0)) ** 2).sum())))
    votes, spread = votes + COPIES * share, spread + COPIES * share * (1 - share)
total = 1 + COPIES * len(SCALES)
plane = {
    "layers": [{"weights": [(-normal / 2).tolist(), (normal / 2).tolist()], "bias": [-offset / 2, offset / 2]}],
    "label": plane_label.tolist(),
    "distances": [
        row("boundary-distance", {"norm": "l2"}, np.maximum(toward, 0) / np.sqrt((normal**2).sum())),
        row("boundary-distance", {"norm": "linf"}, np.maximum(toward, 0) / np.abs(normal).sum()),
    ],
    "votes": row(
        "augmentation-vote",
        {"scales": SCALES, "copies": COPIES},
        votes / total,
        deviations=[float(f"{v:.6g}") for v in np.sqrt(spread) / total],
    ),
}

# A population of few kinds and groups of four: all scores that any halves may give.
OWN = [("scaled-confidence", 1), ("loss", -1), ("entropy", -1), ("modified-entropy", -1), ("margin", 1)]
kinds = np.array([[9.5, 0, 1], [-7, 1, 0.5], [0.7, 0.2, -0.9], [0.1, 0.6, 0.3]])
many = [1, 1, 20, 18]
theirs = np.repeat(kinds, many, axis=0)
ours = np.round(rng.normal(size=(20, CLASSES)), 2)
ours[:, 0] += np.repeat([0, 0.5, 1, 1.5, 2], 4)


def features(z):
    found = signals(z, np.zeros(len(z), int))
    return np.array([sign * found[name] for name, sign in OWN]).T


outside, group_features = features(theirs), features(ours)
tail = int(0.025 * len(outside))
low, high = np.sort(outside, axis=0)[[tail, -1 - tail]]
place, scale = np.clip(outside, low, high).mean(0), np.clip(outside, low, high).std(0)
outside, group_features = [(np.clip(f, low, high) - place) / scale for f in (outside, group_features)]


def regression(inside, out):
    """Weights of a ridge regression of "in the group", both sides weighing a half, by least squares."""
    design = np.concatenate([inside, out])
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    weight = np.sqrt(np.repeat([0.5 / len(inside), 0.5 / len(out)], [len(inside), len(out)]))[:, None]
    ridge = np.eye(len(OWN), len(OWN) + 1)
    told = np.concatenate([np.ones(len(inside)), np.zeros(len(out))])
    both = np.concatenate([weight * design, ridge]), np.concatenate([weight[:, 0] * told, np.zeros(len(OWN))])
    return np.linalg.lstsq(*both, rcond=None)[0][:-1]


first_rows = np.cumsum([0, *many[:-1]])
possible = []
for group in group_features.reshape(5, 4, -1):
    found = []
    for chosen in itertools.product(*(range(count + 1) for count in many)):
        if sum(chosen) != len(outside) // 2:
            continue
        half = np.concatenate([np.arange(count) + start for count, start in zip(chosen, first_rows)])
        rest = np.setdiff1d(np.arange(len(outside)), half)
        for pair in itertools.combinations(range(4), 2):
            other = np.setdiff1d(range(4), pair)
            w = regression(group[list(pair)], outside[half])
            found.append(ttest_ind(group[other] @ w, outside[rest] @ w, equal_var=False).statistic)
    possible.append([float(f"{v:.8g}") for v in sorted(found)])

text = {
    "classes": CLASSES,
    "inputs": inputs.tolist(),
    "label": label.tolist(),
    "member": member.astype(int).tolist(),
    "models": [[{"weights": w.tolist(), "bias": b.tolist()} for w, b in model] for model in models],
    "shifts": shifts.tolist(),
    "groups": [group.tolist() for group in groups],
    "closed": closed,
    "plane": plane,
    "inference": {"attack": "dataset-inference", "population": theirs.tolist(), "audited": ours.round(2).tolist(), "possible": possible},
}
pathlib.Path(__file__).with_name("figures.json").write_text(json.dumps(text, separators=(",", ":")).replace("],", "],\n") + "\n")
