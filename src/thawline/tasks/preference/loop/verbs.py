"""The verbs on the database of answers: data alone."""

from thawline.tasks.verb import Positional, Verb

_ANSWERS, _SETTINGS = "preference_answers", ".loop.settings:AnswersSettings"
_TRAIN, _TRAIN_SETTINGS = "preference_train", ".loop.settings:PreferenceTrainSettings"
_ITEM = Positional("item", "ITEM", path=False)

VERBS = (
    Verb(
        "preference import",
        ".loop.commands:import_",
        _ANSWERS,
        "add answers from a table (path,feedback) to the database",
        (Positional("file", "FILE"),),
        settings=_SETTINGS,
        examples=("thawline preference import feedback.csv",),
    ),
    Verb(
        "preference export",
        ".loop.commands:export",
        _ANSWERS,
        "write the answers in the database as a table, which import reads",
        settings=_SETTINGS,
        examples=(
            "thawline preference export                      writes feedback.csv",
            "thawline preference export out=all.csv all=true   corrected and deleted, too",
        ),
    ),
    Verb(
        "preference add",
        ".loop.commands:add",
        _ANSWERS,
        "make the photos in a folder items that can be asked about",
        (Positional("folder", "DIR"),),
        settings=_SETTINGS,
        examples=(
            "thawline preference add Photos",
            "thawline preference add Photos by_folder=true  a folder is a person or shoot",
        ),
    ),
    Verb(
        "preference answer",
        ".loop.commands:answer",
        _ANSWERS,
        "say of one photo: like, dislike, super_like, or none",
        (_ITEM, Positional("answer", "ANSWER", path=False)),
        settings=_SETTINGS,
        examples=(
            "thawline preference answer Photos/1.jpg super_like",
            "thawline preference answer Photos/1.jpg none    delete what was answered",
        ),
    ),
    Verb(
        "preference remove",
        ".loop.commands:remove",
        _ANSWERS,
        "take one photo out, with all that was answered of it",
        (_ITEM,),
        settings=_SETTINGS,
        examples=("thawline preference remove Photos/1.jpg",),
    ),
    Verb(
        "preference train",
        ".loop.train:train",
        _TRAIN,
        "learn from the answers in the database: the next version",
        settings=_TRAIN_SETTINGS,
        examples=(
            "thawline preference train                        active where no worse",
            "thawline preference train method=gda activate=never",
            "thawline preference train data.likes='sunsets, dogs'   before any answer",
        ),
        notes=("activate=auto|never|force   encoder=clip|…   cv=5   seed=0",),
    ),
    Verb(
        "preference watch",
        ".loop.watch:watch",
        "preference_watch",
        "stay, and train whenever enough new answers have come",
        settings=".loop.settings:WatchSettings",
        examples=(
            "thawline preference watch                        after every 50 answers",
            "thawline preference watch every=20 activate=never",
        ),
        notes=("every=50   poll=5   and all settings of 'preference train'",),
        reports=False,
    ),
)
