"""The reference against the machine that it is."""

import numpy as np
from sklearn.svm import SVC

from thawline.tasks.genre.reference import mfcc_svm


def test_it_is_a_support_vector_machine_on_standardised_features():
    generator = np.random.default_rng(0)
    labels = np.arange(90) % 3
    features = generator.normal(size=(90, 5)) + labels[:, None]
    features[:, 1] *= 1e4  # which would drown the others
    train, test = features[:60], features[60:]
    said = mfcc_svm(train, labels[:60], test, seed=0)
    mean, scale = train.mean(axis=0), train.std(axis=0)
    machine = SVC(C=10.0, kernel="rbf").fit((train - mean) / scale, labels[:60])
    np.testing.assert_array_equal(said, machine.predict((test - mean) / scale))
    assert np.mean(said == labels[60:]) > 0.6
