"""Gradient-boosted trees as tensors: what scikit-learn fitted, without its objects and without pickle."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.fitting.heads.shaped import ShapedByState

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier


class TreesHead(ShapedByState):
    """Boosted regression trees, one a round and class, summed to logits.

    Each tree is filled up to one depth and lies level by level: the children of node i are 2i+1 and 2i+2, and the
    leaves are numbered after the nodes. So the shapes of the state-dict say all that is needed to rebuild the head.
    """

    BY_CLASS = "base"
    kind = "trees"

    feature: torch.Tensor  # int64 [rounds, classes, nodes]: which feature a node looks at
    threshold: torch.Tensor  # float32 [rounds, classes, nodes]: up to here it goes to the left
    value: torch.Tensor  # float32 [rounds, classes, nodes + 1]: what a leaf adds
    base: torch.Tensor  # float32 [classes]: where the sum begins

    def __init__(self, classes: int) -> None:
        """A head without trees, which says the same of everything until a state is loaded."""
        super().__init__()
        self.classes = classes
        self.register_buffer("feature", torch.zeros(0, classes, 0, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(0, classes, 0))
        self.register_buffer("value", torch.zeros(0, classes, 1))
        self.register_buffer("base", torch.zeros(classes))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        rounds, classes, nodes = self.feature.shape
        at = torch.zeros(len(features), rounds, classes, 1, dtype=torch.int64, device=features.device)
        feature, threshold = (each.expand(len(features), -1, -1, -1) for each in (self.feature, self.threshold))
        for _ in range((nodes + 1).bit_length() - 1):
            looked_at = feature.gather(-1, at).flatten(1)
            right = features.gather(1, looked_at).view_as(at) > threshold.gather(-1, at)
            at = 2 * at + 1 + right
        values = self.value.expand(len(features), -1, -1, -1).gather(-1, at - nodes)
        logits: torch.Tensor = self.base + values.squeeze(-1).sum(dim=1)
        return logits

    def load_trees(self, model: "GradientBoostingClassifier", features: NDArray[np.float32]) -> None:
        """Take over what `model` fitted; `features` [n, dim] are any that it can judge.

        Two classes have one tree a round for their difference, which is shared out between them.
        """
        depth = max(tree.tree_.max_depth for tree in model.estimators_.flat)
        filled = [[_filled(tree.tree_, depth) for tree in of_round] for of_round in model.estimators_]
        feature, threshold, value = (np.array([[tree[i] for tree in row] for row in filled]) for i in range(3))
        value = value * model.learning_rate
        if len(model.classes_) == 2:
            feature, threshold = np.repeat(feature, 2, axis=1), np.repeat(threshold, 2, axis=1)
            value = np.concatenate([-value / 2, value / 2], axis=1)
        self.feature, self.threshold = torch.from_numpy(feature), torch.from_numpy(threshold)
        self.value = torch.from_numpy(value.astype(np.float32))
        # The sum begins at the classes' shares, which scikit-learn keeps to itself: they are what the trees leave.
        self.base = torch.zeros(self.classes)
        said = np.asarray(model.decision_function(features[:1])).reshape(-1)
        said = np.concatenate([-said / 2, said / 2]) if len(said) == 1 else said
        self.base = torch.from_numpy(said.astype(np.float32)) - self(torch.from_numpy(features[:1]))[0]


def _filled(tree: Any, depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """A tree of scikit-learn filled up to `depth`: the nodes' features and thresholds, and the leaves' values.

    Below an early leaf everything goes to the left, and each leaf there says what the early one said.
    """
    nodes = 2**depth - 1
    feature, threshold = np.zeros(nodes, dtype=np.int64), np.full(nodes, np.inf)
    node = np.zeros(2 * nodes + 1, dtype=np.int64)  # which of the tree's nodes stands here
    for i in range(nodes):
        left, right = tree.children_left[node[i]], tree.children_right[node[i]]
        if left != right:  # not a leaf
            feature[i], threshold[i] = tree.feature[node[i]], tree.threshold[node[i]]
        node[2 * i + 1], node[2 * i + 2] = (left, right) if left != right else (node[i], node[i])
    return feature, _rounded_down(threshold), tree.value[node[nodes:], 0, 0]


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 that is not above: float32 features are on the same side of it as of `threshold`."""
    single = threshold.astype(np.float32)
    return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)
