"""What a run directory calls pairs, and how it knows their texts without holding them."""

import hashlib

from thawline.data.pairs.table import PairTable, same_text


def pair_names(table: PairTable) -> tuple[str, ...]:
    """The image of each pair and its row, in files that it takes to tell them apart."""
    several = len(table.files) > 1
    return tuple(f"{p.image} ({p.file + ' ' if several else ''}row {p.row})" for p in table.pairs)


def text_digest(text: str) -> str:
    """sha256 of what texts that count as the same have in common: a split doesn't give away a private one."""
    return hashlib.sha256(same_text(text).encode("utf-8", "surrogatepass")).hexdigest()
