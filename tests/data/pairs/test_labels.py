"""A match and a mismatch in the words of other programs."""

from thawline.data.pairs.labels import match_label


def test_labels_are_read_in_the_words_of_other_programs():
    assert [match_label(cell) for cell in ("1", "1.0", " True", "MATCH", "1,0", "+1")] == [1] * 6
    assert [match_label(cell) for cell in ("0", "0.00", "false", "Mismatch", "0,0", "-0")] == [0] * 6
    assert [match_label(cell) for cell in ("", "2", "yes", "0.5", "1.01", "nan", "true.")] == [None] * 7
