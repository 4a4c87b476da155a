"""Thawline's own plugins of Hydra, by the names that a config gives them."""

from hydra.core.plugins import Plugins

from thawline.tasks.task import imported

_LAUNCHERS = "thawline.commands.sweeps.launchers"
SEARCH_SWEEPER = "hydra_plugins.thawline.SearchSweeper"
# The names that a config gives and the places that they stand for.
OWN = {
    SEARCH_SWEEPER: "thawline.commands.sweeps.search.sweeper:SearchSweeper",
    "hydra_plugins.thawline.LocalLauncher": f"{_LAUNCHERS}.submitted:LocalLauncher",
    "hydra_plugins.thawline.SlurmLauncher": f"{_LAUNCHERS}.submitted:SlurmLauncher",
    "hydra_plugins.thawline.PackedLauncher": f"{_LAUNCHERS}.packed:PackedLauncher",
    "hydra_plugins.thawline.RayLauncher": f"{_LAUNCHERS}.on_ray:RayLauncher",
}


def register_plugin(target: str) -> None:
    """Make the plugin of the name `target` known to Hydra, if it is one of ours.

    Hydra makes plugins of the package `hydra_plugins` alone, and imports all of that whenever it starts. Ours are known
    to it by names of that package, and imported by the sweep that uses them.
    """
    if target in OWN:
        Plugins.instance().class_name_to_class[target] = imported(OWN[target])
