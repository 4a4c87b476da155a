import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest

from thawline.errors import UserError
from thawline.runs.predictions import Predictions, Tags, join_predictions, read_predictions, write_predictions


def predictions(paths, fold):
    count = len(paths)
    return Predictions(
        paths=tuple(paths),
        groups=np.arange(count),
        labels=np.array([0, 1, 2, 0][:count]),
        folds=(fold,) * count,
        probabilities=np.eye(3, dtype=np.float32)[[2, 1, 0, 0]][:count] * np.float32(0.7) + np.float32(0.1),
        baseline=np.zeros(count, dtype=np.int64),
        classes=("beach day", "été", "wedding"),
    )


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(dataclasses.astuple(a), dataclasses.astuple(b), strict=True))


def test_they_come_back_and_are_the_same_bytes_each_time(tmp_path):
    written = predictions(["a/1.jpg", "a/2.jpg", "b/ü, 3.jpg"], "holdout")
    for name in ("x.parquet", "y.parquet"):
        write_predictions(tmp_path / name, written)
    assert same(read_predictions(tmp_path / "x.parquet"), written)
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "y.parquet").read_bytes()


def test_the_columns(tmp_path):
    write_predictions(tmp_path / "p.parquet", predictions(["a/1.jpg"], "holdout"))
    (row,) = pq.read_table(tmp_path / "p.parquet").to_pylist()
    assert {name: row[name] for name in ("path", "group", "label", "prediction", "baseline", "fold")} == {
        "path": "a/1.jpg",
        "group": 0,
        "label": "beach day",
        "prediction": "wedding",
        "baseline": "beach day",
        "fold": "holdout",
    }
    assert row["probability:wedding"] == pytest.approx(0.8)


def decided(paths, fold, classes):
    return dataclasses.replace(predictions(paths, fold), decided=np.array(classes))


def test_what_a_threshold_decided_comes_back(tmp_path):
    written = decided(["a", "b", "c"], "holdout", [0, 1, 2])  # the most probable are 2, 1 and 0
    write_predictions(tmp_path / "p.parquet", written)
    assert [row["prediction"] for row in pq.read_table(tmp_path / "p.parquet").to_pylist()] == list(written.classes)
    found = read_predictions(tmp_path / "p.parquet")
    assert same(found, written)
    assert list(found.said) == [0, 1, 2]
    assert list(found.subset(np.array([2, 0])).said) == [2, 0]


def test_decided_folds_are_joined_with_those_where_it_made_no_difference():
    parts = [predictions(["a", "c"], "fold0"), decided(["b", "d"], "fold1", [0, 0])]
    assert list(join_predictions(parts).said) == [2, 0, 1, 0]
    assert list(join_predictions(parts[::-1]).said) == [2, 0, 1, 0]


def test_folds_are_joined_in_the_order_of_paths():
    joined = join_predictions([predictions(["b", "d"], "fold0"), predictions(["a", "c"], "fold1")])
    assert joined.paths == ("a", "b", "c", "d")
    assert joined.folds == ("fold1", "fold0", "fold1", "fold0")
    assert list(joined.labels) == [0, 0, 1, 1]
    assert list(joined.said) == [2, 2, 1, 1]


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="the run did not finish"):
        read_predictions(tmp_path / "predictions.parquet")
    (tmp_path / "x.parquet").write_text("no parquet")
    with pytest.raises(UserError, match=r"x.parquet is damaged \(.*Parquet magic bytes not found"):
        read_predictions(tmp_path / "x.parquet")


def several(paths, fold):
    true = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)[: len(paths)]
    said = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 1]], dtype=bool)[: len(paths)]
    return dataclasses.replace(predictions(paths, fold), tags=Tags(true, said, np.ones_like(true)))


def test_several_classes_of_a_sample_come_back_and_any_of_them_is_right(tmp_path):
    parts = [several(["b", "a", "c"], "fold0"), several(["d"], "fold1")]
    joined = join_predictions(parts)
    write_predictions(tmp_path / "p.parquet", joined)
    found = read_predictions(tmp_path / "p.parquet")
    for name in ("true", "said", "baseline"):
        assert np.array_equal(getattr(found.tags, name), getattr(joined.tags, name)), name
    rows = pq.read_table(tmp_path / "p.parquet").to_pylist()
    assert [row["labels"] for row in rows] == [["été"], ["beach day", "été"], ["wedding"], ["beach day", "été"]]
    assert [row["predictions"] for row in rows][:2] == [[], ["beach day"]]
    assert rows[0]["baselines"] == list(found.classes)
    # The most probable are été, wedding, beach day and wedding.
    assert found.right.tolist() == [True, False, False, False]
    assert found.baseline_right.tolist() == [False, True, False, True]
    assert np.array_equal(found.subset(np.array([2])).tags.true, [[False, False, True]])


def test_one_class_of_a_sample_is_right_alone():
    one = predictions(["a", "b", "c"], "holdout")
    assert one.tags is None
    assert one.right.tolist() == [False, True, False]
    assert one.baseline_right.tolist() == [True, False, False]
