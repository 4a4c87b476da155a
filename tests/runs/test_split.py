from thawline.runs.split import SplitRow, read_split_rows, write_split


def test_it_comes_back(tmp_path):
    rows = [SplitRow("a/été, 1.jpg", "ab", "", "a", 0, "fold0"), SplitRow('b/"2".jpg', "cd", "ff", "b", 1, "")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split_rows(tmp_path / "split.csv") == rows
