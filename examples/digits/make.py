#!/usr/bin/env python3
"""Makes the demo's data and its golden figures. Users do not need it: its outputs are committed.

    python examples/digits/make.py          (numpy and scikit-learn; about a minute)

One target and 32 reference classifiers (a hidden layer of 128) are trained on scikit-learn's digits with 10 % of the
labels replaced at random. Each learns by heart a random half of the 1,400 audited records; the other 397 records are the
population, which no model was trained on. The figures in golden.json are computed here, in float64, from the very values
that the files hold, so that the Rust attacks are checked against an independent implementation.
"""

import csv
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).parent
SEED, AUDITED, REFERENCES, NOISE = 2026, 1400, 32, 0.10


def make_data(rng):
    """Digits in a random order with noisy labels: (images, labels, mislabelled)."""
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    images, true = digits.data[order] / 16.0, digits.target[order]
    mislabelled = rng.random(len(true)) < NOISE
    labels = np.where(mislabelled, (true + rng.integers(1, 10, len(true))) % 10, true)
    return images, labels, mislabelled


def train(images, labels, rows, seed):
    """Logits of all records [records, classes] under a classifier fitted on `rows` until it knows them by heart."""
    model = MLPClassifier((128,), alpha=0.0, learning_rate_init=1e-2, max_iter=250, tol=0.0, n_iter_no_change=250,
                          random_state=seed)
    model.fit(images[rows], labels[rows])
    hidden = np.maximum(images @ model.coefs_[0] + model.intercepts_[0], 0)
    logits = hidden @ model.coefs_[1] + model.intercepts_[1]
    # Steps of 1/16 keep every rank that matters and let the file be half as large.
    return (np.round(logits * 16) / 16).astype(np.float16)


# --- the formulas, higher = member; `refs` is [models, records, classes], standard deviations divide by n --------------


def log_softmax(logits, temperature=1.0):
    z = logits.astype(np.float64) / temperature
    z -= z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def of_label(values, labels):
    return np.take_along_axis(values, np.broadcast_to(labels, values.shape[:-1])[..., None], -1)[..., 0]


def probability(logits, labels, temperature=1.0):
    return np.exp(of_label(log_softmax(logits, temperature), labels))


def log_of_the_rest(log_p):
    """log(1 - p_k) for every class k, summed over the other classes so that nothing cancels."""
    classes = range(log_p.shape[-1])
    return np.stack([np.logaddexp.reduce(np.delete(log_p, k, -1), -1) for k in classes], -1)


def scaled(logits, labels):
    """Carlini et al. 2022: phi = log p_y - log(1 - p_y)."""
    log_p = log_softmax(logits)
    return of_label(log_p, labels) - of_label(log_of_the_rest(log_p), labels)


def entropy(logits, _labels):
    log_p = log_softmax(logits)
    return (np.exp(log_p) * log_p).sum(-1)


def modified_entropy(logits, labels):
    """Song and Mittal 2021: (1 - p_y) log p_y + sum over k != y of p_k log(1 - p_k)."""
    log_p = log_softmax(logits)
    rest = log_of_the_rest(log_p)
    others = np.exp(log_p) * rest
    np.put_along_axis(others, labels[:, None], 0, -1)
    return np.exp(of_label(rest, labels)) * of_label(log_p, labels) + others.sum(-1)


def margin(logits, labels):
    """z_y - max over k != y of z_k."""
    others = logits.astype(np.float64)
    np.put_along_axis(others, labels[:, None], -np.inf, -1)
    return of_label(logits.astype(np.float64), labels) - others.max(-1)


def share_at_most(values, reference):
    """Share of `reference` that is <= each value."""
    return np.searchsorted(np.sort(reference), values, side="right") / len(reference)


def normal(phi, side, variance):
    """Mean, variance of each record over the models of one side; the variance per record, shared or shrunk."""
    n = side.sum(0)
    mean = np.where(side, phi, 0).sum(0) / n
    own = np.where(side, (phi - mean) ** 2, 0).sum(0) / n
    shared = ((phi - mean) ** 2)[side].mean()
    return mean, {"record": own, "shared": np.full_like(own, shared), "shrunk": (n * own + 4 * shared) / (n + 4)}[variance]


def lira_online(x, phi, member, variance):
    """log N(x; in) - log N(x; out)."""
    def log_density(side):
        mean, var = normal(phi, side, variance)
        return -0.5 * (np.log(var) + (x - mean) ** 2 / var)
    return log_density(member) - log_density(~member)


def lira_offline(x, phi, member, variance):
    """(x - mean_out) / std_out: the rank of the one-sided normal probability, without its saturation."""
    mean, var = normal(phi, ~member, variance)
    return (x - mean) / np.sqrt(var)


