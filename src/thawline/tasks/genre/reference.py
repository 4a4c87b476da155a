"""What a run on tracks is compared with: MFCC and a support vector machine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

C = 10.0  # fixed: a reference has nothing to choose
Floats = NDArray[np.floating[Any]]


def mfcc_svm(train: Floats, labels: NDArray[np.int64], test: Floats, seed: int) -> NDArray[np.int64]:
    """The labels of the rows `test` by a machine with a Gaussian kernel, on standardised features, C = 10.

    Args:
        train: Features that `encoder=mfcc` gives, [n, features].
        labels: Their classes, [n].
        test: What to judge, [m, features].
        seed: Not that it matters: the machine is fitted exactly, and gives no probabilities.
    """
    from sklearn.pipeline import make_pipeline  # late: scikit-learn takes a second to import
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    machine = make_pipeline(StandardScaler(), SVC(C=C, random_state=seed))
    said: NDArray[np.int64] = machine.fit(train, labels).predict(test)
    return said
