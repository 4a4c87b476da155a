"""Golden cases from the command line, by a bundle of photos."""

import yaml


def test_a_bundle_is_held_against_known_answers(thawline, sample, tuned):
    _, bundle = tuned
    photos = [
        photo for folder in sorted(sample.iterdir()) if folder.is_dir() for photo in sorted(folder.glob("*.jpg"))[:1]
    ]
    thawline("predict", bundle, *photos, "out=said.jsonl")
    said = [yaml.safe_load(line) for line in (thawline.directory / "said.jsonl").read_text().splitlines()]
    cases = [{"file": str(photo), "expected": one["label"]} for photo, one in zip(photos, said, strict=True)]
    golden = thawline.directory / "golden.yaml"
    golden.write_text(yaml.safe_dump(cases))
    printed = thawline("evaluate", bundle, "golden=golden.yaml")
    assert f"golden cases: {len(cases)} of {len(cases)} passed" in printed

    known = cases[0]["expected"]
    cases[1]["expected"] = next(one["label"] for one in said if one["label"] != said[1]["label"])
    golden.write_text(yaml.safe_dump([*cases, {"file": "absent.jpg", "expected": known}]))
    printed = thawline("evaluate", bundle, "golden=golden.yaml", status=1)
    assert f"golden cases: {len(cases) - 1} of {len(cases) + 1} passed" in printed
    assert f"{said[1]['label']} in place of {cases[1]['expected']}" in printed
    assert "failed: can't be used" in printed
    assert f"thawline: 2 of {len(cases) + 1} golden cases failed" in printed

    golden.write_text(yaml.safe_dump([{"file": "a.jpg", "expected": f"{known}s"}]))
    refused = thawline.refused("evaluate", bundle, "golden=golden.yaml")
    assert refused.endswith(f"expects '{known}s' of a.jpg, which the bundle can't say; did you mean '{known}'?")
    assert "leave out the folder" in thawline.refused("evaluate", bundle, sample, "golden=golden.yaml")
    assert not (thawline.directory / "outputs").exists()
