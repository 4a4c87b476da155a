"""The rule table and what it says."""

import pytest
import torch

from thawline.encoders.sound.names import DESCRIPTORS
from thawline.errors import UserError
from thawline.tasks.genre.heads.rules import RulesHead, rule_table

SHARPNESS = 8.0


def described(**values):
    row = torch.zeros(1, len(DESCRIPTORS))
    for name, value in values.items():
        row[0, DESCRIPTORS.index(name)] = value
    return row


def test_every_rule_looks_at_a_descriptor_and_has_a_range():
    for rule in rule_table():
        assert rule.descriptor in DESCRIPTORS
        assert rule.low < rule.high
        assert rule.edge > 0 < rule.weight
    tempo = next(rule for rule in rule_table() if (rule.genre, rule.descriptor) == ("house", "tempo"))
    assert (tempo.low, tempo.high, tempo.edge, tempo.weight) == (116, 130, 20, 2)


def test_a_rule_holds_within_its_range_and_fades_over_its_edge():
    head = RulesHead(["house"])
    place = [rule.descriptor for rule in rule_table() if rule.genre == "house"].index("tempo")
    holds = {tempo: float(head.holds(described(tempo=tempo))[0, place]) for tempo in (86, 96, 106, 116, 130, 135, 160)}
    assert holds == pytest.approx({86: 0, 96: 0, 106: 0.5, 116: 1, 130: 1, 135: 0.75, 160: 0})


def test_a_score_is_the_mean_of_its_rules_by_weight():
    # House: tempo 2, pulse 1.5, acousticness 1. The tempo holds, the pulse does not, the acousticness by half.
    row = described(tempo=120, pulse=0, acousticness=0.475)
    assert float(RulesHead(["house"])(row)) == pytest.approx(SHARPNESS * (2 + 0.5) / 4.5, rel=1e-5)


def test_what_is_loud_noisy_and_even_is_metal_and_what_is_soft_is_classical():
    classes = ["classical", "metal", "reggae"]
    loud = described(energy=-10, flatness_mean=-15, centroid_mean=3, dynamics=5, acousticness=0.2, tempo=130)
    soft = described(energy=-30, flatness_mean=-40, centroid_mean=1, dynamics=25, acousticness=0.9, harmonic_share=0.95)
    head = RulesHead(classes)
    assert [classes[int(head(row).argmax())] for row in (loud, soft)] == ["metal", "classical"]


def test_a_class_without_rules_is_named_and_gets_no_probability():
    head = RulesHead(["metal", "polka"])
    assert head.without_rules == ("polka",)
    assert torch.softmax(head(described()), dim=1)[0].tolist() == pytest.approx([1, 0])


def test_where_no_class_has_rules_the_message_says_which_have():
    with pytest.raises(UserError, match="has no rules for any of Cello, Flute; it knows blues, classical"):
        RulesHead(["Cello", "Flute"])


def test_a_state_keeps_its_rules():
    head, other = RulesHead(["metal", "pop", "rock"]), RulesHead(["blues", "house", "jazz"])
    row = described(tempo=120, energy=-12, centroid_mean=2.5)
    assert not torch.equal(head(row), other(row))
    other.load_state_dict(head.state_dict())
    assert torch.equal(head(row), other(row))


CLASSES = ["country", "metal", "polka"]


def themed(row, *columns):
    return torch.cat([row, torch.tensor([columns], dtype=torch.float32)], dim=1)


def test_themes_add_their_shares_times_the_sharpness():
    row = described(tempo=120, acousticness=0.5, energy=-20)
    head, plain = RulesHead(CLASSES, ["heartbreak", "the occult", "drinking"]), RulesHead(CLASSES)
    without = plain(row)
    # Columns of 0 leave the very bits.
    assert torch.equal(head(themed(row, 0, 0, 0)), without)
    moved = (head(themed(row, 1, 0, 0)) - without)[0].tolist()
    assert moved == pytest.approx([SHARPNESS * 0.15, 0, 0], abs=1e-5)
    moved = (head(themed(row, 1, 1, 1)) - without)[0].tolist()
    assert moved == pytest.approx([SHARPNESS * (0.15 + 0.2), SHARPNESS * 0.25, 0], abs=1e-5)


def test_the_state_holds_the_shares_so_that_a_changed_table_changes_nothing():
    assert "themes" not in RulesHead(CLASSES).state_dict()
    state = RulesHead(CLASSES, ["war", "party"]).state_dict()
    assert state["themes"].shape == (2, 3)
    state["themes"] = torch.tensor([[1.0, 2.0, 3.0]])  # as if there had been one theme, of other shares
    head = RulesHead(CLASSES)
    head.load_state_dict(state)
    row = described(tempo=120)
    assert (head(themed(row, 1)) - head(themed(row, 0)))[0].tolist() == pytest.approx([1, 2, 3], abs=1e-5)
    other = RulesHead(CLASSES, ["war", "party"])
    other.load_state_dict(state)
    assert torch.equal(other(themed(row, 1)), head(themed(row, 1)))
