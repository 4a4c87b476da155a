"""What the card of a bundle says of decoding JPEGs at a reduced scale."""

import numpy as np

from thawline.tasks.photos.bundle.write import _decoding_of_tags


def test_of_several_labels_those_count_that_come_to_lie_on_the_other_side_of_their_threshold():
    edges = np.array([0.5, 0.2])
    said = np.array([[0.9, 0.1], [0.55, 0.45], [0.3, 0.45]], dtype=np.float32)
    # Far from its threshold one label is lost; one near its threshold and one that was and stays below don't count.
    other = np.array([[0.85, 0.1], [0.45, 0.15], [0.2, 0.45]], dtype=np.float32)
    sentence = _decoding_of_tags(said, other, edges)
    assert "probabilities of 3 of the run's photos changed by 0.3 at most" in sentence
    assert sentence.endswith(
        "of the 4 that are more than 0.1 from their label's threshold, 1 came to lie on its other side."
    )
