"""Writes figures.json: a small audit of models whose weights are given, and what the attacks make of it that are fitted, ask the model themselves or
judge groups, in NumPy and double precision, with the fits of scikit-learn, independently of the Rust code. Run it after changing a formula:
python figures.py
"""

import itertools
import json
import pathlib

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm, rankdata, ttest_ind
from sklearn.neural_network import MLPClassifier

AUDITED, POPULATION, REFERENCES, CLASSES, FEATURES, HIDDEN, VARIANTS = 240, 60, 4, 3, 8, 10, 3
EVERYONE = AUDITED + POPULATION
# Fits of each classifier; what they agree on is the figure.
FITS = 40
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
    top = -np.sort(-p, axis=1)
    return {
        "scaled-confidence": z[own] - logsumexp(rest, axis=1),
        "loss": -np.log(p[own]),
        "entropy": -(p * np.log(p)).sum(1),
        "modified-entropy": -(1 - p[own]) * np.log(p[own]) - (q * np.log1p(-q)).sum(1),
        "margin": z[own] - rest.max(1),
    } | {f"top-probability:{rank}": top[:, rank] for rank in range(z.shape[1])}


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


def auc(scores, truth):
    ranks = rankdata(scores)[truth]
    return (ranks.sum() - len(ranks) * (len(ranks) + 1) / 2) / len(ranks) / (~truth).sum()


def scaled(examples, target):
    place, scale = examples.mean(0), examples.std(0)
    scale = np.where(scale > 0, scale, 1)
    return (examples - place) / scale, (target - place) / scale


def balance(inside):
    return np.where(inside, 0.5 / inside.mean(), 0.5 / (1 - inside.mean()))


def adam(examples, inside, target, hidden, epochs, seed):
    """Log-odds of a network with one hidden layer, by Adam in steps of 64 rows, whose length falls linearly from 0.01 to 0, with an L2 penalty of
    0.0001.
    """
    draw = np.random.Generator(np.random.PCG64(seed))
    (rows, width), weights = examples.shape, balance(inside)
    bounds = [((width, hidden), np.sqrt(6 / width)), (hidden, 0), (hidden, 1 / np.sqrt(hidden)), (1, 0)]
    parts = [draw.uniform(-1, 1, shape) * bound for shape, bound in bounds]
    first, second = [np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts]
    batches = [draw.permutation(rows)[start : start + 64] for _ in range(epochs) for start in range(0, rows, 64)]
    for step, batch in enumerate(batches):
        x, (w1, b1, w2, b2) = examples[batch], parts
        h = np.maximum(x @ w1 + b1, 0)
        error = weights[batch] * (1 / (1 + np.exp(-(h @ w2 + b2))) - inside[batch]) / len(batch)
        below = np.outer(error, w2) * (h > 0)
        slopes = [x.T @ below, below.sum(0), h.T @ error, error.sum(keepdims=True)]
        for i, slope in enumerate(slopes):
            slope = slope + 1e-4 * parts[i]
            first[i] = 0.9 * first[i] + 0.1 * slope
            second[i] = 0.999 * second[i] + 0.001 * slope**2
            mean, square = first[i] / (1 - 0.9 ** (step + 1)), second[i] / (1 - 0.999 ** (step + 1))
            parts[i] = parts[i] - 0.01 * (1 - step / len(batches)) * mean / (np.sqrt(square) + 1e-8)
    w1, b1, w2, b2 = parts
    return np.maximum(target @ w1 + b1, 0) @ w2 + b2


def perceptron(examples, inside, target, hidden, epochs, seed):
    """The same of scikit-learn, which starts and steps in its own way."""
    network = MLPClassifier(
        (hidden,), batch_size=64, learning_rate_init=0.01, max_iter=epochs, n_iter_no_change=epochs, random_state=seed
    )
    network.fit(examples, inside, sample_weight=balance(inside))
    p = network.predict_proba(target)[:, 1]
    return np.log(p) - np.log1p(-p)


