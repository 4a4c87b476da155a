from thawline.runs.split import SplitRow, read_split_rows, write_split


def test_it_comes_back(tmp_path):
    rows = [SplitRow("a/été, 1.jpg", "ab", "", "a", 0, "fold0"), SplitRow('b/"2".jpg', "cd", "ff", "b", 1, "")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split_rows(tmp_path / "split.csv") == rows


def test_texts_come_back_and_older_files_have_none(tmp_path):
    rows = [SplitRow("a.jpg (row 2)", "ab", "ff", "match", 0, "holdout", text="12")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split_rows(tmp_path / "split.csv") == rows
    (tmp_path / "old.csv").write_text("path,digest,phash,label,group,fold\na.jpg,ab,ff,a,3,\n")
    assert read_split_rows(tmp_path / "old.csv") == [SplitRow("a.jpg", "ab", "ff", "a", 3, "")]
