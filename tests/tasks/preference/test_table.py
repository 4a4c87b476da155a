"""What a file of answers says."""

import pytest
from PIL import Image

from thawline.data.photos.photo import PhotoFacts
from thawline.errors import UserError
from thawline.tasks.preference.answers import answer_of, guess_sentence, guesses
from thawline.tasks.preference.settings import FeedbackSettings, phrases
from thawline.tasks.preference.table import collect, read_feedback


@pytest.fixture
def photos(tmp_path):
    """Six small photos, no two of the same bytes but the last two."""
    for number in range(5):
        Image.new("RGB", (8, 8), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "4.png").read_bytes())
    return tmp_path


def read(folder, text, encoding="utf-8", **settings):
    path = folder / "feedback.csv"
    path.write_bytes(text.encode(encoding))
    return read_feedback(FeedbackSettings(path=str(path), **settings))


def facts(feedback, broken=()):
    """What reading the photos would give: their names' first characters stand for their bytes."""
    digests = {"copy.png": "4"}
    return {
        photo.name: PhotoFacts(
            digests.get(photo.name, photo.name[0]), problem="cut off" if photo.name in broken else None
        )
        for photo in feedback.listing.photos
    }


def test_answers_are_read_in_any_spelling(photos):
    text = "Path;Feedback\n0.png; LIKE \n1.png;Super-Like\n2.png;superlike\n3.png;disliked\n4.png;\n"
    feedback = read(photos, text, "cp1252")
    assert feedback.answers(["0.png", "1.png", "2.png", "3.png"]) == ("like", "super_like", "super_like", "dislike")
    assert [photo.label for photo in feedback.listing.photos] == ["like", "like", "like", "dislike"]
    assert [(left.name, left.reason) for left in feedback.listing.left_out] == [("4.png", "row 6: no answer")]


@pytest.mark.parametrize(
    ("word", "answer"),
    [("Like", "like"), ("super like", "super_like"), ("SUPER_LIKES", "super_like"), ("meh", None), ("", None)],
)
def test_a_word_is_an_answer_or_none(word, answer):
    assert answer_of(word) == answer


def test_of_a_photo_that_is_answered_again_the_last_row_counts(photos):
    feedback = read(photos, "path,feedback\n0.png,like\n1.png,dislike\n0.png,dislike\n2.png,like\n")
    assert feedback.answers(["0.png", "1.png", "2.png"]) == ("dislike", "dislike", "like")
    (change,) = feedback.changes
    assert (change.name, change.before, change.now) == ("0.png", "like (row 2)", "dislike (row 4)")


def test_files_of_the_same_bytes_are_one_photo(photos):
    feedback = read(photos, "path,feedback\n4.png,like\n1.png,dislike\n0.png,like\ncopy.png,dislike\n")
    collection, after = collect(feedback, facts(feedback), FeedbackSettings(path="x"))
    assert collection.names == ("0.png", "1.png", "copy.png")
    assert collection.labels.tolist() == [1, 0, 0]
    assert [left.name for left in collection.left_out] == ["4.png"]
    assert [change.now for change in after.changes] == ["dislike (row 5)"]


def test_the_column_group_keeps_photos_together(photos):
    feedback = read(photos, "path,feedback,group\n0.png,like,ann\n1.png,dislike,\n2.png,like,ann\n3.png,dislike,\n")
    collection, _ = collect(feedback, facts(feedback), FeedbackSettings(path="x"))
    assert collection.grouping.ids.tolist() == [0, 1, 0, 2]
    assert collection.grouping.reasons["group"] == 1


def test_a_photo_that_is_gone_is_left_out_and_named(photos):
    feedback = read(photos, "path,feedback\n0.png,like\ngone.png,like\n1.png,dislike\n")
    assert [(left.name, left.reason) for left in feedback.listing.left_out] == [("gone.png", "row 3: nothing is there")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,feedback\n", "has a header and no rows; give each photo a row"),
        ("path,label\n0.png,like\n", "feedback"),
        ("path,feedback\n0.png,like\n1.png,meh\n", "feedback.csv, row 3: 'meh' is no answer; write dislike, like or"),
        ("path,feedback\n0.png,like\n1.png,super_like\n", "has likes alone (2 photos that can be used)"),
        ("path,feedback\n0.png,dislike\n", "has dislikes alone (1 photos that can be used)"),
        ("path,feedback\nx.png,dislike\n", "has no answer to a photo that is there; x.png, row 2: nothing is there"),
        ("path,feedback\n0.png,\n", "has no answer to a photo that is there; 0.png, row 2: no answer"),
        ("path,feedback,split\n0.png,like,train\n1.png,dislike,\n", "has no split for 1.png; give every photo train"),
        ("path,feedback,split\n0.png,like,lost\n", "row 2: the split 'lost' is none; write train, val or test"),
    ],
)
def test_what_can_not_be_learnt_from_is_one_sentence(photos, text, sentence):
    with pytest.raises(UserError) as refused:
        read(photos, text)
    assert sentence in str(refused.value)


def test_one_kind_of_answer_among_the_photos_that_can_be_used_is_refused(photos):
    feedback = read(photos, "path,feedback\n0.png,like\n1.png,dislike\n2.png,like\n")
    with pytest.raises(UserError, match="has likes alone"):
        collect(feedback, facts(feedback, broken=["1.png"]), FeedbackSettings(path="x"))


def test_below_fifty_of_a_class_it_guesses():
    assert guesses({"like": 49, "dislike": 500})
    assert not guesses({"like": 50, "dislike": 50})
    assert guess_sentence({"like": 3, "dislike": 60}).startswith(
        "It guesses: it has learnt from 3 likes and 60 dislikes"
    )


def test_words_stand_between_commas():
    assert phrases(" athletic, 'artistic' ;athletic") == ["athletic", "artistic"]
    assert phrases("[a, b]") == ["a", "b"]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"super_like": 0.0}, "data.super_like=0 must be above 0"),
        ({"classes": ["like"]}, "data.classes is for folders"),
        ({"likes": " , "}, "data.likes says nothing"),
        ({"layout": "split"}, "data.layout is for folders of photos"),
    ],
)
def test_settings_out_of_range_are_refused(setting, sentence):
    with pytest.raises(UserError, match=sentence):
        FeedbackSettings(path="x", **setting)
