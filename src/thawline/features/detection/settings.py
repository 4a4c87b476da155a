"""Which photos count as showing people, and what becomes of the others."""

from dataclasses import dataclass

from thawline.errors import UserError

MODES = ("tag", "require")
LEAST = 0.05  # a person that the detector is less sure of is not kept


@dataclass
class PeopleFilterSettings:
    """Photos with and without people, as an object detector tells them apart.

    Attributes:
        mode: `tag`: it is said of each photo. `require`: those without people are left out as well. null: nobody looks.
        detector: A `.onnx` or `.pt` file for ultralytics, or an object detector of transformers: a directory or a Hub
            id that is on this machine.
        min_confidence: How sure the detector must be of one person for a photo to show people.
    """

    mode: str | None = None
    detector: str | None = None
    min_confidence: float = 0.25

    def __post_init__(self) -> None:
        """Check the ranges, and that there is a detector where one is needed, and nowhere else."""
        if self.mode is not None and self.mode not in MODES:
            raise UserError(f"people.mode={self.mode} is not known; use {' or '.join(MODES)}, or null")
        if self.mode is not None and not self.detector:
            raise UserError(
                f"people={self.mode} needs people.detector: a .onnx or .pt file for ultralytics, or an object detector "
                "of transformers"
            )
        if self.mode is None and self.detector:
            raise UserError(
                f"people.detector={self.detector} is not asked without people=tag or people=require; add one of these"
            )
        if not LEAST <= self.min_confidence < 1:
            raise UserError(f"people.min_confidence={self.min_confidence:g} must be from {LEAST:g} to below 1")