def ratio(p_target, p_refs, member, offline_a=None):
    """RMIA: p / Pr with Pr the mean over all references, or, offline, ((1 + a) mean_out + (1 - a)) / 2."""
    if offline_a is None:
        return p_target / p_refs.mean(0)
    out = np.where(member, 0, p_refs).sum(0) / (~member).sum(0)
    return p_target / (((1 + offline_a) * out + 1 - offline_a) / 2)


# --- figures ------------------------------------------------------------------------------------------------------------


def auc(score, member):
    """Probability that a member scores above a non-member, ties counting one half."""
    non = np.sort(score[~member])
    below, upto = (np.searchsorted(non, score[member], side) for side in ("left", "right"))
    return (below + upto).mean() / (2 * len(non))


def tpr_at(score, member, level):
    """TPR at the most permissive threshold whose empirical FPR is <= level."""
    non = np.sort(score[~member])[::-1]
    return (score[member] > non[int(level * len(non))]).mean()


def golden(target, refs, refs_member, labels, member, audited):
    """{formula: scores over the audited records}"""
    held, labels_x, labels_z, z = refs_member[:, audited], labels[audited], labels[~audited], ~audited
    phi_t, phi = scaled(target[audited], labels_x), scaled(refs[:, audited], labels_x)
    scores = {
        "confidence": probability(target[audited], labels_x),
        "loss": of_label(log_softmax(target[audited]), labels_x),
        "entropy": entropy(target[audited], labels_x),
        "modified-entropy": modified_entropy(target[audited], labels_x),
        "margin": margin(target[audited], labels_x),
        "population": share_at_most(of_label(log_softmax(target[audited]), labels_x), of_label(log_softmax(target[z]), labels_z)),
    }
    for variance in ("record", "shared", "shrunk"):
        scores[f"lira online variance={variance}"] = lira_online(phi_t, phi, held, variance)
    for variance in ("record", "shared"):
        scores[f"lira offline one-sided variance={variance}"] = lira_offline(phi_t, phi, held, variance)
    p_x, p_z = (probability(target[rows], labels[rows], 2) for rows in (audited, z))
    r_x, r_z = (probability(refs[:, rows], labels[rows], 2) for rows in (audited, z))
    for name, a in (("online", None), ("offline a=0.3", 0.3)):
        ratio_x, ratio_z = ratio(p_x, r_x, held, a), ratio(p_z, r_z, refs_member[:, z], a)
        scores[f"rmia {name} gamma=2 temperature=2"] = share_at_most(ratio_x / 2, ratio_z)
        scores[f"rmia {name} temperature=2 ratio"] = ratio_x
    scores["base online temperature=2"] = np.log(p_x) - np.log(r_x.mean(0))
    return scores


def write_csv(name, header, rows):
    with open(HERE / name, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def main():
    rng = np.random.default_rng(SEED)
    images, labels, mislabelled = make_data(rng)
    total = len(labels)
    ids = np.array([f"digit-{i:04}".encode() for i in rng.permutation(total)])
    audited = np.arange(total) < AUDITED
    halves = np.zeros((1 + REFERENCES, total), bool)
    for half in halves:
        half[rng.choice(AUDITED, AUDITED // 2, replace=False)] = True
    logits = np.stack([train(images, labels, half, seed) for seed, half in enumerate(halves)])
    hits = logits.argmax(-1) == labels
    print(f"train accuracy {hits[halves].mean():.3f}, test accuracy {hits[~halves].mean():.3f}")

    np.savez_compressed(HERE / "target.npz", ids=ids, logits=logits[0])
    np.savez_compressed(HERE / "references.npz", ids=ids, logits=logits[1:], member=halves[1:])
    # The tables have an order of their own: everything is joined by id.
    shuffled = rng.permutation(total)
    name = {i: ids[i].decode() for i in range(total)}
    write_csv("records.csv", ["id", "label", "member", "group"],
              [[name[i], labels[i], int(halves[0, i]), "mislabelled" if mislabelled[i] else "clean"] for i in shuffled if audited[i]])
    write_csv("population.csv", ["id", "label"], [[name[i], labels[i]] for i in shuffled if not audited[i]])

    member = halves[0, audited]
    scores = golden(logits[0], logits[1:], halves[1:], labels, member, audited)
    watched = range(3)
    figures = {
        formula: {
            "auc": round(auc(s, member), 6),
            "tpr_at_1_percent": round(tpr_at(s, member, 0.01), 6),
            "scores": {name[i]: float(f"{s[i]:.9g}") for i in watched},
        }
        for formula, s in scores.items()
    }
    for formula, f in figures.items():
        print(f"{formula:42} {f['auc']:.4f} {f['tpr_at_1_percent']:.4f}")
    (HERE / "golden.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
