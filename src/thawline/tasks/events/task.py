"""Which occasion a photo shows: the record."""

from thawline.tasks.task import Collection, Task

TASK = Task(
    summary="which occasion a photo shows",
    samples="photos",
    asked="PATHS",
    settings="thawline.data.settings:DataSettings",
    read=".read:read_events",
    fill=".read:fill_events",
    data=".data:EventsDataModule",
    module=".module:events_module",
    check=".check:check_events",
    label=".labelled:label_events",
    examine="thawline.tasks.photos.tags:examine_photos",
    brief="thawline.data.photos.report:print_photos_brief",
    people=True,
    show="thawline.tasks.photos.confusion:show_photos",
    export="thawline.tasks.photos.bundle.export:export_photos",
    abstains=True,
    load="thawline.tasks.photos.bundle.photos:load_photos",
    predict="thawline.tasks.photos.bundle.predict:predict_photos",
    serve="thawline.tasks.bundle.serving:answer_photos",
    walk="thawline.tasks.photos.bundle.predict:walk",
    golden="thawline.tasks.photos.bundle.golden:judge_photos",
    ahead=".ahead:begin",
    columns=("path", "label"),
    zero_shot=".zero_shot:load_zero_shot",
    sample=Collection("events", "photos", ".sample:make"),
    examples={"sample": ["thawline sample events Sample"]},
    order=0,
)
