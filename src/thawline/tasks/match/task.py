"""Does a text describe a picture: the record."""

from thawline.tasks.task import Task

TASK = Task(
    summary="does a text describe a picture",
    samples="pairs",
    asked="PAIRS.csv",
    settings="thawline.data.settings:PairsSettings",
    read=".read:read_match",
    fill=".features:fill_match",
    data=".data:MatchDataModule",
    module=".module:MatchModule",
    examine=".examination:examine_pairs",
    brief="thawline.data.pairs.report:print_pair_brief",
    show=".shown:print_examined_pairs",
    texts=".texts:judged_pairs",
    check=".check:check_match",
    label=".labelled:label_match",
    export=".export:export_pairs",
    load=".bundle:load_pairs",
    predict=".predict:predict_pairs",
    columns=("image_path", "text"),
)
