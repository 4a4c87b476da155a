"""Does a text describe a picture: the record."""

from thawline.tasks.task import Task

TASK = Task(
    summary="does a text describe a picture",
    samples="pairs",
    asked="PAIRS.csv",
    settings="thawline.data.settings:PairsSettings",
    read=".read:read_match",
    fill=".features:fill_match",
    examine=".examination:examine_pairs",
    check=".check:check_match",
    export="thawline.commands.export_pairs:export_pairs",
    load="thawline.bundles.pairs:load_pairs",
    predict="thawline.commands.predict_pairs:predict_pairs",
    columns=("image_path", "text"),
)
