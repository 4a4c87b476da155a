"""What music a track is, and what plays: the record."""

from thawline.tasks.task import Task

TASK = Task(
    summary="what music a track is, and what plays",
    samples="tracks",
    asked="PATHS",
    settings="thawline.data.settings:TracksSettings",
    read=".read:read_genre",
    fill=".features:fill_genre",
    examine=".tags:examine_genre",
    check=".check:check_genre",
    label=".labelled:label_genre",
    export="thawline.commands.export_tracks:export_tracks",
    load="thawline.tasks.genre.bundle.tracks:load_tracks",
    load_ensemble="thawline.tasks.genre.bundle.ensemble:load_ensemble",
    predict="thawline.commands.predict_tracks:predict_tracks",
    walk="thawline.commands.predict_tracks:walk",
    columns=("audio_path",),
)
