"""Where weights are: a local directory, the package, or the Hub's cache; and bringing them there, when asked to."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.files import read_json, write_atomically

if TYPE_CHECKING:
    import torch

PACKAGE = "package:"
_SAFE = ("model.safetensors", "model.safetensors.index.json")
_OLD = "pytorch_model.bin"
_OPEN_CLIP = "open_clip_model.safetensors"
# What a repository is asked for: no weights of other frameworks, no code. The card says the licence.
_TEXTS = ["*.json", "*.txt", "README.md"]
_WANTED = [*_TEXTS, "model.safetensors", "model-*.safetensors"]
# A sentence encoder's parts lie in folders with numbers; older ones have their weights in the other format.
_PARTS = [f"[0-9]_*/{name}" for name in ("*.json", "*.txt", "*.safetensors", _OLD)]
_NOT_FETCHED = "torchvision's weights are not the Hub's; set encoder.weights to a safetensors file, or a folder of such"

_PATIENCE = 5.0  # seconds that the Hub has for its first answer
_REVISIONS = {"encoder.name": "encoder.revision", "encoder.separator": "encoder.separator_revision"}


@dataclass(frozen=True)
class Cached:
    """What of an encoder is on this machine.

    Attributes:
        where: The directory; None if the weights are not here.
        bytes: Size of the weights.
        revision: Commit of the Hub repository; None for weights that are not the Hub's.
    """

    where: Path | None
    bytes: int
    revision: str | None = None


def locate(settings: EncoderSettings) -> Path:
    """The directory that holds the weights of `settings.name`. The network is not asked.

    Raises:
        UserError: It is not on this machine.
    """
    name = settings.name
    local = _local(name)
    if local.is_dir():
        return local
    if name.startswith(PACKAGE):
        raise UserError(f"the package carries no {name.removeprefix(PACKAGE)}; mend {settings.setting}")
    if settings.family == "torchvision":
        raise UserError(f"'{name}' is no directory, and {_NOT_FETCHED}")
    instead = " or encoder.weights to a safetensors file" if settings.family == "timm" else ""
    if not is_hub_id(name):
        raise UserError(
            f"'{name}' is neither a directory nor a Hub id; set {settings.setting} to one of these{instead}"
        )
    from huggingface_hub import try_to_load_from_cache

    for file in [_OPEN_CLIP] if settings.family == "open_clip" else [*_SAFE, _OLD]:
        path = try_to_load_from_cache(name, file, revision=settings.revision)
        if isinstance(path, str):
            return Path(path).parent
    raise UserError(
        f"the weights of {name} are not on this machine; fetch them with 'thawline weights fetch ENCODER', "
        f"or set {settings.setting} to a local directory{instead}"
    )


def weights_in(directory: Path, settings: EncoderSettings) -> Path:
    """The safetensors file (or the index of several) in `directory`, as the family of `settings` names it.

    Raises:
        UserError: There are no weights, or they can't be converted.
    """
    if settings.family != "open_clip":
        return safetensors_in(directory)
    if not (directory / _OPEN_CLIP).exists():
        raise UserError(
            f"{directory} has no {_OPEN_CLIP}, the one file of weights that is read of open_clip's; save the model as "
            "safetensors, or use encoder=clip where the directory is in transformers' format"
        )
    return directory / _OPEN_CLIP


def safetensors_in(directory: Path) -> Path:
    """The safetensors file (or the index of several) in `directory`, written now if there is only an older `.bin`.

    Raises:
        UserError: There are no weights, or they can't be converted.
    """
    for name in _SAFE:
        if (directory / name).exists():
            return directory / name
    if not (directory / _OLD).exists():
        raise UserError(f"{directory} holds neither model.safetensors nor {_OLD}; mend encoder.name")
    return _convert(directory / _OLD, directory / _SAFE[0])


def read_tensor(weights: Path, name: str) -> "torch.Tensor | None":
    """One tensor of a safetensors file, or of those that an index names; None if there is none of that name."""
    from safetensors import SafetensorError, safe_open

    try:
        if weights.suffix == ".json":
            weights = weights.parent / read_json(weights)["weight_map"][name]
        with safe_open(weights, framework="pt") as file:
            tensor: torch.Tensor = file.get_tensor(name).clone()  # not what lies in a file that may be written to
            return tensor
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def read_weights(weights: Path) -> "dict[str, torch.Tensor]":
    """All tensors of a safetensors file, or of those that an index names, in memory.

    Raises:
        OSError, SafetensorError: A file is absent or damaged.
        ValueError, KeyError, TypeError, AttributeError: The index is none, or two files hold a tensor of one name.
    """
    from safetensors import safe_open

    files = [weights]
    if weights.suffix == ".json":
        places = read_json(weights)["weight_map"].values()
        if not all(isinstance(name, str) for name in places):
            raise ValueError(f"{weights.name} names no files")
        files = [weights.parent / name for name in sorted(set(places))]
    state: dict[str, torch.Tensor] = {}
    for file in files:
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118  # it is no dict
                if name in state:
                    raise ValueError(f"two files hold the tensor {name}")
                state[name] = opened.get_tensor(name).clone()  # not what lies in a file that may be written to
    return state


def weights_file(settings: EncoderSettings) -> Path:
    """The safetensors file of a network of timm's or torchvision's. One that is given need not exist.

    Returns:
        `encoder.weights`. If that is a folder, the one file in it whose name begins with the architecture's name, which
        a letter or digit may not follow: `resnet50_mine.safetensors` is resnet50's, `resnet50d.safetensors` is not.
        If it is null, the file in the directory of `encoder.name`.

    Raises:
        UserError: The folder has none or several such files, or the weights are not on this machine.
    """
    if not settings.weights:
        return safetensors_in(locate(settings))
    path = Path(settings.weights).expanduser()
    return _of_architecture(path, str(settings.model)) if path.is_dir() else path


def local_files(settings: EncoderSettings) -> list[Path]:
    """The files that decide what is loaded: one of weights, which need not exist, or a directory's with its configs.

    Raises:
        UserError: The weights are not on this machine.
    """
    if settings.without_files:
        return []
    if settings.weights:
        return [weights_file(settings)]
    directory = locate(settings)
    return sorted(path for pattern in (*_wanted(settings), _OLD) for path in directory.glob(pattern))


def _wanted(settings: EncoderSettings) -> list[str]:
    if settings.family == "open_clip":
        return [*_TEXTS, _OPEN_CLIP]
    return [*_WANTED, *_PARTS] if settings.family == "sentences" else _WANTED


def look_up(settings: EncoderSettings) -> Cached:
    """What of the encoder is on this machine. Neither writes nor asks the network."""
    try:
        if settings.weights:
            path = weights_file(settings)
            return Cached(path.parent, path.stat().st_size)
        directory = locate(settings)
        safe = _OPEN_CLIP if settings.family == "open_clip" else "model*.safetensors"
        found = sorted(directory.glob(safe)) or sorted(directory.glob(_OLD))
        if not found:
            return Cached(None, 0)
        revision = directory.name if directory.parent.name == "snapshots" else None
        return Cached(directory, sum(path.stat().st_size for path in found), revision)
    except (UserError, OSError):
        return Cached(None, 0)


def fetch(settings: EncoderSettings) -> Path:
    """Bring the weights of the Hub repository `settings.name` to this machine, at the pinned revision.

    Only safetensors are taken; where there are none, an older `.bin` is read without running code and converted once.

    Returns:
        The directory that holds them.

    Raises:
        UserError: The Hub can't be reached, or has no such repository or revision.
    """
    if settings.family == "scratch":
        raise UserError("encoder@text=scratch has no weights to fetch; it is trained on the texts of the data")
    if settings.without_files:
        raise UserError(f"encoder={settings.family} has no weights to fetch")
    name = settings.name
    if _local(name).is_dir():
        raise UserError(f"{name} is on this machine already: {_local(name)}")
    if settings.family == "torchvision":
        raise UserError(f"{name} can't be fetched: {_NOT_FETCHED}")
    if not is_hub_id(name):
        raise UserError(f"'{name}' is no Hub id; set {settings.setting} to one, openai/clip-vit-base-patch32 say")
    directory = download(name, settings.revision, _wanted(settings))
    if settings.family != "open_clip" and not any((directory / safe).exists() for safe in _SAFE):
        download(name, settings.revision, [_OLD])
    weights_in(directory, settings)
    return directory


def download(name: str, revision: str | None, wanted: list[str], *, setting: str = "encoder.name") -> Path:
    """Bring the files of a Hub repository that fit one of the patterns `wanted` to this machine; what is here stays.

    Args:
        name: The repository.
        revision: Of it; None: the newest.
        wanted: Patterns of names.
        setting: What named the repository, for errors.

    Returns:
        The directory that holds them.

    Raises:
        UserError: The Hub can't be reached, or has no such repository or revision.
    """
    from huggingface_hub import snapshot_download

    try:
        with _quiet():
            # By itself it asks six times, for half a minute, whether there is a network.
            here = not _answers(name, revision)
            return Path(snapshot_download(name, revision=revision, allow_patterns=wanted, local_files_only=here))
    except Exception as error:  # what carries the Hub's requests differs by release, and so do its errors
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            raise  # the disk's
        raise UserError(f"{name} can't be fetched from the Hub: {_reason(error, revision, setting)}") from error


def _answers(name: str, revision: str | None) -> bool:
    """Whether the Hub answers, asked once. It may answer that there is no such repository, and that is raised."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi().model_info(name, revision=revision or "main", timeout=_PATIENCE)
    except HfHubHTTPError as error:
        if error.response.status_code < 500:  # others may be gone by the next request
            raise
    except Exception:  # of what carries the requests: there is no network
        return False
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """The Hub's library says nothing of requests that it repeats: what matters becomes an error here."""
    from huggingface_hub.utils import logging as of_hub

    level = of_hub.get_verbosity()
    of_hub.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        of_hub.set_verbosity(level)


