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
        bundle: Whether the path may be that of a bundle.
    """

    key: str
    metavar: str
    required: bool = True
    path: bool = True
    many: bool = False
    instead: str = ""
    bundle: bool = False


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
            "fit a method on photos, pairs or tracks and judge it against its baseline",
            (_PHOTOS,),
            examples=(
                "thawline train Photos                    CLIP's projection, 80/20 hold-out",
                "thawline train Photos method=logistic cv=5       5-fold cross-validation",
                "thawline train Photos encoder=resnet50 name=r50  named in what it writes",
                "thawline train pairs.csv task=match              pairs of images and texts",
                "thawline train Music task=genre                  tracks",
                "thawline train Photos -m seed=0,1 method.lr=1e-3,1e-2        a sweep",
                "thawline train outputs/train/RUN                 a run cut off goes on",
                "thawline train outputs/sweep/SWEEP refit=true    its winner, on all data",
            ),
            notes=(
                "task=events|match|genre: a folder of photos, pairs, tracks",
                "method=zero_shot|projection|linear|mlp|logistic|finetune|…   cv=5   seed=0",
                "encoder=clip|tiny_clip|resnet50|…   thaw=head|projection|K|all",
                "trainer=auto|cpu|gpu|mps   logger=wandb|tensorboard|csv|none   name=NAME",
                "'thawline train DIR --cfg job' shows the run's settings without running it.",
            ),
        ),
        Verb(
            "evaluate",
            "thawline.commands.evaluate:evaluate",
            "evaluate",
            "judge a finished run again, or a bundle, on what was held out or on other data",
            (Positional("run", "RUN|BUNDLE", bundle=True), Positional("data.path", "DATA", required=False)),
            examples=(
                "thawline evaluate outputs/train/RUN             on what it held out",
                "thawline evaluate outputs/train/RUN NewPhotos",
                "thawline evaluate outputs/train/RUN data.path=NEW   its own data, moved",
                "thawline evaluate Model NewPhotos               a bundle, as a service asks it",
                "thawline evaluate Model golden=golden.yaml      by files whose answer is known",
            ),
        ),
        Verb(
            "predict",
            "thawline.commands.predict:predict",
            "predict",
            "say what each photo, track or pair is, by a bundle or by CLIP as it is",
            (
                Positional("bundle", "BUNDLE|base", path=False),
                Positional("files", "PATHS", path=False, many=True),
            ),
            examples=(
                "thawline predict Model Photos                    a table, or JSON lines",
                "thawline predict Model Photos out=said.parquet   into a file; also .jsonl",
                "thawline predict Matcher pairs.csv               image_path,text: decisions",
                "find . -name '*.jpg' | thawline predict Model -  a list on standard input",
                "thawline predict base Photos 'data.classes=[wedding,birthday]'   zero-shot",
            ),
            notes=(
                "out=FILE.jsonl|FILE.parquet   calibrated=true   nul=true",
                "accelerator=auto|cpu|gpu|mps",
                "base: data.classes=[…]   encoder=clip|tiny_clip   data.decode=reduced|full",
            ),
        ),
        Verb(
            "compare",
            "thawline.commands.compare:compare",
            "compare",
            "put finished runs and sweeps side by side, on screen and as an HTML page",
            (Positional("runs", "DIR", many=True),),
            examples=(
                "thawline compare outputs/train/*            writes outputs/compare.html",
                "thawline compare outputs/sweep/SWEEP out=sweep.html thumbnails=true",
                "thawline compare RUN 'others=[api.csv]'     path,prediction[,price_per_1000]",
            ),
        ),
        Verb(
            "ensemble",
            "thawline.commands.ensemble:ensemble",
            "ensemble",
            "join runs that share a split, and judge that against the best of them",
            (Positional("runs", "RUN", many=True),),
            examples=(
                "thawline ensemble RUN RUN RUN                   by out-of-fold predictions",
                "thawline ensemble RUN RUN RUN weights=60/20/20  percent, in the runs' order",
                "thawline ensemble RUN RUN 'weights=[0.7,0.3]'",
            ),
        ),
        Verb(
            "export",
            "thawline.commands.export:export",
            "export",
            "write the model of a run or a sweep as a directory that services load",
            (Positional("run", "RUN"),),
            examples=(
                "thawline export outputs/train/RUN",
                "thawline export outputs/sweep/SWEEP out=Model format=onnx",
            ),
        ),
        Verb(
            "data check",
            "thawline.commands.data_check:data_check",
            "data_check",
            "say what data hold: classes, groups, duplicates, what is broken",
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
            "thawline.tasks.match.mismatches:data_mismatches",
            "data_mismatches",
            "make mismatches, random and hard, for images and texts that match",
            (_PAIRS,),
            examples=(
                "thawline data mismatches captions.csv                    one of each kind",
                "thawline data mismatches captions.csv random=3 hard=0    without encoder",
                "thawline data mismatches captions.csv encoder=mobilenetv2   by images",
            ),
        ),
        Verb(
            "data split",
            "thawline.tasks.match.split:data_split",
            "data_split",
            "part a file of pairs into train, val and test that share nothing",
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
            examples=("thawline store verify", "thawline store verify repair=true"),
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
            "bring an encoder's weights to this machine (uses the network)",
            (Positional("name", "ENCODER", path=False),),
            examples=("thawline weights fetch clip", "thawline weights fetch resnet50"),
        ),
        Verb(
            "sample",
            "thawline.commands.sample:sample",
            "sample",
            "make a sample collection: events (photos), pairs (products) or genre (music)",
            (Positional("collection", "COLLECTION", path=False), Positional("directory", "DIR")),
            examples=("thawline sample events Sample", "thawline sample pairs Products", "thawline sample genre Songs"),
        ),
        Verb(
            "settings",
            "",
            "",
            "list the settings of a verb or a group, or say what one means",
            (Positional("", "VERB|KEY", required=False, path=False, many=True),),
            examples=(
                "thawline settings train               the settings of a verb",
                "thawline settings train task=genre    … and what it is then by itself",
                "thawline settings method              the choices and settings of a group",
                "thawline settings method.lr           one setting",
            ),
        ),
    )
}

# Config keys whose values are paths, or begin a directory's name. The command quotes them: they may hold any character.
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
            "name",
        ),
        *("encoder.weights", "encoder.name", "store.dir", "paths.outputs", "task.prompts"),
    }
)
