"""Writes figures.json: a small audit of an attribute over answers that are given, and what the attacks make of it, in NumPy and double precision, with
the forests of scikit-learn, independently of the Rust code. Run it after changing a formula: python figures.py
"""

import json
import pathlib

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm, rankdata
from sklearn.ensemble import RandomForestRegressor

RECORDS, REFERENCES, CLASSES, CANDIDATES, KNOWN, NEURONS, WIDTH = 120, 4, 3, 3, 4, 6, 2
rng = np.random.Generator(np.random.PCG64(20261129))


def group():
    known = np.round(rng.normal(size=(RECORDS, KNOWN)), 2)
    known[:, KNOWN - 1] = 1.5
    value = (known[:, :CANDIDATES] + 0.8 * rng.gumbel(size=(RECORDS, CANDIDATES))).argmax(1)
    pull = 1.5 * np.eye(CLASSES)[np.arange(CANDIDATES) % CLASSES]
    label = (pull[value] + rng.gumbel(size=(RECORDS, CLASSES))).argmax(1)
    logits = np.broadcast_to(pull, (RECORDS, REFERENCES + 1, CANDIDATES, CLASSES)).copy()
    logits += rng.normal(size=logits.shape)
    logits[np.arange(RECORDS), 0, value, label] += 1
    neurons = rng.normal(size=(RECORDS, CANDIDATES, NEURONS))
    for v in range(CANDIDATES):
        neurons[:, v, 0] += value == v
        neurons[:, v, 1] -= 2 * (value == v)
    values = rng.normal(size=(RECORDS, WIDTH))
    predicted = values[:, None] + (0.3 + 0.5 * (np.arange(CANDIDATES) != value[:, None]))[..., None] * rng.normal(
        size=(RECORDS, CANDIDATES, WIDTH)
    )
    return {
        "known": known,
        "value": value,
        "label": label,
        "logits": np.round(logits, 2),
        # Ties among the population's values.
        "neurons": np.round(neurons, 1),
        "values": np.round(values, 3),
        "predicted": np.round(predicted, 3),
    }


audited, population = group(), group()
# Each record is out of two of four models.
member = np.array([rng.permutation([0, 0, 1, 1]) for _ in range(RECORDS)])
imputed = rng.dirichlet(np.ones(CANDIDATES), size=RECORDS)


def single(x):
    """Signals are in single precision."""
    return x.astype(np.float32).astype(np.float64)


def true(a, who):
    return np.take_along_axis(a, who["label"].reshape(-1, *[1] * (a.ndim - 1)), axis=-1)[..., 0]


def log_probability(who, model=0):
    return single(true(log_softmax(who["logits"][:, model], axis=-1), who))


def scaled_confidence(who, model):
    z = who["logits"][:, model]
    own = np.eye(CLASSES, dtype=bool)[who["label"]][:, None]
    return single(true(z, who) - logsumexp(np.where(own, -np.inf, z), axis=-1))


def at_truth(a, who):
    return a[np.arange(RECORDS), who["value"]]


counts = np.bincount(population["value"], minlength=CANDIDATES) + 1
prior = counts / counts.sum()
loss = {"audited": -log_probability(audited), "population": -log_probability(population)}
mean_loss = at_truth(loss["population"], population).mean()
predicted = audited["logits"][:, 0].argmax(-1)


def fredrikson():
    confusion = np.ones((CLASSES, CLASSES))
    np.add.at(confusion, (at_truth(population["logits"][:, 0], population).argmax(-1), population["label"]), 1)
    confusion /= confusion.sum(1, keepdims=True)
    return np.log(confusion[predicted, audited["label"][:, None]]) + np.log(prior)


def fredrikson_regression():
    scale = np.sqrt(((at_truth(population["predicted"], population) - population["values"]) ** 2).mean(0))
    density = norm.logpdf(audited["values"][:, None], audited["predicted"], scale).sum(-1)
    return density + np.log(prior)


def csmia():
    right = predicted == audited["label"][:, None]
    top = single(softmax(audited["logits"][:, 0], axis=-1).max(-1))
    scores = np.where(right, top, -top)
    for row, ok, conf in zip(scores, right, top):
        if ok.sum() == 1:
            row[np.flatnonzero(ok)[0]] += 4
        elif ok.sum() > 1:
            row[np.where(ok, conf, -1).argmax()] += 2
    return scores


