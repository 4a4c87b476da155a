"""What music a track is, and what plays: the record."""

from thawline.tasks.task import Collection, Task

TASK = Task(
    summary="what music a track is, and what plays",
    samples="tracks",
    asked="PATHS",
    settings=".settings:TracksSettings",
    read=".read:read_genre",
    fill=".features:fill_genre",
    data=".data:GenreDataModule",
    module=".module:genre_module",
    examine=".tags:examine_genre",
    sound=True,
    settings_check=".settings:check_run",
    check=".check:check_genre",
    label=".bundle.labelled:label_genre",
    export=".bundle.export:export_tracks",
    export_ensemble=".bundle.export_ensemble:export_ensemble",
    load=".bundle.tracks:load_tracks",
    load_ensemble=".bundle.ensemble:load_ensemble",
    predict=".bundle.predict:predict_tracks",
    serve=".bundle.serving:answer_tracks",
    walk=".bundle.predict:walk",
    golden=".bundle.golden:judge_tracks",
    columns=("audio_path",),
    places=("splits",),
    sample=Collection("genre", "music", ".sample:make"),
    examples={
        "train": ["thawline train Music task=genre                  tracks"],
        "evaluate": ["thawline evaluate Model golden=golden.yaml      by files whose answer is known"],
        "sample": ["thawline sample genre Songs"],
        "settings": ["thawline settings train task=genre    … and what it is then by itself"],
    },
    order=2,
)
