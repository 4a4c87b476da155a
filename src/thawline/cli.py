"""`thawline VERB [PATH] [hydra overrides]`: dispatch, quoting of paths, help; nothing else.

Nothing heavy is imported here, so that `--help` answers at once.
"""

import difflib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from thawline import __version__
from thawline.commands.quoting import quote
from thawline.errors import RunError, UserError
from thawline.process import end_at_once, keep_freed_memory
from thawline.runs.signals import EXIT_STATUS, Stopped, signals_end_the_run


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

_OVERRIDE = re.compile(r"^(~[A-Za-z_]|\+{0,2}[A-Za-z_][\w./@:-]*=)")
# Hydra's own options, and how many words each takes.
_HYDRA_OPTIONS = {
    **dict.fromkeys(("--cfg", "-c", "--package", "-p", "--info", "-i", "--config-dir", "-cd"), 1),
    **dict.fromkeys(("--multirun", "-m", "--run", "-r", "--resolve", "--hydra-help"), 0),
}


def program() -> NoReturn:
    """Entry point of the command: `main` in a process of its own."""
    ended: list[int] = []
    end_at_once(lambda: ended[0] if ended else None)
    keep_freed_memory()
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, int):
            ended.append(end.code)
        raise
    ended.append(0)
    sys.exit(0)


def main(argv: Sequence[str] | None = None) -> None:
    """Do what `argv` says, the process's own words if None.

    Exit status: 0 done, 1 a run failed, 2 wrong use or bad input, 130 Ctrl-C, 143 SIGTERM or SIGUSR1.
    """
    try:
        with signals_end_the_run():
            _dispatch(list(sys.argv[1:] if argv is None else argv))
    except UserError as error:
        _end(f"thawline: {error}", 2)
    except RunError as error:
        _end(f"thawline: {error}", 1)
    except KeyboardInterrupt:
        _end("thawline: interrupted", 130)
    except Stopped as end:
        _end(f"thawline: interrupted by {end.name}", EXIT_STATUS)
    except Exception:  # a defect: its traceback is for whoever reports it, secrets are not
        _end(traceback.format_exc(), 1)


def _end(text: str, status: int) -> NoReturn:
    from thawline.runs.secrets import without_secrets  # late: it takes as long to import as all of this

    print(without_secrets(text), file=sys.stderr)
    sys.exit(status)


def _dispatch(words: list[str]) -> None:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_overview())
        return
    if words[0] == "--version":
        print(f"thawline {__version__}")
        return
    family = [name for name in VERBS if name.split()[0] == words[0]]
    if len(words) > 1 and words[1] in {"-h", "--help"} and words[0] not in VERBS and family:
        print("\n\n".join(_verb_help(VERBS[name]) for name in family))
        return
    verb, rest = find_verb(words)
    if any(word in {"-h", "--help"} for word in rest):
        print(_verb_help(verb))
        return
    arguments = to_overrides(verb, rest)

    # onnxruntime looks up a host when it is imported, which Lightning does wherever it is installed.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from thawline.commands.app import run_verb  # late: Hydra takes 0.2 s to import

    run_verb(verb.target, verb.config, arguments)


def find_verb(words: Sequence[str]) -> tuple[Verb, list[str]]:
    """The verb that `words` begin with, and the words after it.

    Raises:
        UserError: There is no such verb; the nearest one is named.
    """
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in VERBS:
            return VERBS[name], list(words[length:])
    two_words = {name.split()[0] for name in VERBS if " " in name}
    said = " ".join(words[:2]) if words[0] in two_words else words[0]
    near = difflib.get_close_matches(said, VERBS, n=1, cutoff=0.4)
    hint = f"did you mean 'thawline {near[0]}'?" if near else "'thawline --help' lists the verbs"
    raise UserError(f"there is no verb '{said}'; {hint}")


def to_overrides(verb: Verb, words: Sequence[str]) -> list[str]:
    """Turn the words after a verb into Hydra's arguments: positionals become quoted overrides, the rest passes.

    Raises:
        UserError: A required word is missing, or there is one too many.
    """
    values: list[str] = []
    options: list[str] = []
    passed: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in _HYDRA_OPTIONS:
            options += [word, *(left.pop(0) for _ in range(min(_HYDRA_OPTIONS[word], len(left))))]
        elif word.startswith("-") and word != "-":
            near = difflib.get_close_matches(word, _HYDRA_OPTIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else "settings are written key=value"
            raise UserError(f"there is no option '{word}'; {hint}")
        elif _OVERRIDE.match(word) and not (_room(verb, values) and Path(word).exists()):
            passed.append(_quote_path_value(word))
        else:
            values.append(word)
    # Hydra's parser wants its options before the overrides.
    return [*options, *_bind(verb, values, passed), *passed]


def _room(verb: Verb, values: list[str]) -> bool:
    """Whether the verb can take another word."""
    return len(values) < len(verb.positionals) or any(positional.many for positional in verb.positionals)


def _bind(verb: Verb, values: list[str], passed: list[str]) -> list[str]:
    """One override per positional."""
    overrides: list[str] = []
    left = list(values)
    for positional in verb.positionals:
        if not left:
            if positional.required and not any(word.partition("=")[0] == positional.instead for word in passed):
                raise UserError(f"'thawline {verb.name}' needs {positional.metavar}; usage: {verb.usage}")
            break
        taken = left if positional.many else left[:1]
        left = left[len(taken) :]
        quoted = [quote(str(Path(v).expanduser().absolute()) if positional.path else v) for v in taken]
        overrides.append(f"{positional.key}=" + (f"[{','.join(quoted)}]" if positional.many else quoted[0]))
    if left:
        raise UserError(f"'thawline {verb.name}' can't use '{left[0]}'; usage: {verb.usage}")
    return overrides


def _quote_path_value(word: str) -> str:
    """Quote the value of a key that holds a path, unless it is a sweep or quoted already."""
    key, _, value = word.partition("=")
    is_sweep = "," in value and not Path(value).expanduser().exists()
    if key.lstrip("+") not in PATH_KEYS or not value or value == "null" or value[0] in "'\"$" or is_sweep:
        return word
    return f"{key}={quote(value)}"


def _overview() -> str:
    width = max(len(name) for name in VERBS)
    verbs = "\n".join(f"  {verb.name:<{width}}  {verb.summary}" for verb in VERBS.values())
    return (
        "thawline: adapt pretrained vision networks to a small collection; what is frozen is computed once.\n\n"
        f"usage: thawline VERB [PATH] [key=value …]\n\nverbs:\n{verbs}\n\n"
        "examples:\n"
        "  thawline sample events Sample\n"
        "  thawline train Sample encoder=tiny_clip\n"
        "  thawline train Photos experiment=events_linear cv=5\n\n"
        "'thawline VERB --help' shows a verb's words, settings and examples."
    )


def _verb_help(verb: Verb) -> str:
    parts = [f"usage: {verb.usage}", f"\n{verb.summary[0].upper()}{verb.summary[1:]}."]
    if verb.examples:
        parts.append("\nexamples:\n" + "\n".join(f"  {example}" for example in verb.examples))
    if verb.notes:
        parts.append("\nsettings:\n" + "\n".join(f"  {note}" for note in verb.notes))
    parts.append(f"\nThe settings and what they mean are in conf/{verb.config}.yaml and the groups it names.")
    return "\n".join(parts)


if __name__ == "__main__":
    program()
