"""Any text as a value in Hydra's override grammar."""

import re


def quote(value: str) -> str:
    """Quote `value` so that Hydra's override grammar and OmegaConf's interpolation give it back unchanged."""
    # OmegaConf reads ${…}; Hydra's grammar reads a backslash only before a quote and at the end of the quoted text.
    value = re.sub(r"(\\*)\$\{", lambda m: m.group(1) * 2 + r"\${", value)
    value = re.sub(r"(\\*)'", lambda m: m.group(1) * 2 + r"\'", value)
    value = re.sub(r"(\\+)\Z", lambda m: m.group(1) * 2, value)
    return f"'{value}'"
