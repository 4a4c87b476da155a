"""Columns made without pandas are those that pyarrow makes."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from thawline.runs.columns import lists_of_texts, numbers, texts


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
def test_numbers(dtype):
    values = np.arange(12, dtype=dtype).reshape(4, 3)[:, 1]
    assert numbers(values).equals(pa.array(values))
    assert numbers(values[:0]).equals(pa.array(values[:0]))


@pytest.mark.parametrize("values", [[], [""], ["été/é #1.jpg", "", "写真", "a" * 300]])
def test_texts(values):
    assert texts(values).equals(pa.array(values, pa.string()))
    assert texts(np.array(values, dtype=object)).equals(pa.array(values, pa.string()))


@pytest.mark.parametrize("rows", [[], [[]], [["beach", "été"], [], ["beach"]]])
def test_lists_of_texts(rows):
    made = lists_of_texts(rows)
    made.validate(full=True)
    assert made.equals(pa.array(rows, pa.list_(pa.string())))


def test_a_text_that_is_no_unicode_is_refused_as_pyarrow_does():
    for make in (texts, pa.array):
        with pytest.raises(UnicodeEncodeError):
            make(["\udcff.jpg"])


def test_predictions_are_written_and_read_without_pandas(tmp_path):
    code = """
import sys
from pathlib import Path
import numpy as np
from thawline.runs.predictions import Predictions, read_predictions, write_predictions
ones = np.ones(2, dtype=np.int64)
said = np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32)
given = Predictions(("a", "b"), ones, ones, ("f", "f"), said, ones, ("x", "y"))
path = Path(sys.argv[1]) / "predictions.parquet"
write_predictions(path, given)
found = read_predictions(path)
print(np.array_equal(found.probabilities, said), found.probabilities.dtype, found.paths, "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True float32 ('a', 'b') False"
