"""The verbs of asking: data alone."""

from thawline.tasks.verb import Positional, Verb

VERBS = (
    Verb(
        "preference ask",
        ".asking.ask:ask",
        "preference_ask",
        "which photos to judge next, so that the scorer learns most",
        settings=".asking.settings:AskSettings",
        examples=(
            "thawline preference ask n=20 strategy=badge",
            "thawline preference ask n=50 out=ask.csv      a table to fill in",
            "thawline preference ask between=[3,5] out=ask.csv   whose picks are better?",
        ),
        notes=("strategy=uncertainty|diversity|badge|random   versions.dir=DIR",),
        shows=True,
    ),
    Verb(
        "preference simulate",
        ".asking.simulate:simulate",
        "preference_simulate",
        "replay photos whose answers are known: what each way of asking is worth",
        (Positional("data.path", "DIR|FILE"),),
        settings=".asking.settings:SimulateSettings",
        examples=(
            "thawline preference simulate Photos like=beach super_like=family wrong=0.1",
            "thawline preference simulate feedback.csv answers=100 seeds=10",
        ),
        notes=("batch=20 answers=200 seeds=20   strategies=[badge]   encoder=clip|…",),
        shows=True,
    ),
)
