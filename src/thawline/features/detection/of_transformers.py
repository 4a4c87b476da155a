"""Object detectors of transformers: DETR, YOLOS, RT-DETR and their kind, from a directory or the Hub's cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from thawline.encoders.weights import is_hub_id
from thawline.errors import UnusableError, UserError
from thawline.features.detection.detector import DetectorInput, person_among, picture_of, without_person
from thawline.features.detection.settings import LEAST
from thawline.files import JSON, digest_of

VERSION = 1  # to be raised when the same photo gives other numbers


class TransformersDetector:
    """A directory in transformers' format."""

    def __init__(self, name: str, device: torch.device) -> None:
        """Take what is at `name`, which is not opened yet."""
        self._name = name
        self._on = device

    @property
    def device(self) -> str:
        """See `Detector`."""
        return self._on.type

    def key(self) -> dict[str, JSON]:
        """See `Detector`."""
        deciding = ("config.json", "preprocessor_config.json", "model*.safetensors")
        files = sorted(path for pattern in deciding for path in self._directory.glob(pattern))
        if not any(path.suffix == ".safetensors" for path in files):
            raise UserError(f"people.detector={self._name} holds no model.safetensors; use an object detector's")
        libraries = ("transformers", "torch", "torchvision", "pillow")
        return {
            "family": "transformers_detector",
            "weights": {path.name: digest_of(path) for path in files},
            "versions": {**{name: version(name) for name in libraries}, "thawline": VERSION},
        }

    def look(self, photos: Sequence[DetectorInput]) -> Iterator[float | str]:
        """See `Detector`."""
        processor, model, person = self._loaded
        for photo in photos:
            try:
                picture = picture_of(photo)
            except UnusableError as error:
                yield str(error)
                continue
            with torch.inference_mode():
                said = model(**processor(images=picture, return_tensors="pt").to(self._on))
            [found] = processor.post_process_object_detection(said, threshold=LEAST)
            yield max(found["scores"][found["labels"] == person].tolist(), default=0.0)

    @cached_property
    def _directory(self) -> Path:
        from huggingface_hub import try_to_load_from_cache  # late: a directory does without

        local = Path(self._name).expanduser()
        if local.is_dir():
            return local
        if not is_hub_id(self._name):
            raise UserError(
                f"people.detector={self._name} is no directory, no Hub id and no .onnx or .pt file; name one of these"
            )
        config = try_to_load_from_cache(self._name, "config.json")
        if not isinstance(config, str):
            raise UserError(
                f"{self._name} is not on this machine; fetch it with 'thawline weights fetch {self._name}', or set "
                "people.detector to a local directory"
            )
        return Path(config).parent

    @cached_property
    def _loaded(self) -> tuple[Any, Any, int]:
        """What prepares a picture, the model, and its number for a person."""
        from transformers import AutoConfig, AutoImageProcessor, AutoModelForObjectDetection  # late: a second

        from thawline.encoders.transformers import load_model, quiet

        directory = self._directory
        try:
            with quiet():
                config = AutoConfig.from_pretrained(directory, local_files_only=True)
                load: Any = AutoImageProcessor.from_pretrained
                processor = load(directory, local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"people.detector={self._name} can't be loaded: {str(error).strip().splitlines()[0]}"
            ) from error
        known = AutoModelForObjectDetection._model_mapping  # the library's own way to ask
        if type(config) not in known or not hasattr(processor, "post_process_object_detection"):
            raise UserError(
                f"people.detector={self._name} holds a model of the kind '{config.model_type}', which detects no "
                "objects; use a DETR, YOLOS or RT-DETR"
            )
        person = person_among(config.id2label)
        if person is None:
            raise UserError(without_person(self._name, config.id2label))
        model = load_model(AutoModelForObjectDetection, directory, "object detection")
        return processor, model.eval().to(self._on), person
