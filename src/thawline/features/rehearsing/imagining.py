"""Features of samples that a rehearsal did not compute, made of those that it did.

A vector is imagined between those of the two computed samples around it, each of its values somewhere else between
theirs: with copies L-BFGS takes twice the steps that it takes on real vectors. Anything larger is a copy: it is trained
by gradient descent, whose epochs take as long on any numbers.
"""

from collections.abc import Mapping, Sequence

import torch
from xxhash import xxh3_64_intdigest

from thawline.features.store.rows import Column
from thawline.features.store.store import Shelf

_AT_ONCE = 256  # rows
_WRITTEN = 2**26  # bytes of imagined features; of more there are only copies
_SEED = 0


def imagine_features(shelf: Shelf, digests: Sequence[str]) -> dict[int, int]:
    """Have a shelf of the rehearsal hold features of all samples, if it holds those of any.

    Args:
        shelf: Which.
        digests: Of the samples, in their order.

    Returns:
        The checksum of each tensor that is neither computed nor a copy, with that of the computed one before it.
    """
    lacking = set(shelf.missing(digests))
    computed = [digest for digest in digests if digest not in lacking]
    if not computed:
        return {}
    around: dict[str, tuple[str, str]] = {}
    at = -1  # the last computed one so far
    for digest in digests:
        if digest not in lacking:
            at += 1
            continue
        before = max(at, 0)
        after = before + 1 if before + 1 < len(computed) else before - 1
        around[digest] = computed[before], computed[after]
    columns = shelf.columns()
    if len(computed) > 1 and _are_vectors(columns) and len(around) * sum(c.row_bytes for c in columns) <= _WRITTEN:
        return _interpolate(shelf, around)
    give_features(shelf, {digest: before for digest, (before, _) in around.items()})
    return {}


def give_features(shelf: Shelf, like: Mapping[str, str]) -> None:
    """Give samples of a shelf of the rehearsal the features of others: their digests by those of the samples."""
    if like:
        with shelf.filling():
            shelf.share(like)


def checksums(tensor: torch.Tensor) -> list[int]:
    """A checksum of the bytes of each of the tensor's rows."""
    return [xxh3_64_intdigest(row.data) for row in tensor.reshape(len(tensor), -1).view(torch.uint8).numpy()]


def _are_vectors(columns: Sequence[Column]) -> bool:
    return all(len(column.shape) == 1 and "float" in column.dtype for column in columns)


def _interpolate(shelf: Shelf, around: Mapping[str, tuple[str, str]]) -> dict[int, int]:
    """Write features between those of the two samples `around` each."""
    imagined: dict[int, int] = {}
    random = torch.Generator().manual_seed(_SEED)
    digests = list(around)
    with shelf.filling():
        for start in range(0, len(digests), _AT_ONCE):
            some = digests[start : start + _AT_ONCE]
            before, after = (shelf.rows([around[d][i] for d in some], check=False)[:] for i in (0, 1))
            between = {}
            for name, tensor in before.items():
                one, other = tensor.float(), after[name].float()
                between[name] = torch.lerp(one, other, torch.rand(one.shape, generator=random)).to(tensor.dtype)
                imagined |= zip(checksums(between[name]), checksums(tensor), strict=True)
            shelf.append(some, between)
    return imagined
