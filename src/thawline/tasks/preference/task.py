"""What one person likes: the record."""

from thawline.tasks.preference.answers import ANSWERS, DISLIKE, LIKE, SUPER_LIKE
from thawline.tasks.preference.asking.verbs import VERBS as ASKING
from thawline.tasks.preference.loop.verbs import VERBS as LOOP
from thawline.tasks.task import Collection, Rate, Task

TASK = Task(
    summary="what one person likes",
    samples="photos",
    asked="PATHS",
    settings=".settings:FeedbackSettings",
    read=".read:read_preference",
    fill=".read:fill_preference",
    data=".data:PreferenceDataModule",
    module=".module:PreferenceModule",
    examine=".examination:examine_preference",
    brief=".report:print_feedback_brief",
    people=True,
    show=".examination:print_examined",
    settings_check=".settings:check_run",
    check=".check:check_preference",
    label=".bundle:label_preference",
    export=".bundle:export_preference",
    load=".bundle:load_preference",
    predict="thawline.tasks.photos.bundle.predict:predict_photos",
    serve="thawline.tasks.bundle.serving:answer_photos",
    routes=".page.routes:add_routes",
    walk="thawline.tasks.photos.bundle.predict:walk",
    golden="thawline.tasks.photos.bundle.golden:judge_photos",
    columns=("path", "feedback"),
    words=("likes", "dislikes"),
    answers=ANSWERS,
    retrain="preference train",
    ask="preference ask",
    sample=Collection("preference", "answers", ".sample:make"),
    verbs=(*LOOP, *ASKING),
    yes=(LIKE, SUPER_LIKE),
    rates=(
        Rate("likes over likes and dislikes", (LIKE,), (LIKE, DISLIKE)),
        Rate("likes with super-likes over all answers", (LIKE, SUPER_LIKE), ANSWERS),
    ),
    examples={
        "train": ["thawline train feedback.csv task=preference      photos that were answered"],
        "sample": ["thawline sample preference Taste"],
    },
    order=3,
)
