from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from thawline.decisions.gates import MET, MISSED, UNDECIDABLE, Gate, Gates, check_classes, judge_gates, read_gates
from thawline.errors import UserError
from thawline.judging.intervals import wilson
from thawline.judging.metrics import judge_predictions


@pytest.fixture
def file(tmp_path):
    """Writes a file of gates and reads it."""

    def read(text):
        (tmp_path / "gates.yaml").write_text(text)
        return read_gates(tmp_path / "gates.yaml")

    return read


def judged(rights, wrongs):
    """The judgement of two classes, of each of which so many are right and so many are called the other."""
    labels = np.repeat([0, 1], [rights[0] + wrongs[0], rights[1] + wrongs[1]])
    said = np.concatenate([[0] * rights[0], [1] * wrongs[0], [1] * rights[1], [0] * wrongs[1]]).astype(int)
    return judge_predictions(labels, said, np.arange(len(labels)), ("beach", "snow")).to_json()


def test_each_gate_gets_the_verdict_of_its_interval(file):
    gates = file("accuracy: 0.8\nrecall: {beach: 0.9, snow: 0.93}\nprecision: {snow: 0.93}\n")
    verdicts = judge_gates(gates, judged((95, 90), (5, 10)))
    assert [(one.gate.called, one.verdict, one.samples) for one in verdicts] == [
        ("accuracy", MET, 200),
        ("recall of beach", UNDECIDABLE, 100),
        ("recall of snow", UNDECIDABLE, 100),
        ("precision of snow", UNDECIDABLE, 95),
    ]
    assert judge_gates(file("recall: {snow: 0.96}"), judged((95, 90), (5, 10)))[0].verdict == MISSED
    by_value = judge_gates(file("by: value\nrecall: {beach: 0.95, snow: 0.91}"), judged((95, 90), (5, 10)))
    assert [one.verdict for one in by_value] == [MET, MISSED]


@given(st.integers(1, 300), st.integers(0, 300), st.floats(0.05, 0.95))
def test_it_is_decided_at_the_number_that_was_named_and_not_before(rights, wrongs, between):
    value, samples = rights / (rights + wrongs), rights + wrongs
    low, high = (float(bound) for bound in wilson(np.array(value), np.array(float(samples))))
    wanted = low + between * (high - low)
    assume(abs(wanted - value) > 1e-3)

    def verdict(count):
        """With so many samples of which the same share is right."""
        bounds = (float(bound) for bound in wilson(np.array(value), np.array(float(count))))
        figure = dict(zip(("value", "low", "high"), (value, *bounds), strict=True))
        facts = {"classes": ["beach"], "samples": count, "accuracy": figure}
        return judge_gates(Gates(Path("gates.yaml"), "low", (Gate("accuracy", None, wanted),)), facts)[0]

    now = verdict(samples)
    assert now.verdict == UNDECIDABLE
    assert now.enough > samples
    assert verdict(now.enough - 1).verdict == UNDECIDABLE
    assert verdict(now.enough).verdict == (MET if value > wanted else MISSED)


def test_what_no_sample_tells_is_undecidable(file):
    facts = judged((5, 0), (0, 0))
    assert [
        (one.verdict, one.enough) for one in judge_gates(file("recall: {snow: 0.5}\nprecision: {snow: 0.5}"), facts)
    ] == [(UNDECIDABLE, None), (UNDECIDABLE, None)]
    (exactly,) = judge_gates(file("accuracy: 0.5"), judged((5, 5), (5, 5)))
    assert (exactly.verdict, exactly.enough) == (UNDECIDABLE, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no gates"),
        ("- accuracy", "holds no gates"),
        ("by: low", "holds no gates"),
        ("recall: {}", "holds no gates"),
        ("by: mean\naccuracy: 0.9", "use low or value"),
        ("acuracy: 0.9", "the key 'acuracy', which is not known"),
        ("accuracy: 95", "accuracy: 95 is no share; write one above 0 and at most 1, 0.95 for 95 %"),
        ("accuracy: true", "is no share"),
        ("accuracy: {beach: 0.9}", "is no share"),
        ("accuracy: 1", "no number of samples"),
        ("recall: 0.9", "recall is of a class"),
        ("recall: {no: 0.9}", "put its name in quotes"),
        ("recall: {beach: high}", "recall of beach: high is no share"),
        ("recall: {beach", "can't be read as YAML"),
    ],
)
def test_a_file_that_says_no_gates_is_refused(file, text, said):
    with pytest.raises(UserError) as refused:
        file(text)
    assert said in str(refused.value)
    assert "gates.yaml" in str(refused.value)


def test_a_slip_of_the_pen_is_no_miss(file, tmp_path):
    with pytest.raises(UserError, match="there is no class beech; did you mean beach"):
        check_classes(file("recall: {beech: 0.9}"), ["beach", "snow"])
    with pytest.raises(UserError, match="overlap is no figure of these samples, which have accuracy"):
        judge_gates(file("overlap: 0.9"), judged((5, 5), (5, 5)))
    with pytest.raises(UserError, match=r"absent\.yaml"):
        read_gates(tmp_path / "absent.yaml")
