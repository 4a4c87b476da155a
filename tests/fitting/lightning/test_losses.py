import torch
import torch.nn.functional as F

from thawline.fitting.lightning.losses import contrastive_loss


def test_with_distinct_classes_it_is_clips_symmetric_loss():
    logits = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([2, 0, 1])
    pairs, diagonal = logits[:, targets], torch.arange(3)
    expected = (F.cross_entropy(pairs, diagonal) + F.cross_entropy(pairs.T, diagonal)) / 2
    torch.testing.assert_close(contrastive_loss(logits, targets), expected)


def test_photos_of_one_class_are_never_each_others_negatives():
    # Two photos of class 0 and one of class 1, told apart without doubt: nothing is left to lose but the tie.
    logits = torch.tensor([[50.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    targets = torch.tensor([0, 0, 1])
    tie = torch.log(torch.tensor(2.0)) * 2 / 3  # two of three rows must spread over two equal pairs
    torch.testing.assert_close(contrastive_loss(logits, targets), tie)
