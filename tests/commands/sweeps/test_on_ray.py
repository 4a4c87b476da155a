"""A node of a Ray cluster that is lost with a trial on it."""

import os
import threading
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from tests.extras import require

from thawline.commands.sweeps.launchers.jobs import Job
from thawline.commands.sweeps.launchers.lasting import lasting
from thawline.commands.sweeps.launchers.on_ray import RayLauncher
from thawline.runs.directory import read_status_file
from thawline.runs.sweep import read_trial


def trial():
    """What a task does; it travels by value, as a test's module is not to be had there."""

    def run(config):
        import time
        from pathlib import Path

        import ray

        from thawline.runs.directory import RunDirectory

        directory = Path(config.paths.run)
        with RunDirectory(directory, "train", config, keep=True) as begun:
            begun.file("metrics.json").write_text('{"seconds": 1, "inner": {"headline": "a", "a": {"value": 1}}}')
            with begun.file("nodes").open("a") as file:
                file.write(f"{ray.get_runtime_context().get_node_id()}\n")
            while not (directory.parent / "go").exists():
                time.sleep(0.1)

    return run


def is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.long
@pytest.mark.extra
@pytest.mark.usefixtures("only_ray")
def test_a_lost_nodes_trial_is_run_on(tmp_path, capsys):
    require("ray", "ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        others = [cluster.add_node(num_cpus=2) for _ in range(2)]

        def lose():
            nodes = tmp_path / "sweep" / "0" / "nodes"
            until = time.monotonic() + 300
            while time.monotonic() < until and not (nodes.exists() and nodes.read_text()):
                time.sleep(0.1)
            (node,) = (other for other in others if other.node_id == nodes.read_text().strip())
            process = read_status_file(nodes.parent)["process"]
            cluster.remove_node(node, allow_graceful=False)
            while time.monotonic() < until and is_there(process):  # it outlives its node for a moment
                time.sleep(0.1)
            (tmp_path / "sweep" / "go").touch()

        loser = threading.Thread(target=lose)
        launcher = RayLauncher(address=cluster.address, num_cpus=2)  # more than the first node has
        job = Job(trial(), "train", ("data.path=x",), tmp_path / "sweep" / "0", Path.cwd())
        with lasting():
            loser.start()
            launcher.config = OmegaConf.create({"trainer": {"accelerator": "cpu"}})
            launcher.run([job])
            loser.join()
    finally:
        cluster.shutdown()
    assert read_trial(tmp_path / "sweep", 0).status == "finished", read_status_file(job.directory)
    nodes = (job.directory / "nodes").read_text().split()
    assert len(set(nodes)) == 2
    assert "trial 0: inner a 100.0 %" in capsys.readouterr().out