def counterfactual():
    target = scaled_confidence(audited, 0)
    outside = np.array([scaled_confidence(audited, 1 + k) for k in range(REFERENCES)])
    outside = np.ma.array(outside, mask=np.broadcast_to(member.T[:, :, None] == 1, outside.shape))
    mean = outside.mean(0).data
    squares = ((outside - mean) ** 2).sum(0).data
    z = (target - mean) / np.sqrt(squares.sum(0) / RECORDS)
    return z * np.abs(z) / 2


def neuron_outputs(most):
    scores = np.zeros((RECORDS, CANDIDATES))
    for v in range(CANDIDATES):
        has = population["value"] == v
        rho = np.array([np.corrcoef(population["neurons"][:, v, j], has)[0, 1] for j in range(NEURONS)])
        for j in np.argsort(-np.abs(rho))[:most]:
            for r in range(RECORDS):
                everyone = np.append(population["neurons"][:, v, j], audited["neurons"][r, v, j])
                # The middle of its ranks among the others.
                share = (rankdata(everyone)[-1] - 1) / RECORDS
                share = share if rho[j] > 0 else 1 - share
                scores[r, v] += abs(rho[j]) * share
        scores[:, v] /= np.abs(rho[np.argsort(-np.abs(rho))[:most]]).sum()
    return scores


def columns(who, *more):
    return np.column_stack([who["known"][:, : KNOWN - 1], np.eye(CLASSES)[who["label"]], *more])


def forest(x, y, asked):
    """The mean of two forests of a thousand trees, smoothed."""
    p = np.zeros((len(asked), CANDIDATES))
    for v in range(CANDIDATES):
        for seed in range(2):
            trees = RandomForestRegressor(1000, min_samples_leaf=5, max_features=int(np.sqrt(x.shape[1])), random_state=seed)
            p[:, v] += trees.fit(x, y == v).predict(asked)
    p /= p.sum(1, keepdims=True)
    shares = np.bincount(y, minlength=CANDIDATES) + 1
    return (len(y) * p + shares / shares.sum()) / (len(y) + 1)


def lomia():
    x, y, told = [], [], []
    for who in (audited, population):
        right = who["logits"][:, 0].argmax(-1) == who["label"][:, None]
        only = right.sum(1) == 1
        x.append(columns(who)[only])
        y.append(right[only].argmax(1))
        told.append(np.where(only[:, None] & right, 2, 0))
    return told[0] + forest(np.concatenate(x), np.concatenate(y), columns(audited))


closed = [
    ("attribute-confidence", {}, log_probability(audited)),
    ("fredrikson", {}, fredrikson()),
    ("yeom", {}, np.log(prior) + norm.logpdf(loss["audited"], 0, mean_loss)),
    ("yeom", {"train-loss": 0.25}, np.log(prior) + norm.logpdf(loss["audited"], 0, 0.25)),
    ("csmia", {}, csmia()),
    ("bb-ip", {}, log_probability(audited) + np.log(imputed)),
    ("counterfactual", {}, counterfactual()),
    ("counterfactual", {"imputed": True}, counterfactual() + np.log(imputed)),
    ("through-membership", {}, -loss["audited"]),
    (
        "through-membership",
        {"standardise": True},
        -(loss["audited"] - loss["audited"].mean(0)) / loss["audited"].std(0),
    ),
    ("neuron-outputs", {"batch": 50}, neuron_outputs(10)),
    ("neuron-outputs", {"neurons": 2}, neuron_outputs(2)),
]
errors = np.sqrt(((audited["values"][:, None] - audited["predicted"]) ** 2).sum(-1))
regression = [
    ("attribute-confidence", {}, -np.log(errors)),
    ("fredrikson", {}, fredrikson_regression()),
    ("bb-ip", {}, -np.log(errors) + np.log(imputed)),
]
learned = [
    ("imputation", {"trees": 400}, forest(columns(population), population["value"], columns(audited))),
    (
        "meta-model",
        {"forest": {"trees": 400}},
        forest(
            columns(population, log_probability(population)), population["value"], columns(audited, log_probability(audited))
        ),
    ),
    ("lomia", {"forest": {"trees": 400}}, lomia()),
]


def rows(all_rows, digits):
    return [
        {"attack": attack, "config": config, "scores": np.round(scores, digits).ravel().tolist()}
        for attack, config, scores in all_rows
    ]


def plain(who):
    return {key: value.ravel().tolist() for key, value in who.items()}


figures = {
    "audited": plain(audited),
    "population": plain(population),
    "member": member.tolist(),
    "imputed": imputed.ravel().tolist(),
    "closed": rows(closed, 9),
    "regression": rows(regression, 9),
    "learned": rows(learned, 4),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(figures).replace("}, {", "},\n{").replace("], \"", "],\n\"") + "\n")
