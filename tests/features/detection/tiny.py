"""Small models in transformers' format, built from configs."""

import torch
from transformers import (
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    YolosConfig,
    YolosForObjectDetection,
    YolosImageProcessor,
)

SIZE = {"shortest_edge": 32, "longest_edge": 48}


def save_yolos(directory, names=("cat", "person")):
    """An object detector of random weights, whose confidence differs from photo to photo."""
    torch.manual_seed(3)
    config = YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[48, 48],
        patch_size=8,
        num_detection_tokens=4,
        initializer_range=0.5,
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
    )
    model = YolosForObjectDetection(config)
    with torch.no_grad():
        model.class_labels_classifier.layers[-1].bias[1] += 2.0  # it sees people everywhere, more or less surely
    model.save_pretrained(directory)
    YolosImageProcessor(size=SIZE).save_pretrained(directory)
    return directory


def save_classifier(directory):
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        num_labels=2,
        id2label={0: "cat", 1: "person"},
        label2id={"cat": 0, "person": 1},
    )
    ViTForImageClassification(config).save_pretrained(directory)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(directory)
    return directory
