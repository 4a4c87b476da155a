"""How blurred a photo is: the record. Its functions are Thawline's own; in place of any you can name one of yours."""

from thawline.tasks.task import Task

TASK = Task(
    summary="how blurred a photo is",
    samples="photos",
    asked="PATHS",
    target="scores",
    settings="thawline.data.settings:DataSettings",
    read="thawline.tasks.photos.scores:read_scored",
    fill="thawline.tasks.photos.scores:fill_scored",
    data="thawline.tasks.photos.data:ScoredDataModule",
    module="thawline.tasks.photos.module:PhotoScoresModule",
    check="thawline.tasks.photos.scored:check_scored",
    brief="thawline.data.photos.report:print_photos_brief",
    label="thawline.tasks.photos.bundle.labelled:label_scored",
    export="thawline.tasks.photos.bundle.export:export_photos",
    load="thawline.tasks.photos.bundle.photos:load_photos",
    predict="thawline.tasks.photos.bundle.predict:predict_photos",
    walk="thawline.tasks.photos.bundle.predict:walk",
)