def _of_architecture(folder: Path, model: str) -> Path:
    architecture = model.split(".")[0]  # without timm's tag
    there = sorted(path.name for path in folder.glob("*.safetensors"))
    own = [name for name in there if re.match(rf"{re.escape(architecture)}(?![^\W_])", name)]
    if len(own) == 1:
        return folder / own[0]
    if own:
        raise UserError(f"encoder.weights={folder} has several files for {architecture}: {', '.join(own)}; name one")
    raise UserError(
        f"encoder.weights={folder} has no {architecture}*.safetensors; put it there or name the file: "
        f"there is {', '.join(there) or 'no safetensors file at all'}"
    )


def _reason(error: Exception, revision: str | None, setting: str) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):
        return "it asks for consent; give it on its page there and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"there is no such repository, or it is not public; mend {setting}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"it has no revision {revision}; mend {_REVISIONS[setting]}"
    if isinstance(error, errors.LocalEntryNotFoundError):
        off = constants.HF_HUB_OFFLINE
        return f"the Hub can't be reached; {'unset HF_HUB_OFFLINE' if off else 'check the network'}"
    return f"{(str(error).strip() or type(error).__name__).splitlines()[0]}; try again later"


def _local(name: str) -> Path:
    if name.startswith(PACKAGE):
        return Path(str(files("thawline.samples") / name.removeprefix(PACKAGE)))
    return Path(name).expanduser()


def is_hub_id(name: str) -> bool:
    """Whether `name` has the form of a Hub repository's."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name, re.ASCII) is not None and not name.startswith(".")


def _convert(source: Path, target: Path) -> Path:
    """Turn an older `.bin` into safetensors beside it, once. Reading it with `weights_only` runs no code."""
    import pickle

    import torch
    from safetensors.torch import save_file

    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
        tensors = {name: tensor.clone().contiguous() for name, tensor in state.items()}
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError) as error:
        raise UserError(f"{source} holds something other than weights, or is damaged; it is not read") from error
    # Several processes may convert at once; each writes a file of its own, and a torn one never has the real name.
    write_atomically(target, lambda beside: save_file(tensors, beside, metadata={"format": "pt"}))
    return target
