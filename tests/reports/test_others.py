import pytest
from tests.reports.made import make_run, predictions

from thawline.errors import UserError
from thawline.judging.paired import compare
from thawline.reports.gather import gather


@pytest.fixture
def join(tmp_path):
    """Compare a run that got 30 of 40 right with what a file says."""
    run = make_run(tmp_path / "run", predictions(30))

    def read(text, name="vision_api.csv"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        (board,) = gather([run], [file]).boards
        return board

    return read


def rows(right, samples=40, comma=",", more=""):
    """A table whose first `right` rows are right."""
    said = predictions(right, samples=40)
    cells = [f"{said.paths[i]}{comma}{said.classes[said.said[i]]}{more}" for i in range(samples)]
    return "\n".join(cells) + "\n"


def test_it_is_judged_and_tested_on_the_same_samples(join):
    board = join("path,prediction,price_per_1000,currency\n" + rows(38, more=",1.50,EUR"))
    other, run = board.lines
    assert other.entry.name == "vision_api"
    assert other.judgement.accuracy.value == 0.95
    assert other.judgement.log_loss is None
    assert other.entry.price == 1.5
    assert other.entry.priced == "1.50 EUR"
    assert other.entry.notes == ()
    # The best run is what all are tested against, even where another system is better.
    assert run.against_best is None
    a, b = predictions(38), predictions(30)
    assert other.against_best == compare(a.labels, a.said, b.said, a.groups, name_a="vision_api", name_b="run")


def test_only_shared_samples_count_and_what_is_not_shared_is_counted(join):
    board = join("prediction,path\n" + "beach,elsewhere.jpg\n" + "\n".join(_turned(rows(30, samples=10))))
    first, second = board.lines
    assert (first.entry.name, first.judgement.samples, first.judgement.accuracy.value) == ("vision_api", 10, 1.0)
    assert first.against_best.samples == 10
    assert first.against_best.difference.value == 0  # the run got the first ten right as well
    assert second.judgement.samples == 40
    assert first.entry.notes == (
        "vision_api.csv has no row for 30 of 40 judged photos; it is compared on the others.",
        "Rows of vision_api.csv left out, as no run judged their photos: 1.",
    )


def _turned(text):
    return [",".join(reversed(line.split(","))) for line in text.splitlines()]


def test_a_spreadsheets_export_is_read(join):
    text = "path;prediction;price_per_1000\r\n" + rows(20, comma=";", more=";1,25").replace("\n", "\r\n")
    board = join(b"\xef\xbb\xbf" + text.encode())
    assert board.lines[1].judgement.accuracy.value == 0.5
    assert board.lines[1].entry.price == 1.25
    assert board.lines[1].entry.priced == "1.25"


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_paths_of_another_machine_are_the_runs(join, encoding):
    text = "Path\tPrediction\tNote\r\n" + rows(20, comma="\t", more="\té").replace("/", "\\")
    text = text.replace("beach\\", "C:\\Photos\\beach\\")
    board = join(text.encode(encoding))
    assert board.lines[1].judgement.accuracy.value == 0.5
    notes = " ".join(board.lines[1].entry.notes)
    assert ("read as Windows-1252" in notes, "were matched by their ends (20)" in notes) == (encoding == "cp1252", True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,class\na,b\n", "has no column prediction; its first row must name the columns path,prediction"),
        ("", "is empty; it needs the columns path,prediction"),
        ("path,prediction\n", "has a header and no rows"),
        ("path,prediction\nbeach/0000.jpg,\n", "row 2 of .*: it lacks its prediction"),
        ("path,prediction\nbeach/0000.jpg\n", "row 2 of .*: 1 value in a table of 2 columns"),
        ("path,prediction\na,b,c\n", "row 2 of .*: 3 values in a table of 2 columns; quote"),
        ("path,prediction\n" + rows(1, 2) + rows(1, 2), "more than one row for 'beach/0000.jpg', 'wedding/0001.jpg'"),
        ("path,prediction\nbeach/0000.jpg,sea\n", "says 'sea', which the run does not know; it has 'beach', 'wedding'"),
        (
            "path,prediction\n/x/0.jpg,beach\n",
            "no row for any of the photos that run judged; .* such as 'beach/0000.jpg', not '/x",
        ),
        (b"path,prediction\n\x81,beach\n", "is not in UTF-8"),
        ('path,prediction\n"beach,beach\n', "row 2 of .*: a quote that is not closed"),
        ("path,prediction,price_per_1000\n" + rows(1, 1, more=",cheap"), "must be one number, the same in all rows"),
        ("path,prediction,price_per_1000\nbeach/0000.jpg,beach,1\nwedding/0001.jpg,beach,2\n", "but is '1', '2'"),
        ("path,prediction,price_per_1000\n" + rows(1, 1, more=",-1"), "is -1; it must be a number of at least 0"),
        ("path,prediction,currency\n" + rows(1, 1, more=",EUR"), "has a currency and no price_per_1000"),
        (
            "path,prediction,price_per_1000,currency\nbeach/0000.jpg,beach,1,EUR\nwedding/0001.jpg,beach,1,USD\n",
            "must be the same in all rows, but is 'EUR', 'USD'",
        ),
    ],
)
def test_what_is_no_such_table_is_refused_in_a_sentence(join, text, sentence):
    with pytest.raises(UserError, match=sentence):
        join(text)


def test_a_missing_file_a_taken_name_and_several_sets_of_photos_are_refused(join, tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*nowhere.csv; check the path"):
        gather([tmp_path / "run"], [tmp_path / "nowhere.csv"])
    with pytest.raises(UserError, match=r"two of what is compared are called 'run'; rename .*run.csv"):
        join("path,prediction\n" + rows(3), "run.csv")
    make_run(tmp_path / "other", predictions(20, samples=30))
    with pytest.raises(UserError, match=r"judged 2 different sets of photos, and .*run.csv can join one alone"):
        gather([tmp_path], [tmp_path / "run.csv"])
