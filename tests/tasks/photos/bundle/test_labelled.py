"""What a bundle says of itself goes with what it is judged by."""

from pathlib import Path
from types import SimpleNamespace

from thawline.data.listing import Listed, Listing
from thawline.data.photos.photo import PhotoFacts
from thawline.tasks.photos.bundle.labelled import LabelledTags
from thawline.tasks.photos.tagged import mark_photos


def test_the_report_of_photos_with_several_labels_has_the_notes_of_the_bundle():
    root, names = Path("/photos"), ("formal", "romantic")
    photos = tuple(Listed(root / f"{name}/{i}.jpg", f"{name}/{i}.jpg", name, "", None) for name in names for i in "01")
    facts = {photo.name: PhotoFacts(f"{i:064x}", phash=None) for i, photo in enumerate(photos)}
    tagged = mark_photos(Listing(root, names, photos, ()), facts, known=names)
    bundle = SimpleNamespace(notes=("It saw people alone.",))
    new = LabelledTags(bundle, tagged.collection, names, tagged.strata, root, tagged=tagged)
    assert new.report()["warnings"] == [*tagged.report()["warnings"], "It saw people alone."]
