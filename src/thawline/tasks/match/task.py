"""Does a text describe a picture: the record."""

from thawline.tasks.match.verbs import VERBS
from thawline.tasks.task import Collection, Task

TASK = Task(
    summary="does a text describe a picture",
    samples="pairs",
    asked="PAIRS.csv",
    settings=".settings:PairsSettings",
    read=".read:read_match",
    fill=".features:fill_match",
    data=".data:MatchDataModule",
    module=".module:MatchModule",
    examine=".examination:examine_pairs",
    brief="thawline.data.pairs.report:print_pair_brief",
    show=".shown:print_examined_pairs",
    texts=".files.texts:judged_pairs",
    target="pairs",
    settings_check=".settings:check_run",
    check=".check:check_match",
    label=".bundle.labelled:label_match",
    export=".bundle.export:export_pairs",
    load=".bundle.pairs:load_pairs",
    predict=".bundle.predict:predict_pairs",
    serve=".bundle.serving:answer_pairs",
    routes=".bundle.serving:add_routes",
    columns=("image_path", "text"),
    places=("image_base", "train_csv", "val_csv", "test_csv"),
    sample=Collection("pairs", "products", ".sample:make"),
    verbs=VERBS,
    examples={
        "train": ["thawline train pairs.csv task=match              pairs of images and texts"],
        "predict": ["thawline predict Matcher pairs.csv               image_path,text: decisions"],
        "data check": [
            "thawline data check pairs.csv task=match encoder=clip",
            "thawline data check task=match data.train_csv=a.csv data.test_csv=b.csv",
        ],
        "sample": ["thawline sample pairs Products"],
    },
    order=1,
)
