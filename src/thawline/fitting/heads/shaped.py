"""A head that holds what was found rather than what is trained, and as much of it as was found."""

from typing import Any, ClassVar

from thawline.fitting.heads.head import Head


class ShapedByState(Head):
    """A head of buffers alone, whose shapes are those of the state-dict that is loaded.

    Attributes:
        BY_CLASS: The buffer whose first dimension is the classes, of which there must be as many as before.
    """

    BY_CLASS: ClassVar[str]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Make room for what `state_dict` has; where that is of other classes, PyTorch says so."""
        by_class = state_dict.get(prefix + self.BY_CLASS)
        if by_class is not None and len(by_class) == self.classes:
            for name, buffer in self._buffers.items():
                loaded = state_dict.get(prefix + name)
                if buffer is not None and loaded is not None:
                    self._buffers[name] = buffer.new_empty(loaded.shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)
