"""timm, imported without Weights & Biases, which takes a second and serves the log of timm's own training script alone.

Whoever needs timm takes it from here, so that this import of it is the first. It costs: `timm.utils.update_summary`
then knows no wandb. Code of your own that needs that imports timm before thawline.
"""

from thawline.process import importing_without

with importing_without("wandb"):
    import timm

__all__ = ["timm"]
