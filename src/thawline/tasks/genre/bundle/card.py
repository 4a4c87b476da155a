"""The card of a model of tracks: what it is for, how good it is, and how to use it."""

from collections.abc import Mapping, Sequence
from typing import Any

from thawline.bundles.card import Front, card, card_end, metrics_table
from thawline.bundles.networks.stems import stated_licences, stems_note

_CLASSES = {
    "ast": ("ASTForAudioClassification", "ASTModel"),
    "wav2vec2": ("Wav2Vec2ForSequenceClassification", "Wav2Vec2Model"),
    "hubert": ("HubertForSequenceClassification", "HubertModel"),
}
_ONE = "classes apart. It knows no others and says one of them of every track."
_TAGS = (
    "tags, each by itself: a track has those whose score reaches the threshold in `decision.json`, perhaps none. It "
    "knows no others."
)
_CALIBRATED = (
    "Scores are at temperature {value:g}, fitted on {fitted}: the log-loss on these goes from {before:.3f} to "
    "{after:.3f}. The model's own are `raw_score`, or `predict(…, calibrated=False)`; the order stays the same."
)


def track_card(decision: Mapping[str, Any], facts: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The card of the bundle with `decision.json` and, of the manifest, `facts`; `notes` are sentences beside."""
    base, labels, several = facts["base"], decision["labels"], decision["thresholds"] is not None
    answer = 'said.get("tags"), said["all_scores"]' if several else 'said["primary_genre"], said["confidence"]'
    parts = [
        f"`{base['model'] or base['name']}`, tuned by Thawline to tell {len(labels)} {_TAGS if several else _ONE}",
        metrics_table(facts["metrics"], "tracks"),
        "## Use",
        '```python\nimport thawline\n\nfor said in thawline.load("DIR").predict(["track.mp3"]):\n'
        f'    print(said["path"], {answer}, said["problem"])\n```',
        "On the command line: `thawline predict DIR TRACKS`. A track is cut into windows, and its scores are the mean "
        f"of the windows' logits.{_plain(decision)}",
        *_themes(decision),
        *card_end(decision, facts, [*stems_note(base), *notes], "tracks", _CALIBRATED),
    ]
    front = Front("audio-classification", "tracks", facts["metrics"], stated_licences(base), facts["hashes"])
    return card(f"{', '.join(labels)}: a {'tagger' if several else 'classifier'} of tracks", parts, front)


def _themes(decision: Mapping[str, Any]) -> list[str]:
    """Which themes of lyrics it can be told, if any, and how."""
    if "themes" not in decision:
        return []
    return [
        "Themes of the lyrics are an input where they are known: "
        '`predict(["track.mp3"], themes={"track.mp3": ["heartbreak", "drinking"]})`, or on the command line a CSV '
        "`audio_path,themes` in place of tracks. Of a track without themes it judges by the sound. It knows "
        f"{', '.join(decision['themes'])}; their other names are in `decision.json`, and names that are not there are "
        "left out."
    ]


def _plain(decision: Mapping[str, Any]) -> str:
    """How the network's own library loads it, where it has one."""
    if decision["family"] not in _CLASSES:
        return ""
    whole, alone = _CLASSES[decision["family"]]
    if decision["head"] == "classifier":
        return f" `{whole}.from_pretrained(DIR)` and `AutoFeatureExtractor.from_pretrained(DIR)` load it for a window."
    if decision["head"] == "hints":
        return (
            f" `{whole}.from_pretrained(DIR)` loads the network with its own labels; what its instruments add to which "
            "genre lies beside it in `head.safetensors`."
        )
    return f" `{alone}.from_pretrained(DIR)` loads the network; the head lies beside it in `head.safetensors`."
