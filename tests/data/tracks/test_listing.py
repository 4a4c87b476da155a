from pathlib import Path

import pytest

from thawline.data.listing import LeftOut
from thawline.data.tracks.listed import TRACKS
from thawline.data.tracks.listing import list_tracks, walk_tracks
from thawline.data.walking import walk_files
from thawline.errors import UserError


@pytest.fixture
def touch(tmp_path):
    def touch(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return touch


@pytest.fixture
def table(tmp_path):
    def table(text: str, name: str = "tracks.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return table


def test_a_folder_per_genre(touch) -> None:
    root = touch("rock/b.MP3", "rock/Queen/a.flac", "jazz/c.ogg", "jazz/d.mid", "jazz/cover.jpg", ".x/e.wav", "f.wav")
    listing = list_tracks(root)
    assert listing.classes == ("jazz", "rock")
    assert [(track.name, track.label, track.labels, track.artist) for track in listing.tracks] == [
        ("jazz/c.ogg", "jazz", ("jazz",), None),
        ("rock/Queen/a.flac", "rock", ("rock",), None),
        ("rock/b.MP3", "rock", ("rock",), None),
    ]
    assert listing.left_out == (
        LeftOut("f.wav", "not in a class folder"),
        LeftOut("jazz/cover.jpg", "not supported (.jpg)"),
        LeftOut("jazz/d.mid", "not supported (MIDI)"),
    )
    assert list_tracks(root, ["rock"]).classes == ("rock",)
    with pytest.raises(UserError, match=r"there is no class 'rok' in .*; did you mean 'rock'"):
        list_tracks(root, ["rok"])


def test_folders_of_artists_and_albums(touch) -> None:
    root = touch("rock/Queen/a.wav", "rock/Queen/Jazz/b.wav", "jazz/c.wav")
    listing = list_tracks(root, artists=True)
    assert [(track.name, track.artist, track.album) for track in listing.tracks] == [
        ("jazz/c.wav", None, None),
        ("rock/Queen/Jazz/b.wav", "Queen", "Jazz"),
        ("rock/Queen/a.wav", "Queen", None),
    ]


def test_given_sides(touch) -> None:
    root = touch("train/rock/a.wav", "test/rock/b.wav", "valid/jazz/c.wav")
    assert [track.side for track in list_tracks(root).tracks] == ["test", "train", "val"]


def test_a_table(touch, table) -> None:
    touch("x/a.wav", "x/b.mp3", "c.flac")
    path = table(
        "audio_path,label,artist,album,split,themes,more\n"
        "x/b.mp3,rock|indie ; rock,Björk,Debut,train,Heart break | drinking; drinking,1\n"
        "./x/a.wav,jazz,,,valid,,\n"
        f"{touch() / 'c.flac'},rock,,,test,,\n"
    )
    listing = list_tracks(path)
    assert (listing.root, listing.classes, listing.left_out) == (path.parent, ("jazz", "rock"), ())
    c, a, b = listing.tracks
    assert (b.name, b.path, b.label, b.labels) == ("x/b.mp3", path.parent / "x/b.mp3", "rock", ("rock", "indie"))
    assert (b.artist, b.album, b.side, b.themes) == ("Björk", "Debut", "train", ("Heart break", "drinking"))
    assert (a.name, a.artist, a.album, a.side, a.themes) == ("x/a.wav", None, None, "val", ())
    assert c.name == "c.flac"
    assert [track.name for track in list_tracks(path, ["jazz"]).tracks] == ["x/a.wav"]


def test_a_table_given_by_a_path_with_dots(touch, table) -> None:
    touch("x/a.wav", "y/b.wav")
    path = table("audio_path,label\nx/a.wav,rock\ny/b.wav,jazz\n")
    listing = list_tracks(path.parent / "x" / ".." / path.name)
    assert listing == list_tracks(path)
    assert (listing.root, [track.name for track in listing.tracks]) == (path.parent, ["x/a.wav", "y/b.wav"])


def test_rows_that_cannot_be_used_are_named(touch, table) -> None:
    touch("a.wav", "b.wav", "c.mid", "folder/x")
    path = table(
        "audio_path,label\na.wav,rock\nb.wav,\ngone.wav,rock\nhttps://x.org/a.mp3,rock\nfolder,rock\n,rock\n"
        "c.mid,rock\na.wav,rock\n./a.wav,jazz\nb.wav,rock,more\n"
    )
    listing = list_tracks(path)
    assert [track.name for track in listing.tracks] == ["a.wav"]
    assert set(listing.left_out) == {
        LeftOut("b.wav", "row 3: no label"),
        LeftOut("gone.wav", "row 4: nothing is there"),
        LeftOut("https://x.org/a.mp3", "row 5: a URL; save the file and give its path"),
        LeftOut("folder", "row 6: no file"),
        LeftOut("tracks.csv", "row 7: no path"),
        LeftOut("c.mid", "row 8: not supported (MIDI)"),
        LeftOut("a.wav", "row 9: named again"),
        LeftOut("./a.wav", "row 10: named again, as 'jazz'"),
        LeftOut("tracks.csv", "row 11: 3 values in a table of 2 columns; quote a text that holds the separator"),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"is empty; it needs the columns audio_path,label and a row for each track"),
        ("audio_path,label\n", "has a header and no rows; give each track a row"),
        ("audio_path,genre\na.wav,rock\n", "has no column label; .* names audio_path,genre"),
        ("audio_path,label\ngone.wav,rock\n", r"names no track that is there; gone.wav, row 2: nothing is there"),
        ("audio_path,label,split\na.wav,x,train\nb.wav,y,\n", "has no split for b.wav; give every track"),
        ("audio_path,label,split\na.wav,x,later\n", "row 2: the split 'later', where train, val or test is meant"),
    ],
)
def test_tables_that_cannot_be_used(touch, table, text, problem) -> None:
    touch("a.wav", "b.wav")
    with pytest.raises(UserError, match=problem):
        list_tracks(table(text))


