"""An attack as a program: how much surer the target is than reference models that never saw the record. Python's standard library only."""

import argparse
import array
import ast
import struct
import zipfile


def read(archive, name):
    """The shape and the elements of an array of the archive (npy format, version 1)."""
    data = archive.read(name + ".npy")
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + length].decode("latin-1"))
    elements = array.array({"<f4": "f", "<i8": "q", "|b1": "b"}[header["descr"]])
    elements.frombytes(data[10 + length :])
    return header["shape"], elements


parser = argparse.ArgumentParser()
for option in ("--inputs", "--scores", "--seed", "--threads"):
    parser.add_argument(option, required=True)
arguments = parser.parse_args()

with zipfile.ZipFile(arguments.inputs) as archive:
    assert read(archive, "format")[1][0] == 1
    (records, models, variants), signal = read(archive, "audited/scaled-confidence")
    _, membership = read(archive, "audited/membership")

with open(arguments.scores, "w") as scores:
    for r in range(records):
        # The mean over the variants of a record, for each model; the target is model 0.
        row = signal[r * models * variants : (r + 1) * models * variants]
        means = [sum(row[m * variants : (m + 1) * variants]) / variants for m in range(models)]
        member = membership[r * (models - 1) : (r + 1) * (models - 1)]
        others = [mean for mean, inside in zip(means[1:], member) if not inside]
        score = means[0] - (sum(others) / len(others) if others else 0.0)
        scores.write(f"{score!r}\n")
        if r % 1000 == 0:
            print(f"progress {r}/{records}", flush=True)
