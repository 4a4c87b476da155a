"""The verbs, their words and their help, those that tasks add among them: data alone, with nothing heavy imported."""

from collections.abc import Sequence
from dataclasses import replace

from thawline.commands.line.versions_verbs import VERSIONS_VERBS
from thawline.tasks.task import Collection, Task, in_folder, usable_tasks
from thawline.tasks.verb import OF_TASKS, Positional, Verb


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


# The tasks in the order of the help.
TASKS: dict[str, Task] = dict(sorted(usable_tasks().items(), key=lambda it: it[1].order))
# What `thawline sample` can make, by what is typed, and the task of each; of two with one name the first.
COLLECTIONS: dict[str, tuple[str, Collection]] = {}
for _name, _task in TASKS.items():
    if _task.sample is not None:
        COLLECTIONS.setdefault(_task.sample.name, (_name, _task.sample))

_PHOTOS = Positional("data.path", "DIR", instead="data.train_csv")

_VERBS = (
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
            OF_TASKS,
            "thawline train Photos -m seed=0,1 method.lr=1e-3,1e-2        a sweep",
            "thawline train outputs/train/RUN                 a run cut off goes on",
            "thawline train outputs/sweep/SWEEP refit=true    its winner, on all data",
        ),
        notes=(
            f"task={'|'.join(TASKS)}: {', '.join(dict.fromkeys(task.samples for task in TASKS.values()))}",
            "method=zero_shot|projection|linear|mlp|logistic|finetune|…   cv=5   seed=0",
            "encoder=clip|tiny_clip|resnet50|…   thaw=head|projection|K|all",
            "trainer=auto|cpu|gpu|mps   logger=wandb|mlflow|csv|none   name=NAME",
            "'thawline train DIR --cfg job' shows the run's settings without running it.",
        ),
    ),
    Verb(
        "plan",
        "thawline.commands.forecast.plan:plan",
        "train",
        "say what a training or a sweep will take, before it runs: time, memory, disk",
        (_PHOTOS,),
        examples=(
            "thawline plan Photos encoder=resnet50 cv=5",
            "thawline plan Photos -m thaw=head,1,2 method.lr=1e-3,1e-2",
        ),
        notes=(
            "Those of 'thawline train', all of them. A few samples go through the",
            "network, and each kind of trial is fitted for about a second.",
        ),
        shows=True,
    ),
    Verb(
        "evaluate",
        "thawline.commands.evaluation.evaluate:evaluate",
        "evaluate",
        "judge a finished run again, or a bundle, on what was held out or on other data",
        (Positional("run", "RUN|BUNDLE", bundle=True), Positional("data.path", "DATA", required=False)),
        examples=(
            "thawline evaluate outputs/train/RUN             on what it held out",
            "thawline evaluate outputs/train/RUN NewPhotos",
            "thawline evaluate outputs/train/RUN data.path=NEW   its own data, moved",
            "thawline evaluate Model NewPhotos               a bundle, as a service asks it",
            OF_TASKS,
        ),
    ),
    Verb(
        "predict",
        "thawline.commands.bundles.predict:predict",
        "predict",
        "say what each photo, track or pair is, by a bundle or by CLIP as it is",
        (
            Positional("bundle", "BUNDLE|base", path=False),
            Positional("files", "PATHS", path=False, many=True),
        ),
        examples=(
            "thawline predict Model Photos                    a table, or JSON lines",
            "thawline predict Model Photos out=said.parquet   into a file; also .jsonl",
            OF_TASKS,
            "find . -name '*.jpg' | thawline predict Model -  a list on standard input",
            "thawline predict base Photos 'data.classes=[wedding,birthday]'   zero-shot",
        ),
        notes=(
            "out=FILE.jsonl|FILE.parquet   calibrated=true   nul=true",
            "accelerator=auto|cpu|gpu|mps",
            "base: data.classes=[…]   encoder=clip|tiny_clip   data.decode=reduced|full",
        ),
        shows=True,
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
        shows=True,
    ),
    Verb(
        "curve",
        "thawline.commands.improving.curve:curve",
        "curve",
        "say whether more photos would help, and how many more its gates would take",
        (Positional("run", "RUN"),),
        examples=(
            "thawline curve outputs/train/RUN                 today, twice as many, no end",
            "thawline curve RUN gates=gates.yaml              how many more of which class",
        ),
        shows=True,
    ),
    Verb(
        "ensemble",
        "thawline.commands.ensembles.ensemble:ensemble",
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
        "thawline.commands.bundles.export:export",
        "export",
        "write the model of a run or a sweep as a directory that services load",
        (Positional("run", "RUN"),),
        examples=(
            "thawline export outputs/train/RUN",
            "thawline export outputs/sweep/SWEEP out=Model format=onnx",
            "thawline export outputs/train/RUN push=OWNER/NAME   to the Hub too, private",
        ),
    ),
    Verb(
        "retrain",
        "thawline.commands.retraining:retrain",
        "retrain",
        "train a run anew on its data as they are now, for use only if it is no worse",
        (Positional("run", "RUN"), Positional("data.path", "DATA", required=False)),
        examples=(
            "thawline retrain outputs/train/RUN out=Model gates=gates.yaml",
            "thawline retrain RUN Photos out=Model data.corrections=corrections.csv",
        ),
        notes=("Exit status 0: Model is the new one; 1: it stays as it was; 2: wrong use.",),
    ),
    Verb(
        "serve",
        "thawline.commands.bundles.serve:serve",
        "serve",
        "answer requests over HTTP by a bundle",
        (Positional("bundle", "BUNDLE", required=False, path=False),),
        examples=(
            "thawline serve Model                             at http://127.0.0.1:8000",
            "thawline serve base 'data.classes=[wedding,birthday]'   no tuned model",
            "THAWLINE_TOKEN=… thawline serve Model host=0.0.0.0      for other machines",
        ),
        notes=(
            "port=8000   max_upload_mb=64   max_files=32   data.max_megapixels=50",
            "CLIP_MODEL_PATH and THAWLINE_TOKEN: from the environment or from .env",
        ),
        reports=False,
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
            OF_TASKS,
        ),
        shows=True,
    ),
    Verb(
        "data labels",
        "thawline.commands.improving.labels:data_labels",
        "data_labels",
        "list photos whose labels are likely wrong, and make a contact sheet of them",
        (Positional("run", "RUN"),),
        examples=(
            "thawline data labels outputs/train/RUN           the first tenth on a sheet",
            "thawline data labels RUN share=0.02 thumbnails=false",
            "thawline data labels RUN proposals=proposed.csv   to go through by hand",
        ),
        shows=True,
    ),
    Verb(
        "store list",
        "thawline.commands.store:store_list",
        "store",
        "list what the feature store holds",
        examples=("thawline store list", "thawline store list store.dir=/data/thawline-store"),
        shows=True,
    ),
    Verb(
        "store verify",
        "thawline.commands.store:store_verify",
        "store",
        "check every stored feature against its checksum",
        examples=("thawline store verify", "thawline store verify repair=true"),
        shows=True,
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
        shows=True,
    ),
    Verb(
        "weights fetch",
        "thawline.commands.weights:weights_fetch",
        "weights",
        "bring an encoder's weights to this machine (uses the network)",
        (Positional("name", "ENCODER", path=False),),
        examples=("thawline weights fetch clip", "thawline weights fetch timm/convnext_base.fb_in1k"),
    ),
    *VERSIONS_VERBS,
    Verb(
        "sample",
        "thawline.commands.sample:sample",
        "sample",
        f"make a sample of {_or([made.what for _, made in COLLECTIONS.values()])}",
        (Positional("collection", "COLLECTION", path=False), Positional("directory", "DIR")),
        examples=(OF_TASKS,),
    ),
    Verb(
        "settings",
        "",
        "",
        "list the settings of a verb or a group, or say what one means",
        (Positional("", "VERB|KEY", required=False, path=False, many=True),),
        examples=(
            "thawline settings train               the settings of a verb",
            OF_TASKS,
            "thawline settings method              the choices and settings of a group",
            "thawline settings method.lr           one setting",
        ),
        shows=True,
    ),
    Verb(
        "completion",
        "",
        "",
        "print the script by which a shell completes verbs, settings and choices",
        (Positional("", "bash|zsh|fish", path=False),),
        examples=(
            'eval "$(thawline completion bash)"          in ~/.bashrc',
            'eval "$(thawline completion zsh)"           in ~/.zshrc, after compinit',
            "thawline completion fish | source           in ~/.config/fish/config.fish",
        ),
        reports=False,
    ),
)