def test_what_cannot_be_listed(touch) -> None:
    root = touch("rock/a.txt")
    with pytest.raises(UserError, match=r"no \.wav, \.flac, .* put the tracks of each class into a folder"):
        list_tracks(root)
    with pytest.raises(UserError, match=r"there is no file .*gone.csv; check the path"):
        list_tracks(root / "gone.csv")


def test_tracks_to_be_judged(touch) -> None:
    root = touch("a/1.mp3", "a/2.mid", "a/photo.jpg", "b.wav")
    found = [Path(path).relative_to(root).as_posix() for path in walk_files([str(root)], {}, TRACKS)]
    assert found == ["b.wav", "a/1.mp3", "a/2.mid"]


def test_a_table_of_tracks_to_be_judged_tells_their_themes(touch, table) -> None:
    root = touch("x/a.wav", "b.mp3", "c.mid", "d/e.wav")
    path = table(
        "themes,audio_path,label\nLove; war |love,x/a.wav,rock\n,b.mp3,\n,gone.wav,\nlove,,\n,c.mid,\n"
        "drinking,x/a.wav,\na,b,c,d\n,https://x.org/a.mp3,\n"
    )
    unopened: dict[str, str] = {}
    themes: dict[str, tuple[str, ...]] = {}
    walked = walk_tracks([str(root / "d"), str(path), "as it is.txt"], unopened, themes, [])
    seen = []
    for name in walked:
        seen.append((name, themes.get(name)))
    a, b = str(root / "x" / "a.wav"), str(root / "b.mp3")
    assert seen == [
        (str(root / "d" / "e.wav"), None),
        (a, ("Love", "war", "love", "drinking")),  # all is told before the first path is given
        (b, ()),
        (str(root / "gone.wav"), None),
        (f"{path}, row 5", None),
        (str(root / "c.mid"), None),
        (a, ("Love", "war", "love", "drinking")),
        (f"{path}, row 8", None),
        ("https://x.org/a.mp3", None),
        ("as it is.txt", None),
    ]
    assert unopened == {
        str(root / "gone.wav"): "row 4: nothing is there",
        f"{path}, row 5": "row 5: no path",
        str(root / "c.mid"): "row 6: not supported (MIDI)",
        f"{path}, row 8": "row 8: 4 values in a table of 3 columns; quote a text that holds the separator",
        "https://x.org/a.mp3": "row 9: a URL; save the file and give its path",
    }
    # A table of something else, among tracks, ends nothing.
    other, unopened = str(table("path\na.wav\n", "other.csv")), {}
    assert list(walk_tracks([other, str(root / "b.mp3")], unopened, {}, [])) == [other, str(root / "b.mp3")]
    assert "has no column audio_path" in unopened[other]


def test_the_home_of_nobody_known_is_a_row_left_out(table, touch):
    touch("a.wav")
    listing = list_tracks(table("audio_path,label\na.wav,rock\n~nobody-known/b.wav,rock\n"))
    assert [left.reason for left in listing.left_out] == [
        "row 3: the home of nobody known; begin with ./ where the name itself begins with ~"
    ]
