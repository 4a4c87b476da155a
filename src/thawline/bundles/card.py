"""Model cards, as the Hugging Face Hub reads them: what the model is for, how good it is, and how to use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from thawline.bundles.manifest import TEXT, VISION
from thawline.judging.metrics import call

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

# What the Hub calls by a name of its own.
_HUB_LICENCES = frozenset(
    {
        *("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "openrail", "gpl-3.0", "cc0-1.0", "cc-by-4.0"),
        *("cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0"),
    }
)
_ONNX = {
    VISION: (
        "`vision.onnx`: `pixel_values`, float32 [batch, 3, size, size], scaled and normalised as "
        "`preprocessing.json` says, to {outputs}"
    ),
    TEXT: (
        "`text.onnx`: `input_ids` and `attention_mask`, int64 [batch, length], to `text_embeds`, [batch, dim], unit "
        "vectors"
    ),
}


@dataclass(frozen=True)
class Front:
    """What a card says to programs.

    Attributes:
        pipeline: What the model does, as the Hub names it.
        samples: What it judges, in the plural.
        metrics: How good it is, as the manifest has it.
        licences: Those of the pretrained weights; None: not stated.
        hashes: Those of the manifest, of which `data` is that of what the run judged.
    """

    pipeline: str
    samples: str
    metrics: Mapping[str, Any]
    licences: Sequence[str | None]
    hashes: Mapping[str, Any]

    def licence(self) -> dict[str, str]:
        """The licence, as the Hub writes it; nothing where none is stated."""
        names = list(dict.fromkeys(self.licences))
        if not any(names):
            return {}
        if len(names) == 1 and (known := str(names[0]).lower()) in _HUB_LICENCES:
            return {"license": known}
        return {"license": "other", "license_name": ", ".join(name or "not stated" for name in names)}

    def results(self) -> "list[EvalResult]":
        """Each figure with its 95 % interval over groups."""
        from huggingface_hub import EvalResult  # late: it takes long to import

        return [
            EvalResult(
                task_type=self.pipeline,
                dataset_type="custom",
                dataset_name=f"{self.samples}, {self.metrics['of']}",
                dataset_revision=self.hashes.get("data"),
                metric_type=name,
                metric_name=call(name),
                metric_value=one["value"],
                metric_args={"low": one["low"], "high": one["high"], "level": 0.95},
            )
            for name, one in self.metrics["estimates"].items()
            if one is not None and one["value"] is not None
        ]


def card(title: str, paragraphs: Sequence[str], front: Front) -> str:
    """The card called `title`: front matter, which says the licence and the figures to programs, and `paragraphs`."""
    from huggingface_hub import ModelCard, ModelCardData  # late: it takes long to import

    more: dict[str, Any] = front.licence()
    if results := front.results():
        more |= {"model_name": title, "eval_results": results}
    data = ModelCardData(**more, library_name="thawline", pipeline_tag=front.pipeline)
    text = "\n\n".join([f"# {title}", *paragraphs])
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}\n"))


# What a card says of the temperature, where one was fitted.
_CALIBRATED = (
    "The probabilities are the model's own. At temperature {value:g} (`predict(…, calibrated=True)`), fitted on "
    "{fitted}, the log-loss on these goes from {before:.3f} to {after:.3f}; the label stays the same."
)


def card_end(
    decision: Mapping[str, Any],
    facts: Mapping[str, Any],
    notes: Sequence[str],
    samples: str,
    calibrated: str = _CALIBRATED,
) -> list[str]:
    """The last paragraphs of a card: confidence, origin, integrity.

    Args:
        decision: What `decision.json` holds.
        facts: What the manifest says.
        notes: Sentences to add to the origin.
        samples: What it judges.
        calibrated: What to say of a temperature, with places for its `value`, on what it was `fitted`, and the log-loss
            `before` and `after`.
    """
    confidence = _confidence(decision["temperature"], samples, calibrated)
    return ["## Confidence", confidence, *card_origin(facts["base"], notes)]


def card_origin(base: Mapping[str, Any], notes: Sequence[str]) -> list[str]:
    """Of which pretrained network it was made, with `notes`, and its integrity."""
    return [
        "## Origin",
        f"Pretrained network: {base['name']}"
        + (f", revision {base['revision']}" if base["revision"] else "")
        + f". Licence of its weights: {base['licence'] or 'not stated; ask where they come from'}.",
        *notes,
        "Every file is listed with its SHA-256 in `manifest.json`; `thawline.load` refuses a bundle of which a bit was "
        "changed.",
    ]


def metrics_table(metrics: Mapping[str, Any], samples: str) -> str:
    """How good it is, as a table; `samples` are what it judges."""
    rows = [
        f"| {call(name)} | {_number(one['value'])} | {_number(one['low'])} to {_number(one['high'])} |"
        for name, one in metrics["estimates"].items()
        if one is not None
    ]
    head = f"Judged on {metrics['samples']} {samples} in {metrics['groups']} groups ({metrics['of']}):"
    return "\n".join([head, "", "| | value | 95 % interval |", "| --- | --- | --- |", *rows])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def graphs(decision: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """The ONNX graphs, if there are any: their inputs and outputs, and by how much they differ from the network."""
    logits, embeds = "`logits`, [batch, classes]", "`image_embeds`, [batch, dim], unit vectors"
    outputs = {"pairs": embeds, "prompts": f"{logits}, and {embeds}"}.get(decision["head"], logits)
    differences = facts["largest_difference"]
    lines = [
        f"- {text.format(outputs=outputs)}. It differed from the network by {differences[name]:.1g} at most."
        for name, text in _ONNX.items()
        if name in differences
    ]
    return ["## ONNX", "\n".join(lines)] if lines else []


def _confidence(temperature: Mapping[str, Any], samples: str, calibrated: str) -> str:
    if temperature["fitted_on"] is None:
        return f"The probabilities are the model's own. No temperature was fitted: {temperature['why_not']}."
    before, after = temperature["log_loss"]
    fitted = f"{temperature['samples']} {temperature['fitted_on']} {samples}"
    return calibrated.format(value=temperature["value"], fitted=fitted, before=before, after=after)
