"""scikit-learn without SciPy's statistics and pandas, which are there all the same for whoever asks."""

import subprocess
import sys

PROBES = """
import sys
from thawline.fitting.methods.scikit import LogisticRegression, log_loss

def real():
    return "scipy.stats._stats_py" in sys.modules

model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
loss = log_loss([0, 1], model.predict_proba([[0.0], [3.0]]))
print(round(loss, 3), real(), "pandas" in sys.modules)

from sklearn.metrics import label_ranking_loss, label_ranking_average_precision_score
print(label_ranking_average_precision_score([[1, 0, 0], [0, 0, 1]], [[0.75, 0.5, 1], [1, 0.2, 0.1]]), real())

from scipy.stats import norm
import scipy.stats.mstats
import scipy, scipy.stats, sklearn.preprocessing, pandas
print(round(norm.isf(0.025), 4), scipy.stats is sys.modules["scipy.stats"] and hasattr(scipy.stats, "__file__"))
print(round(float(sklearn.preprocessing.PowerTransformer().fit([[1.0], [2.0], [9.0]]).lambdas_[0]), 1))
print(model.fit(pandas.DataFrame({"a": [0.0, 1.0]}), [0, 1]).feature_names_in_.tolist())
"""


def test_they_are_imported_by_whoever_uses_them_and_not_before():
    done = subprocess.run([sys.executable, "-c", PROBES], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "0.213 False False",
        "0.41666666666666663 True",
        "1.96 True",
        "-0.8",
        "['a']",
    ]
