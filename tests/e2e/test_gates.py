"""`gates=FILE` of `evaluate` and `export`, by a run on the sample."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture
def gates(thawline):
    """Writes gates.yaml."""
    return lambda text: (thawline.directory / "gates.yaml").write_text(text)


def test_evaluate_says_what_is_met_and_ends_with_what_is_missed(thawline, tuned, gates):
    run, _ = tuned
    accuracy = json.loads((run / "metrics.json").read_text())["judged"]["accuracy"]
    between = (accuracy["value"] + accuracy["high"]) / 2
    gates(f"accuracy: {accuracy['low'] / 2}\nbalanced_accuracy: 0.02\n")
    printed = thawline("evaluate", run, "gates=gates.yaml", "logger=none")
    assert "2 met, 0 missed, 0 undecidable" in printed

    gates(f"accuracy: {between}\n")
    printed = thawline("evaluate", run, "gates=gates.yaml", "logger=none")
    (verdict,) = json.loads((thawline.runs("evaluate")[-1] / "gates.json").read_text())["gates"]
    assert verdict["verdict"] == "undecidable"
    assert verdict["reached"] == accuracy
    assert f"undecidable with {verdict['samples']} photos; about {verdict['enough']} would decide" in printed

    gates("accuracy: 0.9999\n")
    printed = thawline("evaluate", run, "gates=gates.yaml", "logger=none", status=1)
    assert "1 of 1 gates missed: accuracy is" in printed
    assert json.loads((thawline.runs("evaluate")[-1] / "status.json").read_text())["status"] == "finished"


def test_export_refuses_a_miss_unless_it_is_told_to(thawline, tuned, gates):
    run, bundle = tuned
    label = json.loads((bundle / "decision.json").read_text())["labels"][0]
    gates(f"by: value\naccuracy: 0.9999\nrecall: {{{label}: 0.01}}\n")
    printed = thawline("export", run, "out=new", "gates=gates.yaml", status=1)
    assert "1 of 2 gates missed: accuracy is" in printed
    assert "nothing was written" in printed
    assert not (thawline.directory / "new").exists()

    thawline("export", run, "out=new", "gates=gates.yaml", "ignore_gates=true")
    manifest = json.loads((thawline.directory / "new" / "manifest.json").read_text())
    assert [(one["figure"], one["class"], one["verdict"]) for one in manifest["gates"]] == [
        ("accuracy", None, "missed"),
        ("recall", label, "met"),
    ]
    assert "for 99.99, missed; recall of" in " ".join((thawline.directory / "new" / "README.md").read_text().split())


def test_wrong_use_is_one_sentence(thawline, tuned, gates):
    run, bundle = tuned
    gates("recall: {nowhere: 0.9}\n")
    assert "there is no class nowhere" in thawline.refused("evaluate", run, "gates=gates.yaml", "logger=none")
    assert "there is no class nowhere" in thawline.refused("export", run, "out=new", "gates=gates.yaml")
    assert "absent.yaml" in thawline.refused("export", run, "out=new", "gates=absent.yaml")
    assert "ignores no gates" in thawline.refused("export", run, "out=new", "ignore_gates=true")
    (thawline.directory / "golden.yaml").write_text("[{file: a.jpg, expected: a}]")
    assert "leave out gates" in thawline.refused("evaluate", bundle, "golden=golden.yaml", "gates=gates.yaml")
    assert not (thawline.directory / "outputs").exists()
