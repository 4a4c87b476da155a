"""The verbs that only files of pairs have: data alone."""

from thawline.tasks.verb import Positional, Verb

_PAIRS = Positional("data.path", "FILE")

VERBS = (
    Verb(
        "data mismatches",
        ".files.mismatches:data_mismatches",
        "data_mismatches",
        "make mismatches, random and hard, for images and texts that match",
        (_PAIRS,),
        settings=".settings:MismatchesSettings",
        examples=(
            "thawline data mismatches captions.csv                    one of each kind",
            "thawline data mismatches captions.csv random=3 hard=0    without encoder",
            "thawline data mismatches captions.csv encoder=mobilenetv2   by images",
        ),
    ),
    Verb(
        "data split",
        ".files.split:data_split",
        "data_split",
        "part a file of pairs into train, val and test that share nothing",
        (_PAIRS,),
        settings=".settings:DataSplitSettings",
        examples=("thawline data split pairs.csv", "thawline data split pairs.csv out=splits seed=1"),
    ),
)
