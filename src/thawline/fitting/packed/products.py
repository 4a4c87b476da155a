"""Matrix products and dropout within `vmap`, in the order of operations that they have outside of it.

`vmap` has rules of its own for products: a bias is added afterwards, several matrices become one. Either rounds in
another way than what one tail alone computes, and a training can amplify that.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

Dims = tuple[int | None, ...]
# What PyTorch multiplies without a library where it has many of them, and rounds in another way than a single one.
_TINY = 400
_PRODUCTS = (torch.matmul, torch.mm, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.Tensor.mm)


class AsAlone(TorchFunctionMode):
    """Within, each product of matrices is one a tail, and dropout multiplies by factors that were drawn before."""

    def __init__(self, factors: Iterable[torch.Tensor] = ()) -> None:
        """Take what each dropout multiplies by, in the order of the calls; none in eval mode."""
        super().__init__()
        self._factors = iter(factors)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func`, or what stands for it."""
        kwargs = kwargs or {}
        if func is F.linear and args[0].ndim == 2:
            return _Linear.apply(*args, *([None] if len(args) == 2 and not kwargs else kwargs.values()))
        if func in _PRODUCTS and not kwargs and args[0].ndim == args[1].ndim == 2:
            return _Linear.apply(args[0], args[1].t(), None)
        if func is F.dropout and _is_training(args, kwargs):
            return args[0] * next(self._factors)
        return func(*args, **kwargs)


class RecordsDropout(TorchFunctionMode):
    """Notes the rate and the shape of each dropout, in the order of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[float, torch.Size]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func`."""
        kwargs = kwargs or {}
        if func is F.dropout and _is_training(args, kwargs):
            self.seen.append((kwargs.get("p", args[1] if len(args) > 1 else 0.5), args[0].shape))
        return func(*args, **kwargs)


def _is_training(args: Any, kwargs: Any) -> bool:
    return bool(kwargs.get("training", args[2] if len(args) > 2 else True))


class _Linear(torch.autograd.Function):
    """x Wᵀ + b of one tail: x [batch, in], W [out, in], b [out] or None."""

    @staticmethod
    def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return F.linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004  # autograd calls it so
        ctx.save_for_backward(inputs[0], inputs[1])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            grad @ weight if wanted[0] else None,
            grad.t() @ x if wanted[1] else None,
            grad.sum(dim=0) if wanted[2] else None,
        )

    @staticmethod
    def vmap(info: Any, in_dims: Dims, *tensors: torch.Tensor | None) -> tuple[torch.Tensor, int]:
        x, weight, bias = _stacked(info.batch_size, in_dims, tensors)
        stacked: torch.Tensor = _Stacked.apply(x, weight, bias)
        return stacked, 0


def _stacked(size: int, dims: Dims, tensors: Iterable[torch.Tensor | None]) -> Iterator[torch.Tensor | None]:
    """Each with one for each tail in its first dimension; what all have in common is not copied."""
    for dim, tensor in zip(dims, tensors, strict=True):
        if tensor is None:
            yield None
        else:
            yield tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)


class _Stacked(torch.autograd.Function):
    """The same of many tails: x [tails, batch, in], W [tails, out, in], b [tails, out] or None."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return _multiply(x, weight.transpose(1, 2), bias)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            _multiply(grad, weight) if wanted[0] else None,
            _multiply(grad.transpose(1, 2), x) if wanted[1] else None,
            grad.sum(dim=1) if wanted[2] else None,
        )


def _multiply(a: torch.Tensor, b: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """A B + bias of each tail: [tails, n, k], [tails, k, m], [tails, m]."""
    if b.shape[2] == 1 or a.shape[1] == 1 or a[0].numel() * b.shape[2] < _TINY:
        if bias is None:
            return torch.stack([torch.mm(*each) for each in zip(a.unbind(), b.unbind(), strict=True)])
        return torch.stack([torch.addmm(*each) for each in zip(bias.unbind(), a.unbind(), b.unbind(), strict=True)])
    return torch.bmm(a, b) if bias is None else torch.baddbmm(bias[:, None], a, b)
