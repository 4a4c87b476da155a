"""How faces that were forgotten are known again, without anything kept of them that could be turned back."""

import hashlib
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.library.people.faces import Faces

_KEY = 32  # bytes


@dataclass(frozen=True)
class Forgotten:
    """Digests of forgotten encodings, under a key of the library's own.

    An encoding has far too many values to be guessed from its digest, and without the key nobody can look one up that
    was computed elsewhere. Whoever has both the directory and the encoding can tell that it was forgotten: so much must
    stay.

    Attributes:
        key: Drawn when a face is first forgotten, hex; "" before.
        digests: Of the encodings, hex.
    """

    key: str = ""
    digests: frozenset[str] = frozenset()

    def holds(self, faces: Faces) -> NDArray[np.bool_]:
        """[n] Which of `faces` were forgotten."""
        if not self.digests:
            return np.zeros(len(faces), np.bool_)
        return np.array([digest in self.digests for digest in self._digests(faces)], np.bool_)

    def also(self, faces: Faces) -> "Forgotten":
        """With `faces` forgotten too."""
        drawn = self if self.key else Forgotten(os.urandom(_KEY).hex())
        return Forgotten(drawn.key, self.digests | frozenset(drawn._digests(faces)))

    def _digests(self, faces: Faces) -> list[str]:
        key, rows = bytes.fromhex(self.key), np.ascontiguousarray(faces.encodings, "<f4")
        return [hashlib.blake2b(row.tobytes(), key=key, digest_size=16).hexdigest() for row in rows]
