"""Thawline: adapt pretrained vision and audio networks to small collections."""

__version__ = "0.1.0"
