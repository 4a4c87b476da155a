"""The verbs of asking: data alone."""

from thawline.tasks.verb import Positional, Verb

VERBS = (
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
    ),
)
