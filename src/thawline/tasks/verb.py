"""What a verb is, to the table of them and to the tasks that add some: data alone."""

from dataclasses import dataclass

# Among a verb's examples: where those that tasks add stand.
OF_TASKS = ""


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
        url: Whether a URL may stand in the path's place; it is left as it is.
    """

    key: str
    metavar: str
    required: bool = True
    path: bool = True
    many: bool = False
    instead: str = ""
    bundle: bool = False
    url: bool = False


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        name: What is typed.
        target: The function that does it, `module:function`, in a task's verb with a leading dot for its folder.
        config: Its primary config; empty: it has none.
        summary: What it does, a phrase.
        positionals: Its words.
        examples: Lines of its help; `OF_TASKS` stands for those that tasks add.
        notes: Lines of its help on settings.
        settings: The class of its settings, named as its function is; empty: it is one of the commands'.
        texts: Settings of its own that are free text, which may hold commas.
        shows: Whether what it prints is what it is for; otherwise it does something, and tells of it.
        reports: Whether it has a report, for `--json`; what stays until it is ended has none.
    """

    name: str
    target: str
    config: str
    summary: str
    positionals: tuple[Positional, ...] = ()
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: str = ""
    texts: tuple[str, ...] = ()
    shows: bool = False
    reports: bool = True

    @property
    def usage(self) -> str:
        """The usage line."""
        words = [self.name]
        for p in self.positionals:
            word = p.metavar + (" …" if p.many else "")
            words.append(word if p.required else f"[{word}]")
        return f"thawline {' '.join(words)} [key=value …]"
