"""Pretrained networks as ordered stages that can be cut at the thaw line."""
