"""Where the tiny CLIP lies."""

from pathlib import Path


def tiny_clip_directory() -> Path:
    """Directory of the tiny CLIP, as `transformers`' `from_pretrained` takes it; it is part of the package."""
    return Path(__file__).with_name("tiny_clip")
