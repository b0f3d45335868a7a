"""The work of `scoring` in NumPy, on the same file: what a Python tool does with the same logits.

Called by the program `scoring`. Prints `name<TAB>seconds<TAB>peak resident bytes beyond the mapped file` for each row.
"""

import re
import sys
import time

import numpy as np


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
    except OSError:
        pass


def peak():
    try:
        with open("/proc/self/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024
    except (OSError, AttributeError):
        return None


def measure(name, work, runs=3):
    """The best of several runs."""
    reset_peak()
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    highest = peak()
    memory = "-" if highest is None else max(highest - logits.nbytes, 0)
    print(name, f"{best:.6f}", memory, sep="\t", flush=True)
    return result


def scale(rows):
    """ln p_y - ln(1 - p_y) in double precision, model by model, record-major."""
    scaled = np.empty((rows.stop - rows.start, models))
    index = np.arange(rows.stop - rows.start)
    for model in range(models):
        z = logits[model, rows].astype(np.float64)
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        own = p[index, labels[rows]]
        p[index, labels[rows]] = 0
        scaled[:, model] = np.log(own + 1e-45) - np.log(p.sum(axis=1) + 1e-45)
    return scaled


def true_probability(rows, temperature=2.0):
    p_true = np.empty((rows.stop - rows.start, models))
    index = np.arange(rows.stop - rows.start)
    for model in range(models):
        z = logits[model, rows].astype(np.float64) / temperature
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p_true[:, model] = p[index, labels[rows]] / p.sum(axis=1)
    return p_true


def log_density(x, mean, deviation):
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation)


def lira_loop():
    """Record by record, with medians, as the published script does."""
    target, references = scaled[:, 0], scaled[:, 1:]
    inside = [references[i, members[i]] for i in range(records)]
    outside = [references[i, ~members[i]] for i in range(records)]
    mean_in, mean_out = np.array([np.median(v) for v in inside]), np.array([np.median(v) for v in outside])
    std_in, std_out = np.array([np.std(v) for v in inside]), np.array([np.std(v) for v in outside])
    return log_density(target, mean_in, std_in + 1e-30) - log_density(target, mean_out, std_out + 1e-30)


def side_moments(references, side, variance):
    """Mean and deviation of each record over the models of one side, all records at once."""
    count = side.sum(axis=1)
    mean = np.where(side, references, 0).sum(axis=1) / count
    squares = (np.where(side, references - mean[:, None], 0) ** 2).sum(axis=1)
    shared = squares.sum() / count.sum()
    if variance == "shared raw":
        shared = references[side].var()
    if variance == "per record":
        return mean, np.sqrt(squares / count) + 1e-30
    if variance == "shrunk":
        return mean, np.sqrt((squares + 4 * shared) / (count + 4))
    return mean, np.sqrt(shared)


def lira(scaled, variance="shrunk", offline=None):
    target, references = scaled[:, 0], scaled[:, 1:]
    mean_out, deviation_out = side_moments(references, ~members, variance)
    if offline == "one-sided":
        return (target - mean_out) / deviation_out
    if offline == "two-sided":
        return -log_density(target, mean_out, deviation_out)
    mean_in, deviation_in = side_moments(references, members, variance)
    return log_density(target, mean_in, deviation_in) - log_density(target, mean_out, deviation_out)


def every_lira(scaled):
    for variance in ("per record", "shared", "shared raw", "shrunk"):
        lira(scaled, variance)
    for offline in ("one-sided", "two-sided"):
        lira(scaled, offline=offline)


def rmia(p_true, gamma=2.0, offline=False):
    mean = p_true[:, 1:].mean(axis=1)
    if offline:
        outside = ~np.concatenate([members, np.zeros((population_records, models - 1), bool)])
        mean = np.where(outside, p_true[:, 1:], 0).sum(axis=1) / outside.sum(axis=1)
        mean = (1.33 * mean + 0.67) / 2
    ratios = p_true[:, 0] / mean
    ladder = np.sort(ratios[population])
    return np.searchsorted(ladder, ratios[audited] / gamma, side="right") / len(ladder)


def rmia_pairs(p_true, gamma=2.0, chunk=5000):
    ratios = p_true[:, 0] / p_true[:, 1:].mean(axis=1)
    own, others = ratios[audited], ratios[population]
    scores = [
        (own[start : start + chunk, None] / others >= gamma).mean(axis=1) for start in range(0, records, chunk)
    ]
    return np.concatenate(scores)


def base(p_true):
    return np.log(p_true[audited, 0]) - np.log(p_true[audited, 1:].mean(axis=1))


path = sys.argv[1]
models, records, population_records, classes = map(int, sys.argv[2:6])
logits = np.memmap(path, np.float32, "r", shape=(models, records + population_records, classes))
labels = np.arange(records + population_records) * 7 % classes
rows = records + population_records
audited, population, everyone = slice(0, records), slice(records, rows), slice(0, rows)
members = np.random.default_rng(3).random((records, models - 1)) < 0.5

logits.sum()  # Every page is in memory from here on.
measure("read", logits.sum)
scaled = measure("scaling", lambda: scale(audited))
measure("scaling + every lira", lambda: every_lira(scale(audited)), 1)
measure("every lira", lambda: every_lira(scaled))
measure("lira, variance per record", lambda: lira(scaled, "per record"))
measure("lira, variance shared", lambda: lira(scaled, "shared"))
measure("lira, variance shared raw", lambda: lira(scaled, "shared raw"))
measure("lira, variance shrunk", lambda: lira(scaled, "shrunk"))
measure("lira, offline one-sided", lambda: lira(scaled, offline="one-sided"))
measure("lira, offline two-sided", lambda: lira(scaled, offline="two-sided"))
measure("lira, record by record (NumPy only)", lira_loop, 1)
p_true = measure("scaling at T = 2", lambda: true_probability(everyone))
measure("scaling at T = 2 + rmia", lambda: rmia(true_probability(everyone)), 1)
measure("rmia", lambda: rmia(p_true))
measure("rmia, offline", lambda: rmia(p_true, offline=True))
measure("rmia, every pair (NumPy only)", lambda: rmia_pairs(p_true), 1)
measure("base", lambda: base(p_true))
