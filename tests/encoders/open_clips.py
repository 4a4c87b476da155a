"""Small CLIPs in open_clip's format, saved by the library itself."""

import copy
from pathlib import Path
from typing import Any

import torch
from tests.encoders.conftest import SIDE, make_siglip_tokenizer, make_tokenizer

WORDS = {"context_length": 24, "width": 16, "heads": 2, "layers": 2}
# Its own towers; a network of timm's that is cut, and one that is not; a SigLIP of timm's as Marqo's is.
CONFIGS: dict[str, dict[str, Any]] = {
    "own": {
        "embed_dim": 12,
        "quick_gelu": True,
        "vision_cfg": {"image_size": SIDE, "layers": 3, "width": 24, "head_width": 12, "patch_size": 8},
        "text_cfg": WORDS,
    },
    "mean": {
        "embed_dim": 12,
        "custom_text": True,
        "vision_cfg": {
            **{"image_size": SIDE, "layers": 2, "width": 24, "head_width": 12, "patch_size": 8},
            **{"pool_type": "avg", "final_ln_after_pool": True, "no_ln_pre": True, "ls_init_value": 0.5},
        },
        "text_cfg": {**WORDS, "pool_type": "eos", "eos_id": 49407, "proj_bias": True},
    },
    "resnet": {
        "embed_dim": 12,
        "vision_cfg": {"image_size": SIDE, "layers": [1, 1, 1, 1], "width": 16, "head_width": 32},
        "text_cfg": WORDS,
    },
    "timm": {
        "embed_dim": 12,
        "custom_text": True,
        "vision_cfg": {"timm_model_name": "test_efficientnet", "timm_proj": "linear", "image_size": SIDE},
        "text_cfg": WORDS,
    },
    "classifier": {
        "embed_dim": 12,
        "custom_text": True,
        "vision_cfg": {
            **{"timm_model_name": "test_vit", "timm_pool": "token", "timm_proj": None, "image_size": 160},
        },
        "text_cfg": WORDS,
    },
    "whole": {
        "embed_dim": 12,
        "custom_text": True,
        "vision_cfg": {"timm_model_name": "test_mambaout", "timm_proj": None, "image_size": SIDE},
        "text_cfg": WORDS,
    },
    "siglip": {
        "embed_dim": 64,
        "init_logit_bias": -10.0,
        "custom_text": True,
        "vision_cfg": {"timm_model_name": "test_vit", "timm_pool": "map", "timm_proj": "none", "image_size": 160},
        "text_cfg": {
            **{"context_length": 16, "width": 64, "heads": 2, "layers": 3, "no_causal_mask": True},
            **{"pool_type": "last", "proj_bias": True},
            **{"hf_tokenizer_name": "Somebody/fashion", "tokenizer_kwargs": {"clean": "canonicalize"}},
        },
    },
}


def save_open_clip(directory: Path, kind: str = "own", **preprocess: object) -> Path:
    """A small CLIP with weights that hide nothing, saved as open_clip saves it."""
    import open_clip
    from open_clip.push_to_hf_hub import save_for_hf

    config = copy.deepcopy(CONFIGS[kind])
    tokenizer: Any = make_tokenizer()
    if kind == "siglip":
        tokenizer = make_siglip_tokenizer()
        config["text_cfg"]["vocab_size"] = len(tokenizer)
        preprocess = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "resize_mode": "squash", **preprocess}
    torch.manual_seed(0)
    given = {name: value for name, value in config.items() if name != "custom_text"}
    model: Any = (open_clip.CustomTextCLIP if "custom_text" in config else open_clip.CLIP)(**copy.deepcopy(given))
    noise = 0.05 if "timm_model_name" in config["vision_cfg"] else 0.2
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim:
                parameter.add_(torch.randn_like(parameter) * noise)
    usual = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    open_clip.set_model_preprocess_cfg(model, {**usual, **preprocess})
    save_for_hf(model, tokenizer, config, str(directory), safe_serialization=True)
    return directory
