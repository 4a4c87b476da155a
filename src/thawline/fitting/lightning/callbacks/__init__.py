"""Callbacks that a config names (`fitting/named/callbacks.py`): Lightning's where these resume exactly, and ours."""
