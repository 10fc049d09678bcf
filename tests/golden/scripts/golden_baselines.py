"""Golden data of the classical baselines: logistic regression and nearest neighbours of scikit-learn, and the accuracy of its other methods.

    python golden_baselines.py     (scikit-learn 1.9.1, numpy)

Writes ../baselines.json.gz: standardised rows of four overlapping classes, scikit-learn's probabilities for rows it has not seen,
and the accuracies on them of a random forest and of support vector machines.
"""

from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

import stored

WIDTH, N_TRAIN, N_TEST = 6, 160, 80
generator = np.random.default_rng(20261122)


def clips(n, centres):
    labels = np.arange(n) % 4
    return centres[labels] + generator.standard_normal((n, WIDTH)), labels


centres = 1.2 * generator.standard_normal((4, WIDTH))
(train, train_labels), (test, test_labels) = clips(N_TRAIN, centres), clips(N_TEST, centres)
mean, deviation = train.mean(axis=0), train.std(axis=0)
# Short decimals, so that the file contains exactly the fitted numbers.
train, test = (((rows - mean) / deviation).round(6) for rows in (train, test))

out = {
    "sklearn": sklearn.__version__,
    "train": train.tolist(),
    "train_labels": train_labels.tolist(),
    "test": test.tolist(),
    "test_labels": test_labels.tolist(),
    "logistic": {},
    "knn": {},
    "accuracy": {},
}
for penalty in (1.0, 10.0, 100.0):
    # The penalty is on half the sum of squares, added to the sum of the losses: C is its inverse.
    fitted = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(train, train_labels)
    out["logistic"][str(penalty)] = fitted.predict_proba(test).round(9).tolist()
for k in (5, 11, 21):
    fitted = KNeighborsClassifier(k, algorithm="brute").fit(train, train_labels)
    out["knn"][str(k)] = fitted.predict_proba(test).round(9).tolist()
others = {
    "forest": RandomForestClassifier(200, random_state=0),
    "svm-linear": SVC(C=0.1, kernel="linear"),
    "svm-rbf": SVC(C=1.0, kernel="rbf", gamma=1 / WIDTH),
}
for name, method in others.items():
    out["accuracy"][name] = method.fit(train, train_labels).score(test, test_labels)

path = Path(__file__).resolve().parent.parent / "baselines.json"
stored.save_json(path, out, separators=(",", ":"))
print(path, out["accuracy"])
