"""A tree or a forest of scikit-learn as a model under audit: the recipe's architecture names it. See docs/command.md for the protocol.

    sklearn_model.py fit --rows rows.npy --seed 3 --out FOLDER --recipe recipe.json --data data.npz --threads 1
    sklearn_model.py predict --inputs inputs.npz --outputs outputs.npz --want probabilities --weights FOLDER --threads 2
"""

import argparse
import json
import pathlib

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier


def fit(options):
    how = json.loads(options.recipe.read_text())["architecture"]
    data = np.load(options.data)
    own = np.isin(data["rows"], np.load(options.rows))
    inputs, labels = data["inputs"][own], data["labels"][own]
    if how["name"] == "tree":
        model = DecisionTreeClassifier(random_state=options.seed % 2**32)
    else:
        model = RandomForestClassifier(n_estimators=how.get("trees", 100), random_state=options.seed % 2**32, n_jobs=options.threads)
    model.fit(inputs, labels)
    joblib.dump(model, options.out / "model.joblib")
    (options.out / "train.json").write_text(json.dumps({"train_accuracy": float(model.score(inputs, labels))}))


def predict(options):
    # The program's own file, in a folder that only the audit writes.
    model = joblib.load(options.weights / "model.joblib")
    with np.load(options.inputs) as asked:
        probabilities = model.predict_proba(asked["inputs"]).astype(np.float32)
    np.savez(options.outputs, probabilities=probabilities)


parser = argparse.ArgumentParser()
parser.add_argument("verb", choices=["predict", "fit"])
for name in ("inputs", "outputs", "weights", "rows", "out", "recipe", "data"):
    parser.add_argument(f"--{name}", type=pathlib.Path)
parser.add_argument("--want")
for name in ("threads", "seed"):
    parser.add_argument(f"--{name}", type=int, default=0)
options = parser.parse_args()
(predict if options.verb == "predict" else fit)(options)
