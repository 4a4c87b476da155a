"""Matrices of low rank beside those of the attention (LoRA, arXiv 2106.09685), by peft."""

import copy

import torch
from torch import nn

from thawline.encoders.encoder import Stages
from thawline.fitting.few_shot import LoraSettings
from thawline.fitting.tail import Tail

# What transformers calls the matrices of an attention over photos and of CLIP's and SigLIP's over texts.
_ATTENTION = ["q_proj", "k_proj", "v_proj"]


def add_adapters(tail: Tail, settings: LoraSettings) -> None:
    """Put matrices of low rank beside those of queries, keys and values in all blocks of `tail`.

    Of the towers they alone train from then on. They begin at nothing: the tail says what it said before.
    """
    from peft import LoraConfig, inject_adapter_in_model  # late: seconds

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=_ATTENTION,
        use_rslora=True,
    )
    for tower in tail.towers:
        tower.requires_grad_(False)
        inject_adapter_in_model(config, tower)
        if isinstance(tower, Stages):
            tower.follow([module for name, module in tower.named_modules() if name.endswith("lora_dropout.default")])


def merged_state(tail: Tail) -> dict[str, torch.Tensor]:
    """The state-dict of `tail` as if no adapters had been added, what they learnt within the matrices themselves."""
    from peft.tuners.lora import LoraLayer

    plain = copy.deepcopy(tail)
    for name, layer in [each for each in plain.named_modules() if isinstance(each[1], LoraLayer)]:
        layer.merge()
        plain.set_submodule(name, layer.get_base_layer())
    return plain.state_dict()


def without_frozen(state: dict[str, torch.Tensor], module: nn.Module) -> dict[str, torch.Tensor]:
    """What of `state`, that of `module`, changes in the training: parameters that train, and buffers."""
    frozen = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    return {name: tensor for name, tensor in state.items() if name not in frozen}
