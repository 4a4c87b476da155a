"""A frozen sentence encoder, any of sentence-transformers."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thawline.errors import UserError
from thawline.files import JSON, digest_of, read_json

Vectors = npt.NDArray[np.float32]

DOCUMENT, QUERY = "document", "query"  # what a text is; some encoders read them in two ways
_FILES: Final = ("*.json", "*.txt", "*.model", "*.safetensors", "*.bin", "*/*.json", "*/*.safetensors", "*/*.bin")


def locate(name: str, setting: str, *, fetch: bool = False) -> Path:
    """The directory of a sentence encoder.

    Args:
        name: A local directory, or a Hub id.
        setting: What named it, for errors.
        fetch: Whether it may be brought from the Hub.

    Raises:
        UserError: It is not on this machine, or can't be fetched.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "modules.json").is_file() and not (path / "config.json").is_file():
            raise UserError(f"{setting}={name} holds no sentence encoder: it has neither modules.json nor config.json")
        return path
    from thawline.encoders.weights import download, is_hub_id

    if not is_hub_id(name):
        raise UserError(f"{setting}={name} is neither a directory nor a Hub id, such as sentence-transformers/NAME")
    if fetch:
        return download(name, None, list(_FILES), setting=setting)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=True))
    except LocalEntryNotFoundError:
        raise UserError(
            f"{setting}={name} is not on this machine; add search.fetch=true to bring it from the Hub, "
            "or name a directory"
        ) from None


class Sentences:
    """A sentence encoder: texts to vectors of length 1. It is loaded when something is to be computed.

    Attributes:
        directory: Its files.
        digest: Of these, by which what it gave is known again.
    """

    def __init__(self, directory: Path) -> None:
        """Name it.

        Raises:
            UserError: sentence-transformers is not installed.
        """
        if find_spec("sentence_transformers") is None:
            raise UserError(
                "search.sentences needs sentence-transformers, not installed; run: pip install 'thawline[sentences]'"
            )
        self.directory = directory
        files = sorted({path for pattern in _FILES for path in directory.glob(pattern) if path.is_file()})
        parts = [f"{path.relative_to(directory).as_posix()} {digest_of(path)}" for path in files]
        self.digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self._alike = _reads_alike(directory)
        self._model: Any = None

    def encode(self, texts: Sequence[str], role: str) -> Vectors:
        """[n, d] of `texts`, which are documents or queries.

        Raises:
            UserError: The encoder can't be loaded.
        """
        from thawline.encoders.transformers import quiet

        model = self._loaded()
        encode = model.encode_query if self._way(role) == QUERY else model.encode_document
        with quiet():
            vectors: Vectors = encode(
                list(texts), batch_size=16, show_progress_bar=False, normalize_embeddings=True, convert_to_numpy=True
            )
        return np.asarray(vectors, np.float32)

    def key(self, role: str) -> dict[str, JSON]:
        """What decides a text's vector besides the text. Its padding in a batch moves the last bits alone."""
        return {
            "sentences": self.digest,
            "role": self._way(role),
            "library": version("sentence-transformers").split(".")[0],
        }

    def _way(self, role: str) -> str:
        """How a text is read: queries as documents, where that is the same."""
        return DOCUMENT if self._alike else role

    def _loaded(self) -> Any:
        from thawline.encoders.transformers import quiet

        if self._model is None:
            with quiet():
                try:
                    from sentence_transformers import SentenceTransformer

                    self._model = SentenceTransformer(str(self.directory), device="cpu", local_files_only=True)
                except Exception as error:  # whatever its many files make it say
                    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                    raise UserError(f"the sentence encoder in {self.directory} can't be loaded: {reason}") from error
        return self._model


def _reads_alike(directory: Path) -> bool:
    """Whether queries are read as documents are: no prompt is put before either, and no module is for one of them."""
    try:
        modules = read_json(directory / "modules.json")
        if any(str(one.get("type", "")).rpartition(".")[2] in ("Router", "Asym") for one in modules):
            return False
        prompts = read_json(directory / "config_sentence_transformers.json").get("prompts") or {}
    except FileNotFoundError:
        return True
    except (OSError, ValueError, AttributeError):
        return False
    return len({prompts.get(role) or "" for role in (QUERY, DOCUMENT, "passage")}) == 1
