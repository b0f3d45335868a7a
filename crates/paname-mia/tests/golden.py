"""Writes golden.json: logits of a small made-up audit, and the scores of every attack that has a closed formula, in NumPy and double
precision, independently of the Rust code. Run it after changing a formula: python golden.py
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm, rankdata, t, trim_mean

AUDITED, POPULATION, REFERENCES, CLASSES = 60, 30, 12, 4
rng = np.random.Generator(np.random.PCG64(20260226))


def group(records, member):
    """Logits [models, records, classes] rounded to three decimals, and labels; members of a model get two more logits."""
    label = rng.integers(0, CLASSES, records)
    ease = 1 + rng.normal(size=records)
    z = rng.normal(size=(1 + REFERENCES, records, CLASSES))
    z[:, np.arange(records), label] += ease + 2 * member
    return np.round(z, 3).astype(np.float32).astype(np.float64), label


halves = [rng.permutation(AUDITED) < AUDITED // 2 for _ in range(1 + REFERENCES // 2)]
# The target, then complementary pairs; three models lose one record each, so that the sides are not all equally large.
member = np.array([halves[0]] + [side for half in halves[1:] for side in (half, ~half)])
for model, record in ((1, 5), (4, 17), (9, 40)):
    member[model, record] = False
logits, label = group(AUDITED, member)
population_logits, population_label = group(POPULATION, np.zeros((1 + REFERENCES, POPULATION)))
inside = member[1:]


def true_class(a, labels):
    return a[..., np.arange(len(labels)), labels]


def others(a, labels):
    mask = np.ones(a.shape[-2:], bool)
    mask[np.arange(len(labels)), labels] = False
    return a[..., mask].reshape(*a.shape[:-1], -1)


def phi(z, labels):
    return true_class(z, labels) - logsumexp(others(z, labels), axis=-1)


def log_p(z, labels, temperature=1.0):
    return true_class(log_softmax(z / temperature, axis=-1), labels)


def share(x, z):
    return np.array([(z <= v).mean() for v in x])


def interpolated(x, z):
    z = np.sort(z)
    steps = np.interp(x, z, np.arange(1, len(z) + 1)) / len(z)
    return np.where(x < z[0], x - z[0], np.where(x > z[-1], 1 + x - z[-1], steps))


def lira(variance, online, two_sided=False, weight=4.0):
    values, target = phi(logits[1:], label), phi(logits[0], label)

    def side(mask):
        of = np.ma.array(values, mask=~mask)
        own = np.ma.getdata(of.var(0))
        residual = ((of - of.mean(0)) ** 2).mean()
        n = mask.sum(0)
        chosen = {
            "per-record": own,
            "shared": np.full(AUDITED, residual),
            "shared-raw": np.full(AUDITED, of.var()),
            "shrunk": (n * own + weight * residual) / (n + weight),
        }[variance]
        return norm(np.ma.getdata(of.mean(0)), np.sqrt(chosen))

    out = side(~inside)
    if online:
        return side(inside).logpdf(target) - out.logpdf(target)
    return -out.logpdf(target) if two_sided else (target - out.mean()) / out.std()


def log_mean_out(values, left_out):
    return np.log(np.where(left_out, np.exp(values), 0).sum(0) / left_out.sum(0))


def rmia(online=True, gamma=2.0, temperature=2.0, a=0.33, ties=interpolated, trim=0.0):
    def log_ratio(z, labels, left_out):
        p = log_p(z, labels, temperature)
        if online and trim:
            return p[0] - np.log(trim_mean(np.exp(p[1:]), trim, axis=0))
        if online:
            return p[0] - np.log(np.exp(p[1:]).mean(0))
        return p[0] - np.log(((1 + a) * np.exp(log_mean_out(p[1:], left_out)) + 1 - a) / 2)

    x = log_ratio(logits, label, ~inside)
    z = log_ratio(population_logits, population_label, np.ones((REFERENCES, POPULATION), bool))
    return ties(x - np.log(gamma), z)


def base(online=True, temperature=2.0, scale=0.33):
    p = log_p(logits, label, temperature)
    if online:
        return p[0] - np.log(np.exp(p[1:]).mean(0))
    return p[0] - scale * log_mean_out(p[1:], ~inside)


def population(min_per_class, ties):
    own = log_p(logits[0], label)
    theirs = log_p(population_logits[0], population_label)
    scores = ties(own, theirs)
    for c in range(CLASSES):
        if (population_label == c).sum() >= min_per_class:
            scores[label == c] = ties(own[label == c], theirs[population_label == c])
    return scores


def outside_only(values, function):
    """function(target, references without the record) of each record."""
    return np.array([function(values[0, r], values[1:, r][~inside[:, r]]) for r in range(AUDITED)])


def modified_entropy(z, labels):
    p = np.exp(log_softmax(z, axis=-1))
    py, rest = true_class(p, labels), others(p, labels)
    return -(1 - py) * np.log(py) - (rest * np.log1p(-rest)).sum(-1)


def per_class(score, from_references, min_per_class, ties):
    own, strangers = score(logits, label), score(population_logits, population_label)
    if from_references:
        left_out = np.concatenate([~inside, np.ones((REFERENCES, POPULATION), bool)], axis=1)
        values = np.concatenate([own[1:], strangers[1:]], axis=1)[left_out]
        classes = np.broadcast_to(np.concatenate([label, population_label]), left_out.shape)[left_out]
    else:
        values, classes = strangers[0], population_label
    scores = ties(own[0], values)
    for c in range(CLASSES):
        if (classes == c).sum() >= min_per_class:
            scores[label == c] = ties(own[0][label == c], values[classes == c])
    return scores


def bavaria(online, student=True):
    values, target = phi(logits[1:], label), phi(logits[0], label)

    def side(mask):
        of = [values[mask[:, r], r] for r in range(AUDITED)]
        n = np.array([len(v) for v in of])
        m = np.array([v.mean() for v in of])
        ss = np.array([((v - v.mean()) ** 2).sum() for v in of])
        expected = ss.sum() / (n - 1).sum()
        s2 = ss / (n - 1)
        spread = (((s2 - expected) ** 2).sum() - 2 * expected**2 * (1 / (n - 1)).sum()) / (1 + 2 / (n - 1)).sum()
        a0 = 2 + expected**2 / max(spread, expected**2 / 1000)
        b0 = expected * (a0 - 1)
        k0 = expected / np.clip(m.var() - expected * (1 / n).mean(), expected / 1000, expected * 1000)
        k, a = k0 + n, a0 + n / 2
        b = b0 + ss / 2 + k0 * n * (m - m.mean()) ** 2 / (2 * k)
        return 2 * a, (k0 * m.mean() + n * m) / k, np.sqrt(b * (k + 1) / (a * k))

    nu, place, scale = side(~inside)
    law = t(nu, place, scale) if student else norm(place, scale)
    if online:
        nu, place, scale = side(inside)
        return (t(nu, place, scale) if student else norm(place, scale)).logpdf(target) - law.logpdf(target)
    z = (target - place) / scale
    if not student:
        return z
    return np.sign(z) * np.sqrt(nu * np.log1p(z**2 / nu)) * (8 * nu + 1) / (8 * nu + 3)


def quantile(min_per_class, references):
    """A normal law with linear mean and log-variance, by plain minimisation of its negative log-likelihood."""
    left_out = [~inside, np.ones((REFERENCES, POPULATION), bool)]
    least = min(mask.sum(0).min() for mask in left_out)
    chosen = [c for c in range(CLASSES) if (population_label == c).sum() >= min_per_class]

    def features(values, labels, mask):
        first = [values[1:, r][mask[:, r]][:least] for r in range(len(labels))]
        others = np.array([[v.mean(), v.std()] for v in first])
        return np.array([labels == c for c in chosen], float).reshape(len(chosen), len(labels)).T, others

    z, x = phi(population_logits, population_label), phi(logits, label)
    (zc, zo), (xc, xo) = features(z, population_label, left_out[1]), features(x, label, left_out[0])
    zf, xf = [np.ones((POPULATION, 1)), zc], [np.ones((AUDITED, 1)), xc]
    if references:
        zf, xf = zf + [(zo - zo.mean(0)) / zo.std(0)], xf + [(xo - zo.mean(0)) / zo.std(0)]
    zf, xf = np.concatenate(zf, axis=1), np.concatenate(xf, axis=1)
    d = zf.shape[1]

    def loss(c):
        m, v = zf @ c[:d], zf @ c[d:]
        r = z[0] - m
        gradient = np.concatenate([-zf.T @ (r / np.exp(v)), zf.T @ (1 - r**2 / np.exp(v)) / 2])
        return (v + r**2 / np.exp(v)).sum() / 2, gradient

    c = minimize(loss, np.zeros(2 * d), jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 10000}).x
    return (x[0] - xf @ c[:d]) / np.exp(xf @ c[d:] / 2)


p = np.exp(log_softmax(logits[0], axis=-1))
py = true_class(p, label)
rest = others(p, label)
rows = [
    ("confidence", {}, phi(logits[0], label)),
    ("loss", {}, np.log(py)),
    ("entropy", {}, (p * np.log(p)).sum(-1)),
    ("modified-entropy", {}, (1 - py) * np.log(py) + (rest * np.log1p(-rest)).sum(-1)),
    ("margin", {}, true_class(logits[0], label) - others(logits[0], label).max(-1)),
    ("population", {}, population(100, interpolated)),
    ("population", {"min-per-class": 7}, population(7, interpolated)),
    ("population", {"min-per-class": 7, "ties": "share"}, population(7, share)),
    ("lira", {}, lira("shared-raw", True)),
    ("lira", {"variance": "shrunk", "prior-weight": 2.5}, lira("shrunk", True, weight=2.5)),
    ("lira", {"mode": "offline", "variance": "per-record", "offline-test": "two-sided"}, lira("per-record", False, True)),
    ("rmia", {}, rmia()),
    ("rmia", {"ties": "share"}, rmia(ties=share)),
    ("rmia", {"mode": "offline"}, rmia(online=False)),
    ("rmia", {"mode": "offline", "a": 0.0, "temperature": 1.0, "gamma": 1.0, "ties": "share"}, rmia(False, 1.0, 1.0, 0.0, share)),
    ("base", {}, base()),
    ("base", {"temperature": 1.0}, base(temperature=1.0)),
    ("base", {"mode": "offline"}, base(online=False)),
    ("rmia", {"trim": 0.2}, rmia(trim=0.2)),
    ("reference", {}, outside_only(phi(logits, label), lambda x, out: interpolated(np.array([x]), out)[0])),
    ("reference", {"ties": "share"}, outside_only(log_p(logits, label), lambda x, out: (out <= x).mean())),
    ("calibration", {}, outside_only(log_p(logits, label), lambda x, out: x - out.mean())),
    ("calibration", {"score": "scaled-confidence"}, outside_only(phi(logits, label), lambda x, out: x - out.mean())),
    ("per-class", {}, per_class(lambda z, y: -modified_entropy(z, y), False, 100, interpolated)),
    (
        "per-class",
        {"strangers": "references", "min-per-class": 90, "ties": "share", "score": "scaled-confidence"},
        per_class(phi, True, 90, share),
    ),
    ("per-class", {"strangers": "references"}, per_class(lambda z, y: -modified_entropy(z, y), True, 100, interpolated)),
    ("ml-leaks", {"adversary": "threshold"}, p.max(-1)),
    ("ml-leaks", {"adversary": "threshold", "statistic": "entropy"}, (p * np.log(p)).sum(-1)),
    ("bavaria", {}, bavaria(True)),
    ("bavaria", {"predictive": "normal"}, bavaria(True, False)),
    ("bavaria", {"mode": "offline"}, bavaria(False)),
    ("bavaria", {"mode": "offline", "predictive": "normal"}, bavaria(False, False)),
    ("quantile", {}, quantile(30, True)),
    ("quantile", {"features": "class", "min-per-class": 8}, quantile(8, False)),
    ("ramia", {"attack": "base"}, base()),
    (
        "ensemble",
        {"attacks": [{"attack": "lira"}, {"attack": "base", "weight": 3.0}]},
        (rankdata(lira("shared-raw", True)) + 3 * rankdata(base()) - 2) / 4 / AUDITED,
    ),
]
for variance in ("per-record", "shared", "shared-raw", "shrunk"):
    for mode in ("online", "offline"):
        rows.append(("lira", {"mode": mode, "variance": variance}, lira(variance, mode == "online")))

text = {
    "classes": CLASSES,
    "label": label.tolist(),
    "population_label": population_label.tolist(),
    "member": member.astype(int).tolist(),
    "logits": [[round(float(v), 3) for v in z] for z in logits.reshape(1 + REFERENCES, -1)],
    "population_logits": [[round(float(v), 3) for v in z] for z in population_logits.reshape(1 + REFERENCES, -1)],
    "rows": [{"attack": a, "config": c, "scores": [float(f"{v:.9g}") for v in s]} for a, c, s in rows],
}
pathlib.Path(__file__).with_name("golden.json").write_text(json.dumps(text, separators=(",", ":")).replace("],", "],\n") + "\n")
