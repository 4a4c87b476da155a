"""Settings of the sample collections."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class SampleSettings:
    """`thawline sample`.

    Attributes:
        collection: Which: `events`, `pairs`, `genre`, `preference` or `library`.
        directory: The folder to make.
        photos_per_class: Of `events`: photos of each class.
        products: Of `pairs`: pictures.
        artists: Of `genre`: artists in each of the six genres.
        tracks_per_artist: Of `genre`: tracks of each artist.
        seconds: Of `genre`: length of a track.
        items: Of `preference` and `library`: photos.
        seed: Fixes what is drawn.
    """

    collection: str = MISSING
    directory: str = MISSING
    photos_per_class: int = 100
    products: int = 400
    artists: int = 8
    tracks_per_artist: int = 5
    seconds: float = 8.0
    items: int = 120
    seed: int = 0
