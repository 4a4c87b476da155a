"""What a run wrote is what is read."""

import subprocess

import pytest

from thawline.errors import UserError
from thawline.files import write_text
from thawline.runs.digests import DIGESTS_FILE, is_changed, noted
from thawline.runs.reading import read_record, reading
from thawline.runs.sweep import read_sweep, write_sweep


def write(path, text):
    with noted(path):
        write_text(path, text)


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_any_changed_bit_is_noticed(tmp_path):
    path = tmp_path / "été.json"
    write(path, '{"c": 1.0}')
    assert not is_changed(path)
    assert read_record(path) == {"c": 1.0}
    for bit in range(8 * 10):
        flip(path, bit)
        with pytest.raises(
            UserError, match=rf"{path} is damaged \(it is not what the run wrote, by {DIGESTS_FILE} beside"
        ):
            read_record(path)
        flip(path, bit)
    assert read_record(path) == {"c": 1.0}


def test_whatever_becomes_of_the_notes_nothing_else_is_read(tmp_path):
    """A changed note refuses a good file, or stands for none; it never lets a changed file pass for a good one."""
    path = tmp_path / "a.json"
    write(path, '{"c": 1}')
    notes = tmp_path / DIGESTS_FILE
    refused = 0
    for bit in range(8 * len(notes.read_bytes())):
        flip(notes, bit)
        try:
            assert read_record(path) == {"c": 1}
        except UserError:
            refused += 1
        flip(notes, bit)
    assert refused >= 8 * 64
    notes.unlink()
    assert read_record(path) == {"c": 1}


def test_a_file_without_a_note_is_read_as_it_is(tmp_path):
    write(tmp_path / "a.txt", "a")
    write_text(tmp_path / "b.txt", "b")
    assert not is_changed(tmp_path / "b.txt")
    with reading(tmp_path / "b.txt"):
        pass
    assert not is_changed(tmp_path / "gone" / "c.txt")


def test_a_file_that_is_written_again_has_no_note_meanwhile(tmp_path):
    """A kill at any moment leaves a file that is read."""
    path = tmp_path / "a.txt"
    write(path, "first")
    write(tmp_path / "b.txt", "other")

    writing = noted(path)
    writing.__enter__()
    write_text(path, "second")
    assert not is_changed(path)
    write(path, "third")
    assert not is_changed(path)
    assert len((tmp_path / DIGESTS_FILE).read_text().splitlines()) == 2


def test_the_usual_tool_reads_the_notes(tmp_path):
    write(tmp_path / "a.txt", "a")
    write(tmp_path / "b.txt", "b")
    done = subprocess.run(["sha256sum", "-c", DIGESTS_FILE], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "a.txt: OK\nb.txt: OK\n")


def test_a_sweeps_winner_is_the_one_that_was_written(tmp_path):
    write_sweep(tmp_path, {"winner": 3})
    assert read_sweep(tmp_path, "winner") == {"winner": 3}
    path = tmp_path / "sweep.json"
    path.write_text(path.read_text().replace("3", "1"))  # one bit
    with pytest.raises(UserError, match=r"sweep\.json is damaged"):
        read_sweep(tmp_path, "winner")
