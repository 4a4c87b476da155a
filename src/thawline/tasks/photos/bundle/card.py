"""The card of a model of classes of photos: what it is for, how good it is, and how to use it."""

from collections.abc import Mapping, Sequence
from typing import Any

from thawline.bundles.card import Front, card, card_end, card_origin, graphs, metrics_table
from thawline.tasks.photos.bundle.photos import SCORES

_USE = {
    "clip": "`CLIPModel.from_pretrained(DIR)` and `CLIPProcessor.from_pretrained(DIR)` load the tuned network",
    "dinov2": "`Dinov2Model.from_pretrained(DIR)` loads the tuned network",
    "dinov3": "`DINOv3ViTModel.from_pretrained(DIR)` loads the tuned network",
    "open_clip": '`open_clip.create_model("local-dir:DIR")` loads the tuned network',
    "siglip": "`SiglipModel.from_pretrained(DIR)` loads the tuned network",
    "vit": "`{vit}.from_pretrained(DIR)` and `ViTImageProcessor.from_pretrained(DIR)` load the tuned network",
    "timm": '`timm.create_model("local-dir:DIR", pretrained=True)` loads the tuned network',
    "torchvision": "`torchvision.models.get_model` with the arguments in `config.json` takes `model.safetensors`",
}
_NAMED = 20  # labels in the heading
_TAGS = (
    "tags, each by itself: a photo has those whose probability reaches the threshold in `decision.json`, perhaps none. "
    "It knows no others."
)
_SCORE = "a photo's score, a number in the unit of the scores that it learnt from."
_CLASSES = "classes apart. It knows no others and says one of them of every photo."
_UNKNOWN = "classes apart. It knows no others."
_UNSURE = (
    " Where the most probable one has less than {threshold:.3f} at its temperature it says `unknown`: of {samples} "
    "{fitted_on} photos it answers {answered:.0%}. At most {max_error:.1%} of its answers are wrong, with "
    "{confidence:.0%} confidence, of photos like those."
)
_PLACED = (
    " A photo whose features lie farther from the classes than {threshold:.3f} is out of place, and `unknown` too: of "
    "{samples} {fitted_on} photos {called:.1%} do. At most {most:.1%} of photos like those do, with {confidence:.0%} "
    "confidence. The distance is the relative Mahalanobis distance of unit features (arXiv 2106.09022), by "
    "`surroundings.safetensors`."
)
_HEADS = {
    "classifier": "The classifier is part of it.",
    "dense": "The head lies beside it in `head.safetensors`: standardise, then the layers.",
    "cache": (
        "The head lies beside it in `head.safetensors`: with the normalised image embedding x, logits are weight · x + "
        "alpha · exp(beta · (keys · x - 1)) · values. The keys were the features of the photos that it learnt from."
    ),
    "probe": (
        "The head lies beside it in `head.safetensors`: logits are weight · normalised image embedding + bias. It "
        "began at the classes' prompts."
    ),
    "score": "The head lies beside it in `head.safetensors`: standardise, the layers, and the unit of the scores.",
    "ordinal": (
        "The head lies beside it in `head.safetensors`: standardise, then the layers; their output and `cuts` are the "
        "logits that the answer is above each of `levels` but the last, and the score is the answers' mean by these."
    ),
    "prompts": (
        "`classes.safetensors` holds a unit vector for each class, computed from the prompts in `decision.json`, and "
        "the scale of the cosine: logits are scale · normalised image embedding · class embedding."
    ),
}


def photo_card(decision: Mapping[str, Any], facts: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The card of the bundle with `decision.json` and, of the manifest, `facts`; `notes` are sentences beside."""
    base = facts["base"]
    vit = "ViTForImageClassification" if decision["head"] == "classifier" else "ViTModel"
    use = _USE[decision["family"]].format(vit=vit)
    scored, several = decision.get("target") == SCORES, decision["thresholds"] is not None
    answer = "said.score" if scored else f"said.{'tags' if several else 'label'}, said.probabilities"
    parts = [
        f"`{base['model'] or base['name']}`, tuned by Thawline to tell " + _how_it_answers(decision),
        metrics_table(facts["metrics"], "photos"),
        "## Use",
        '```python\nimport thawline\n\nfor said in thawline.load("DIR").predict(["photo.jpg"]):\n'
        f"    print(said.path, {answer}, said.problem)\n```",
        f"On the command line: `thawline predict DIR PHOTOS`. {use}. {_HEADS[decision['head']]} "
        "`thawline.load_image(path)` gives a photo as a processor wants it.",
        *graphs(decision, facts),
        *(card_origin(base, notes) if scored else card_end(decision, facts, notes, "photos")),
    ]
    if scored:
        front = Front("image-regression", "photos", facts["metrics"], [base["licence"]], facts["hashes"])
        return card("A photo's score", parts, front)
    front = Front("image-classification", "photos", facts["metrics"], [base["licence"]], facts["hashes"])
    names = decision["labels"]
    said = f"{', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''}"
    return card(f"{said}: a photo {'tagger' if several else 'classifier'}", parts, front)


def _how_it_answers(decision: Mapping[str, Any]) -> str:
    if decision.get("target") == SCORES:
        return _SCORE
    count = f"{len(decision['labels'])} "
    if decision["thresholds"]:
        return count + _TAGS
    parts = ((_UNSURE, decision["abstention"]), (_PLACED, decision["out_of_place"]))
    said = "".join(text.format(**given) for text, given in parts if given is not None)
    return count + (_UNKNOWN + said if said else _CLASSES)
