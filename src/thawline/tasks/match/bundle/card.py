"""The model card of a matcher."""

from collections.abc import Mapping, Sequence
from typing import Any

from thawline.bundles.card import Front, card, card_origin, graphs, metrics_table
from thawline.data.pairs.labels import MATCH

_FITTED_FOR = {"accuracy": "the best accuracy", "f1": "the best F1", "precision": "the wanted precision"}
_CLIP = (
    "`CLIPModel.from_pretrained(DIR)` and `CLIPProcessor.from_pretrained(DIR)` load the tuned network; "
    "`thawline.load_image(path)` gives a photo as the processor wants it."
)
_SIGLIP = (
    "`SiglipModel.from_pretrained(DIR)` loads the tuned network, and the sigmoid of what it says of a pair is the "
    "probability of a match (texts in lower case, filled up to the network's length)."
)
_OPEN_CLIP = (
    '`open_clip.create_model("local-dir:DIR")` loads the tuned network, and `open_clip.get_tokenizer("local-dir:DIR")` '
    "its tokenizer."
)
_OF_FAMILY = {"siglip": _SIGLIP, "open_clip": _OPEN_CLIP}
_TWO = (
    "`model.safetensors` holds the image's network, as its library reads it, `text.safetensors` and `text.json` the "
    "text's with its layers, `text_tokenizer.json` its tokenizer (of the library `tokenizers`). `head.safetensors` "
    "leads the features of both to one space: subtract the mean, divide by the scale, multiply by the matrix."
)


def pair_card(decision: Mapping[str, Any], facts: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """The card of the matcher with `decision.json` and, of the manifest, `facts`; `notes` are sentences."""
    base, threshold, temperature = facts["base"], decision["thresholds"][MATCH], decision["temperature"]
    text = base.get("text")
    use = _TWO if text is not None else _OF_FAMILY.get(decision["family"], _CLIP)
    names = f"`{base['name']}`" if text is None else f"`{base['name']}` for images and `{text['name']}` for texts"
    parts = [
        f"{names}, tuned by Thawline on pairs of images and texts.",
        metrics_table(facts["metrics"], "pairs"),
        *notes,
        "## Use",
        '```python\nimport thawline\n\nmatcher = thawline.load("DIR")\n'
        'matcher.detect_mismatch("photo.jpg", "a red chair")  # is_mismatch, similarity, probability, threshold\n'
        'matcher.compute_similarity("photo.jpg", "a red chair")\n```',
        f"{use} A service that computes the cosine "
        "itself gets the probability of a match as sigmoid(scale · cosine + bias), with `cosine` of `decision.json`.",
        *graphs(decision, facts),
        "## Decision",
        f"A pair is a match from probability {threshold['value']:.4f} on, fitted for "
        f"{_FITTED_FOR[threshold['balance']]} on pairs that were not trained on ({threshold['attained']:.3f} there"
        + (")." if threshold["held"] else "; the wanted precision was not reached)."),
        _temperature(temperature),
        *card_origin(base, () if text is None else (_of_text(text),)),
    ]
    licences = [base["licence"], *([] if text is None or text["family"] == "scratch" else [text["licence"]])]
    front = Front("zero-shot-image-classification", "pairs", facts["metrics"], licences, facts["hashes"])
    return card("Does this text describe this picture?", parts, front)


def _of_text(text: Mapping[str, Any]) -> str:
    if text["family"] == "scratch":
        return "The text encoder was trained from scratch."
    revision = f", revision {text['revision']}" if text["revision"] else ""
    return f"Text encoder: {text['name']}{revision}. Licence of its weights: {text['licence'] or 'not stated'}."


def _temperature(temperature: Mapping[str, Any]) -> str:
    if temperature["fitted_on"] is None:
        return f"No temperature was fitted: {temperature['why_not']}."
    before, after = temperature["log_loss"]
    return (
        f"At temperature {temperature['value']:g} (`calibrated=True`), fitted on {temperature['samples']} "
        f"{temperature['fitted_on']} pairs, the log-loss on these goes from {before:.3f} to {after:.3f}."
    )
