"""CLIP's network in PyTorch alone: transformers, which has it too, takes several seconds to import.

Its tensors are named as those of transformers' `CLIPModel`, and it computes what that does with its usual attention, to
the bit. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, arXiv 2103.00020.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import nn

from thawline.encoders.directory import read_json
from thawline.encoders.unfilled import unfilled
from thawline.encoders.vision.clip_config import CONFIG, ClipConfig, TextConfig, TowerConfig, VisionConfig
from thawline.encoders.weights import read_weights, safetensors_in
from thawline.errors import UserError

_COUNTED = "embeddings.position_ids"  # older checkpoints have them among the weights


class QuickGelu(nn.Module):
    """The sigmoid approximation of GELU (Hendrycks and Gimpel, arXiv 1606.08415, section 2)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of the same shape."""
        return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    """Self-attention of several heads."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.head_dim = width // config.num_attention_heads
        self.scale = self.head_dim**-0.5
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """[batch, tokens, width] to the same; `mask`, bool [batch, 1, tokens, tokens], says who looks at whom."""
        queries, keys, values = (
            projected(hidden).view(*hidden.shape[:-1], -1, self.head_dim).transpose(1, 2)
            for projected in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=self.scale)
        mixed: torch.Tensor = self.out_proj(attended.transpose(1, 2).flatten(-2))
        return mixed


class Mlp(nn.Module):
    """Two layers over each token."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.activation_fn = _activation(config.hidden_act)
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """[batch, tokens, width] to the same."""
        leaving: torch.Tensor = self.fc2(self.activation_fn(self.fc1(hidden)))
        return leaving


class Layer(nn.Module):
    """One transformer block."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.layer_norm1, self.layer_norm2 = _norm(config), _norm(config)
        self.mlp = Mlp(config)

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """[batch, tokens, width] to the same; the mask is that of `Attention`."""
        hidden = hidden + self.self_attn(self.layer_norm1(hidden), attention_mask)
        leaving: torch.Tensor = hidden + self.mlp(self.layer_norm2(hidden))
        return leaving


class VisionEmbeddings(nn.Module):
    """Pixels to tokens: the class token, then a patch each, with their places."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self._grid = config.image_size // config.patch_size
        self.class_embedding = nn.Parameter(torch.empty(config.hidden_size))
        self.patch_embedding = nn.Conv2d(
            config.num_channels, config.hidden_size, config.patch_size, stride=config.patch_size, bias=False
        )
        self.position_embedding = nn.Embedding(self._grid**2 + 1, config.hidden_size)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Standardised [batch, channels, height, width] to [batch, 1 + patches, width]."""
        patches: torch.Tensor = self.patch_embedding(pixels)
        places = self._places(*patches.shape[-2:])
        first = self.class_embedding.expand(patches.shape[0], 1, -1)  # len() would fix the size of a traced batch
        return torch.cat([first, patches.flatten(2).transpose(1, 2)], dim=1) + places

    def _places(self, height: int, width: int) -> torch.Tensor:
        """[1, 1 + patches, width]: as they were trained, or between those where the grid of patches is another."""
        trained = self.position_embedding.weight[None]
        if height == width == self._grid:
            return trained
        grid = trained[:, 1:].reshape(1, self._grid, self._grid, -1).permute(0, 3, 1, 2)
        between = F.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False)
        return torch.cat([trained[:, :1], between.flatten(2).transpose(1, 2)], dim=1)


class TextEmbeddings(nn.Module):
    """Numbers of tokens to tokens, with their places."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_position_embeddings, config.hidden_size)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[batch, length] to [batch, length, width]."""
        tokens: torch.Tensor = self.token_embedding(ids)
        return tokens + self.position_embedding.weight[: ids.shape[1]]


class ClipNetwork(nn.Module):
    """Both towers with their projections. It has no forward pass: an encoder's stages hold its parts.

    Attributes:
        config: What it was built by.
    """

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.config = config
        vision, text, dim = config.vision, config.text, config.projection_dim
        self.vision_model = nn.ModuleDict(
            {
                "embeddings": VisionEmbeddings(vision),
                "pre_layrnorm": _norm(vision),  # spelt like that
                "encoder": _layers(vision),
                "post_layernorm": _norm(vision),
            }
        )
        self.text_model = nn.ModuleDict(
            {"embeddings": TextEmbeddings(text), "encoder": _layers(text), "final_layer_norm": _norm(text)}
        )
        self.visual_projection = nn.Linear(vision.hidden_size, dim, bias=False)
        self.text_projection = nn.Linear(text.hidden_size, dim, bias=False)
        self.logit_scale = nn.Parameter(torch.empty(()))


def load_network(directory: Path) -> ClipNetwork:
    """The CLIP in `directory`, which is in transformers' format, on the CPU in single precision.

    Raises:
        UserError: The files are damaged, or the weights are not those of the config.
    """
    network = read_network(directory)
    return _through_transformers(directory) if network is None else network


def read_network(directory: Path) -> ClipNetwork | None:
    """The same without transformers; None if the weights don't plainly fit the config: it may know better, or why.

    Raises:
        UserError: A file is absent, or the config is none.
    """
    network, weights = _without_weights(directory), safetensors_in(directory)
    try:
        state = read_weights(weights)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError):
        return None
    state = {name: tensor.float() for name, tensor in state.items() if not name.endswith(_COUNTED)}
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: tensor.shape for name, tensor in state.items()} != wanted:
        return None
    network.load_state_dict(state, assign=True)
    return network


def _through_transformers(directory: Path) -> ClipNetwork:
    from transformers import CLIPModel  # late: seconds

    from thawline.encoders.transformers import load_model

    network = _without_weights(directory)
    network.load_state_dict(load_model(CLIPModel, directory, "CLIP").state_dict(), assign=True)
    return network


def _without_weights(directory: Path) -> ClipNetwork:
    try:
        config = ClipConfig.of(read_json(directory, CONFIG))
        for tower in (config.vision, config.text):
            _activation(tower.hidden_act)  # what it may import makes tensors of its own
        with unfilled():
            return ClipNetwork(config)
    except (ValueError, TypeError, RuntimeError) as error:  # the latter two of sizes that no tensor has
        raise UserError(f"{directory} holds no CLIP model that can be loaded: {str(error).splitlines()[0]}") from error


def _layers(config: TowerConfig) -> nn.ModuleDict:
    return nn.ModuleDict({"layers": nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])})


def _norm(config: TowerConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)


def _activation(name: str) -> nn.Module:
    if name in ("gelu", "quick_gelu"):
        return nn.GELU() if name == "gelu" else QuickGelu()
    from transformers.activations import ACT2FN  # late: seconds

    if name not in ACT2FN:
        raise ValueError(f"{CONFIG} has 'hidden_act' as {name}")
    activation: nn.Module = ACT2FN[name]
    return activation
