"""YAML files that a person writes: read in any encoding, and refused where a key stands twice."""

from pathlib import Path

import pytest

from thawline.data.tables.yaml_files import read_yaml
from thawline.errors import UserError

MEND = "write, say, 'accuracy: 0.9'"


def test_a_file_is_read_in_windows_encodings_and_with_merged_keys(tmp_path: Path) -> None:
    (tmp_path / "gates.yaml").write_bytes("\ufeffrecall:\r\n  fête: 0.9\r\n".encode("utf-16-le"))
    assert read_yaml(tmp_path / "gates.yaml", MEND) == {"recall": {"fête": 0.9}}
    (tmp_path / "merged.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\n")
    assert read_yaml(tmp_path / "merged.yaml", MEND)["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy: 0.9\nby: low\naccuracy: 0.5\n", "'accuracy' stands twice, lines 1 and 3; keep one"),
        ("recall:\n  beach: 0.9\n  'beach': 0.5\n", "'beach' stands twice, lines 2 and 3; keep one"),
        ("accuracy: [0.9", "can't be read as YAML"),
    ],
)
def test_what_can_t_be_told_apart_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "gates.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as refused:
        read_yaml(tmp_path / "gates.yaml", MEND)
    assert str(refused.value).endswith(MEND)
