"""The verbs, their words and their help: data alone, with nothing heavy imported."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Positional:
    """A word after the verb that stands for a config key.

    Attributes:
        key: The config key that the word sets.
        metavar: Its name in the help.
        required: Whether the verb can't do without it.
        path: Whether it is a path, made absolute before Hydra sees it.
        many: Whether it takes all the words that are left.
        instead: A setting that stands in its place where it is given.
    """

    key: str
    metavar: str
    required: bool = True
    path: bool = True
    many: bool = False
    instead: str = ""


@dataclass(frozen=True)
class Verb:
    """One verb: the function that does it, its primary config, its words, its help."""

    name: str
    target: str
    config: str
    summary: str
    positionals: tuple[Positional, ...] = ()
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def usage(self) -> str:
        """The usage line."""
        words = [self.name]
        for p in self.positionals:
            word = p.metavar + (" …" if p.many else "")
            words.append(word if p.required else f"[{word}]")
        return f"thawline {' '.join(words)} [key=value …]"


_PHOTOS = Positional("data.path", "DIR", instead="data.train_csv")
_PAIRS = Positional("data.path", "FILE")

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb(
            "train",
            "thawline.commands.train:train",
            "train",
            "fit a method on a folder of photos and judge it against its baseline",
            (_PHOTOS,),
            examples=(
                "thawline train Photos                                    CLIP, tuned projection, 80/20 hold-out",
                "thawline train Photos experiment=events_linear cv=5      a linear head, 5-fold cross-validation",
                "thawline train Photos encoder=resnet50 method=logistic   another encoder and method",
                "thawline train outputs/train/2026-11-21_10-00-00-000000  resume that run",
            ),
            notes=(
                "method=zero_shot|projection|contrastive|linear|mlp|logistic   encoder=clip|tiny_clip|resnet50|…",
                "thaw=head|projection|K|all   cv=5   seed=0   trainer=auto|cpu|gpu|mps   logger=wandb|csv",
                "thawline train DIR --cfg job   shows every setting of the run without running it",
            ),
        ),
        Verb(
            "evaluate",
            "thawline.commands.evaluate:evaluate",
            "evaluate",
            "judge a finished run again, on its own held-out photos or on another folder",
            (Positional("run", "RUN"), Positional("data.path", "DIR", required=False)),
            examples=(
                "thawline evaluate outputs/train/2026-11-21_10-00-00-000000",
                "thawline evaluate outputs/train/2026-11-21_10-00-00-000000 NewPhotos",
                "thawline evaluate Model golden=golden.yaml     a bundle, by cases whose answers are known",
            ),
        ),
        Verb(
            "predict",
            "thawline.commands.predict:predict",
            "predict",
            "say what each photo shows, by a bundle or by a pretrained CLIP as it is",
            (
                Positional("bundle", "BUNDLE|base", path=False),
                Positional("files", "PATHS", path=False, many=True),
            ),
            examples=(
                "thawline predict Model Photos                     a folder; on a terminal a table, else JSON lines",
                "thawline predict Model Photos out=said.parquet    into a file; .jsonl for JSON lines",
                "find . -name '*.jpg' | thawline predict Model -   a list on standard input",
                "thawline predict base Photos 'data.classes=[wedding,birthday]'   zero-shot, no bundle",
            ),
            notes=(
                "out=FILE.jsonl|FILE.parquet   calibrated=true   accelerator=auto|cpu|gpu|mps   nul=true",
                "base: data.classes=[…]   encoder=clip|tiny_clip   data.decode=reduced|full",
            ),
        ),
        Verb(
            "compare",
            "thawline.commands.compare:compare",
            "compare",
            "put finished runs and sweeps side by side: on screen, and as one HTML page",
            (Positional("runs", "DIR", many=True),),
            examples=(
                "thawline compare outputs/train/*                         the page is outputs/compare.html",
                "thawline compare outputs/sweep/2026-11-21_10-00-00-000000 out=sweep.html thumbnails=true",
                "thawline compare RUN 'others=[vision_api.csv]'           path,prediction[,price_per_1000]",
            ),
        ),
        Verb(
            "ensemble",
            "thawline.commands.ensemble:ensemble",
            "ensemble",
            "join finished runs that share a split by weights, and judge that against the best of them",
            (Positional("runs", "RUN", many=True),),
            examples=(
                "thawline ensemble RUN RUN RUN                       weights fitted on out-of-fold predictions",
                "thawline ensemble RUN RUN RUN weights=60/20/20      percent, in the order of the runs",
                "thawline ensemble RUN RUN 'weights=[0.7,0.3]'",
            ),
        ),
        Verb(
            "export",
            "thawline.commands.export:export",
            "export",
            "write the model of a run, or of a sweep's winner, as a directory that other services load",
            (Positional("run", "RUN"),),
            examples=(
                "thawline export outputs/train/2026-11-21_10-00-00-000000",
                "thawline export outputs/sweep/2026-11-21_10-00-00-000000 out=Model format=onnx",
            ),
        ),
        Verb(
            "data check",
            "thawline.commands.data_check:data_check",
            "data_check",
            "say what a folder of photos or a file of pairs holds: groups, duplicates, what is broken",
            (_PHOTOS,),
            examples=(
                "thawline data check Photos",
                "thawline data check Photos 'data.classes=[wedding,birthday]'",
                "thawline data check pairs.csv task=match encoder=clip",
                "thawline data check task=match data.train_csv=a.csv data.test_csv=b.csv",
            ),
        ),
        Verb(
            "data mismatches",
            "thawline.commands.data_mismatches:data_mismatches",
            "data_mismatches",
            "make mismatches, random and hard ones, for a file of images and texts that match",
            (_PAIRS,),
            examples=(
                "thawline data mismatches captions.csv                        one random, one hard for each match",
                "thawline data mismatches captions.csv random=3 hard=0        no encoder is needed",
                "thawline data mismatches captions.csv encoder=mobilenetv2    hard ones by similar images",
            ),
        ),
        Verb(
            "data split",
            "thawline.commands.data_split:data_split",
            "data_split",
            "part a file of images and texts into train.csv, val.csv and test.csv that share no image and no text",
            (_PAIRS,),
            examples=("thawline data split pairs.csv", "thawline data split pairs.csv out=splits seed=1"),
        ),
        Verb(
            "store list",
            "thawline.commands.store:store_list",
            "store",
            "list what the feature store holds",
            examples=("thawline store list", "thawline store list store.dir=/data/thawline-store"),
        ),
        Verb(
            "store verify",
            "thawline.commands.store:store_verify",
            "store",
            "check every stored feature against its checksum",
            examples=("thawline store verify",),
        ),
        Verb(
            "store prune",
            "thawline.commands.store:store_prune",
            "store",
            "delete stored features that were not used lately",
            examples=("thawline store prune older_than_days=30", "thawline store prune all=true"),
        ),
        Verb(
            "weights list",
            "thawline.commands.weights:weights_list",
            "weights",
            "list the encoders and whether their weights are on this machine",
            examples=("thawline weights list",),
        ),
        Verb(
            "weights fetch",
            "thawline.commands.weights:weights_fetch",
            "weights",
            "bring an encoder's weights to this machine, by pinned revision (uses the network)",
            (Positional("name", "ENCODER", path=False),),
            examples=("thawline weights fetch clip", "thawline weights fetch resnet50"),
        ),
        Verb(
            "sample",
            "thawline.commands.sample:sample",
            "sample",
            "make a sample collection of synthetic event photos, of products with texts, or of music",
            (Positional("collection", "COLLECTION", path=False), Positional("directory", "DIR")),
            examples=("thawline sample events Sample", "thawline sample pairs Products", "thawline sample genre Songs"),
        ),
    )
}

# Config keys whose values are paths. The command quotes them, so that a folder's name may hold any character.
PATH_KEYS = frozenset(
    {
        *(
            "data.path",
            "data.split",
            "data.image_base",
            "data.train_csv",
            "data.val_csv",
            "data.test_csv",
            "out",
            "golden",
        ),
        *("encoder.weights", "encoder.name", "store.dir", "paths.outputs", "task.prompts"),
    }
)
