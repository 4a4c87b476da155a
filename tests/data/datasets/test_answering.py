"""What was said of the rows of a data set, as columns of it."""

import json

import datasets
import pyarrow.parquet as pq
import pytest

from thawline.data.datasets.answering import _said, _save


@pytest.mark.parametrize("tags", [[["sea", "sun"], [], None], [[], [], None]])
def test_rows_without_a_label_are_written_beside_those_with_several(tags, tmp_path):
    lines = tmp_path / "said.jsonl"
    said = [{"path": "a.jpg", "tags": some, "timeline": [{"start": 0}] * i} for i, some in enumerate(tags)]
    lines.write_text("".join(f"{json.dumps(one)}\n" for one in said))
    rows = {"train": datasets.Dataset.from_dict({"id": [1, 2, 3]})}
    for name in ("Said", "said.parquet"):
        _save(rows, _said(lines), tmp_path / name)
    nested = ["[]", '[{"start": 0}]', '[{"start": 0}, {"start": 0}]']
    for made in (pq.read_table(tmp_path / "said.parquet").to_pydict(), datasets.load_from_disk(tmp_path / "Said")[:]):
        assert made == {"id": [1, 2, 3], "prediction_tags": tags, "prediction_timeline": nested}