def _with_tasks(verb: Verb) -> Verb:
    """`verb` with the examples that tasks add."""
    added = dict.fromkeys(line for task in TASKS.values() for line in task.examples.get(verb.name, ()))
    lines = [added if line == OF_TASKS else [line] for line in verb.examples]
    return replace(verb, examples=tuple(line for some in lines for line in some))


def _composed() -> list[Verb]:
    """The commands' verbs with what tasks add; a task's own stand behind the others of their family."""
    verbs = list(map(_with_tasks, _VERBS))
    for name, task in TASKS.items():
        for verb in task.verbs:
            own = replace(verb, target=in_folder(name, verb.target), settings=in_folder(name, verb.settings))
            family = [i for i, other in enumerate(verbs) if other.name.split()[0] == own.name.split()[0]]
            if own.name not in {other.name for other in verbs}:
                verbs.insert(family[-1] + 1 if family else len(verbs), own)
    return verbs


VERBS: dict[str, Verb] = {verb.name: verb for verb in _composed()}

# Config keys whose values are paths, or begin a directory's name. The command quotes them: they may hold any character.
PATH_KEYS = frozenset(
    {
        *(
            "data.path",
            "data.split",
            "data.corrections",
            "data.rename",
            "out",
            "file",
            "golden",
            "proposals",
            "name",
        ),
        *(f"data.{place}" for task in TASKS.values() for place in task.places),
        *(
            "encoder.weights",
            "encoder.name",
            "store.dir",
            "versions.dir",
            "versions.database",
            "paths.outputs",
            "gates",
            "people.detector",
            "prompts.candidates",
            "task.prompts",
        ),
    }
)

# Config keys whose values are free text. The command quotes them: a comma in them makes no sweep.
TEXT_KEYS = frozenset(
    [
        *(f"data.{word}" for task in TASKS.values() for word in task.words),
        *(text for verb in VERBS.values() for text in verb.texts),
    ]
)
