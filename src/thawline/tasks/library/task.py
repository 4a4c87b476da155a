"""What a photo library's own tags teach: the record."""

from thawline.tasks.library.enhancing.verbs import VERBS as ENHANCING
from thawline.tasks.library.page.verbs import VERBS as PAGE
from thawline.tasks.library.people.verbs import VERBS as PEOPLE
from thawline.tasks.library.search.verbs import VERBS as SEARCH
from thawline.tasks.library.training.verbs import VERBS as TRAINING
from thawline.tasks.task import Collection, Task

TASK = Task(
    summary="tags and people of a photo library",
    samples="photos",
    asked="PATHS",
    settings=".settings:LibrarySettings",
    read=".read:read_tagged",
    fill=".read:fill_tagged",
    data=".data:LibraryDataModule",
    module=".module:LibraryModule",
    examine=".examination:examine_library",
    brief=".shown:print_library_brief",
    show=".shown:print_examined",
    target="tags",
    settings_check=".settings:check_run",
    check=".check:check_library",
    label=".bundle:label_library",
    export="thawline.tasks.photos.bundle.export:export_photos",
    load="thawline.tasks.photos.bundle.photos:load_photos",
    learnt="training_report.json",
    open=".enhancing.enhancer:open_library",
    predict="thawline.tasks.photos.bundle.predict:predict_photos",
    serve="thawline.tasks.bundle.serving:answer_photos",
    walk="thawline.tasks.photos.bundle.predict:walk",
    columns=("id", "image_path"),
    places=("images",),
    sample=Collection("library", "a library", ".sample:make"),
    verbs=(*TRAINING, *PEOPLE, *SEARCH, *ENHANCING, *PAGE),
    examples={
        "train": ["thawline train library.json task=library         a library's tags"],
        "sample": ["thawline sample library Library"],
    },
    order=4,
)
