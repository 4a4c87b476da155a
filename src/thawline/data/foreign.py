"""What lies in people's folders that is nothing of theirs: what systems, cameras' cards and this program put there."""

import re
from contextlib import suppress
from pathlib import Path

# Thumbnails and resource forks that macOS archives and NAS devices add everywhere, and the like: of no interest at all.
_HIDDEN = ("__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
# Recycle bins, snapshots, and what other programs log: named, since there may be photos in them.
_FOREIGN = re.compile(
    r"[#@$]?(recycle|recycler|recycled)|\$recycle\.bin|[#@](snapshots?|tmp|recently-snapshot)|system volume information"
    r"|lost\+found|found\.\d{3}|lost\.dir|thumbs|wandb|lightning_logs|mlruns|__pycache__|node_modules",
    re.IGNORECASE,
)
_VERBS = ("train", "sweep", "check", "evaluate", "ensemble")
_RECORDS = ("status.json", "config.yaml", "data_report.json")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is nothing of the user's, and not worth a word."""
    return name.startswith(".") or name.casefold() in _HIDDEN


def is_foreign(name: str) -> bool:
    """Whether a folder of that name is a recycle bin or the like, of a system or of another program."""
    return _FOREIGN.fullmatch(name) is not None


def holds_runs(folder: Path) -> bool:
    """Whether this program wrote runs into the folder: `train/RUN/status.json`, say."""
    for verb in _VERBS:
        with suppress(OSError):  # there is none, or whoever lists it says why it can't be opened
            if any((run / record).exists() for run in (folder / verb).iterdir() for record in _RECORDS):
                return True
    return False