def learned(examples, inside, target, hidden, epochs=20):
    """Log-odds of inclusion for the target's features, by many fits of ours and fewer of scikit-learn."""

    def of(fit, count):
        return np.array([fit(examples, inside, target, hidden, epochs, seed) for seed in range(count)])

    return of(adam, FITS), of(perceptron, FITS // 2)


def reactions(names, m, variants):
    """Features of everyone in a model, averaged over variants, with whether the answer is right beside the margin."""
    of = [signals(forward(models[m], inputs + shift)[1], label) for shift in shifts[:variants]]
    mean = [np.mean([found[name] for found in of], axis=0) for name in names]
    right = [mean[names.index("margin")] > 0] if "margin" in names else []
    return np.array(mean + right, float).T


ALL = ["top-probability:0", "top-probability:1", "scaled-confidence", "loss", "entropy", "modified-entropy", "margin"]


def shadow_classifier(names, shadows, variants=1, per_class=False, epochs=20):
    examples = np.concatenate([reactions(names, m, variants) for m in shadows])
    inside = np.concatenate([np.concatenate([member[m], np.zeros(POPULATION, bool)]) for m in shadows])
    examples, target = scaled(examples, reactions(names, 0, variants)[:AUDITED])
    if not per_class:
        return learned(examples, inside, target, 16, epochs)
    classes, scores = np.tile(label, len(shadows)), None
    for c in range(CLASSES):
        own = classes == c
        found = learned(examples[own], inside[own], target[y == c], 16, epochs)
        scores = scores or [np.zeros((len(fits), AUDITED)) for fits in found]
        for whole, part in zip(scores, found):
            whole[:, y == c] = part
    return scores


def looks(m, sources, layers):
    """What goes on inside a model for the audited records."""
    h, z = forward(models[m], x)
    columns = []
    if "loss" in sources:
        columns += [losses(z, y), z.argmax(1) == y]
    if "last-layer-gradient" in sources:
        columns += [np.log(size(last_layer_gradients(models[m], x, y))) for size in NORMS.values()]
    for name, values in (("hidden", h), ("scores", z)):
        if name in layers:
            length = np.log(np.maximum(NORMS["l2"](values), 1e-30))
            columns += [values.mean(1), values.std(1), length, (values <= 0).mean(1)]
    if "input-gradient" in sources:
        columns.append(np.log(NORMS["l2"](input_gradients(models[m], x, y))))
    return np.array(columns, float).T


def white_box(sources, layers):
    of = [looks(m, sources, layers) for m in range(1 + REFERENCES)]
    examples, target = scaled(np.concatenate(of[1:]), of[0])
    return learned(examples, np.concatenate(member[1:]), target, 32)


def ways(m, passes):
    """Logarithms of the losses of a student of a model after each pass, and of the model. The student is linear and descends along the gradient of
    all of the population at once, in steps of four over the mean squared length of an input.
    """
    z = inputs[AUDITED:]
    told = softmax(forward(models[m], z)[1], axis=1)
    weights, of = np.zeros((FEATURES, CLASSES)), []
    for _ in range(passes):
        weights -= 4 / (z**2).sum(1).mean() * z.T @ (softmax(z @ weights, axis=1) - told) / len(z)
        of.append(losses(x @ weights, y))
    return np.log(1e-6 + np.array(of + [losses(forward(models[m], x)[1], y)])).T


def trajectory(passes):
    of = [ways(m, passes) for m in range(1 + REFERENCES)]
    examples, target = scaled(np.concatenate(of[1:]), of[0])
    return learned(examples, np.concatenate(member[1:]), target, 32)


SOURCES = ["loss", "last-layer-gradient", "input-gradient"]
learning = [
    ("shadow-classifier", {}, shadow_classifier(ALL, [1, 2, 3, 4]), 1),
    (
        "shadow-classifier",
        {"min-per-class": 100, "features": ["scaled-confidence", "entropy"], "epochs": 60},
        shadow_classifier(["scaled-confidence", "entropy"], [1, 2, 3, 4], VARIANTS, True, 60),
        VARIANTS,
    ),
    ("ml-leaks", {}, shadow_classifier(["top-probability:0", "top-probability:1", "top-probability:2"], [1]), 1),
    (
        "ml-leaks",
        {"adversary": "transfer", "top": 2, "shadows": 3},
        shadow_classifier(["top-probability:0", "top-probability:1"], [1, 2, 3]),
        1,
    ),
    ("white-box-classifier", {}, white_box(SOURCES, ["hidden", "scores"]), 1),
    ("white-box-classifier", {"features": ["activations", "loss"], "layers": ["hidden"]}, white_box(["loss"], ["hidden"]), 1),
    ("loss-trajectory", {"passes": 10}, trajectory(10), 1),
]
fits = []
for attack, config, (found, others), variants in learning:
    mean, areas = found.mean(0), [auc(scores, member[0]) for scores in found]
    apart = [np.sqrt(((scores - mean) ** 2).mean()) / mean.std() for scores in found]
    ranks = np.corrcoef(rankdata(others.mean(0)), rankdata(mean))[0, 1]
    other = auc(others.mean(0), member[0])
    print(
        f"{attack} {config}: AUC {auc(mean, member[0]):.4f}, of single fits {np.mean(areas):.4f} ± {np.std(areas):.4f}, which are "
        f"{np.mean(apart):.3f} deviations apart; of scikit-learn {other:.4f}, rank correlation {ranks:.4f}"
    )
    fits.append(row(attack, config, mean, auc=round(other, 6), spread=round(np.mean(apart), 3), variants=variants))

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
    "fitted": fits,
    "plane": plane,
    "inference": {"attack": "dataset-inference", "population": theirs.tolist(), "audited": ours.round(2).tolist(), "possible": possible},
}
pathlib.Path(__file__).with_name("figures.json").write_text(json.dumps(text, separators=(",", ":")).replace("],", "],\n") + "\n")
