import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image
from tests.runs.readback import write_telling_photo

from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.settings import LoggerSettings

CONFIG = {"seed": 0, "method": {"name": "mlp", "c": [0.1, 1], "penalty": None}}


def mirror(directory):
    return mirrored(
        LoggerSettings("tensorboard"), directory, name="run", verb="train", config=CONFIG, group=None, tags=["x"]
    )


@pytest.fixture
def read():
    """Reads the events of a run directory."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(directory):
        events = accumulator.EventAccumulator(str(directory / "tensorboard"), {accumulator.IMAGES: 0})
        return events.Reload()

    return read


def scalars(events, tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def pictures(events, tag):
    return [Image.open(io.BytesIO(event.encoded_image_string)) for event in events.Images(tag)]


def text(events, tag):
    (event,) = events.Tensors(f"{tag}/text_summary")
    return event.tensor_proto.string_val[0].decode()


def test_scalars_stand_at_their_epochs(tmp_path, read):
    with mirror(tmp_path) as run:
        for epoch in (0, 1, 2):
            run.history({"fold0/epoch": epoch, "fold0/train_loss": 1 / (epoch + 2)})
        run.history({"fold1/epoch": 0, "fold1/train_loss": 0.25})
        run.summary({"accuracy": 0.75})
    events = read(tmp_path)
    assert scalars(events, "fold0/train_loss") == [(0, 0.5), (1, pytest.approx(1 / 3)), (2, 0.25)]
    assert scalars(events, "fold1/train_loss") == [(0, 0.25)]
    assert scalars(events, "accuracy") == [(0, 0.75)]
    assert set(events.Tags()["scalars"]) == {"fold0/train_loss", "fold1/train_loss", "accuracy"}


def test_the_settings_are_kept(tmp_path, read):
    from tensorboard.plugins.hparams import plugin_data_pb2 as hparams

    with mirror(tmp_path) as run:
        run.summary({"accuracy": 0.75})
    events = read(tmp_path)
    lines = ["seed: 0", "method:", "  name: mlp", "  c:", "  - 0.1", "  - 1", "  penalty: null"]
    assert text(events, "config") == "".join(f"    {line}\n" for line in lines)
    data = hparams.HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    )
    shown = data.session_start_info.hparams
    assert shown["method.name"].string_value == "mlp"
    assert shown["seed"].number_value == 0
    assert shown["method.penalty"].string_value == "None"


def test_a_failure_keeps_what_was_logged_and_a_resumed_run_adds_to_it(tmp_path, read):
    def fail():
        with mirror(tmp_path) as run:
            run.history({"all/epoch": 0, "all/train_loss": 0.5})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with mirror(tmp_path) as run:
        run.history({"all/epoch": 1, "all/train_loss": 0.25})
    assert scalars(read(tmp_path), "all/train_loss") == [(0, 0.5), (1, 0.25)]


def test_a_killed_run_leaves_every_row(tmp_path, read):
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from tests.runs.mirrors.test_tensorboard import mirror\n"
        f"with mirror(Path({str(tmp_path)!r})) as run:\n"
        "    run.history({'all/epoch': 0, 'all/train_loss': 0.5})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert scalars(read(tmp_path), "all/train_loss") == [(0, 0.5)]


def test_a_sweeps_trials_are_a_text(tmp_path, read):
    with mirror(tmp_path) as run:
        run.trials(["trial", "score", "x"], [[0, 0.5, "*a*"], [1, None, None]], "<p>a picture</p>")
    assert text(read(tmp_path), "trials") == "    trial\tscore\tx\n    0\t0.5\t*a*\n    1\t-\t-\n"


def test_the_confusion_matrix_has_a_row_for_each_true_class(tmp_path, read):
    with warnings.catch_warnings(action="error"), mirror(tmp_path) as run:
        run.confusion(np.array([[0, 0, 2], [0, 0, 0], [0, 0, 0]]), ["a", "été", "$_c"])
        run.confusion(np.array([[1, 0], [0, 0]]), ["婚礼$", "عيد"])
        run.confusion(np.eye(101, dtype=np.int64), ["too many"] * 101)
    picture, _ = pictures(read(tmp_path), "confusion")
    dark = np.abs(np.asarray(picture.convert("RGB")).astype(int) - (8, 48, 107)).sum(axis=2) < 9
    rows, columns = np.nonzero(dark)
    # Class a, said to be the last one: the cell at the top right.
    assert rows.mean() < dark.shape[0] / 2
    assert columns.mean() > dark.shape[1] / 2
    assert dark.mean() > 0.02


def test_mistakes_are_small_and_upright_with_their_captions_beside(tmp_path, read):
    photo = write_telling_photo(tmp_path / "photo.jpg")
    with mirror(tmp_path) as run:
        run.mistakes([(photo, "a, *not* b"), (photo, "b, not a")])
        run.mistakes([])
    events = read(tmp_path)
    for tag in ("mistakes/0", "mistakes/1"):
        (picture,) = pictures(events, tag)
        assert picture.size == (128, 256)
        assert not picture.getexif()
    assert text(events, "mistakes") == "    0: a, *not* b\n    1: b, not a\n"
    (file,) = (tmp_path / "tensorboard").iterdir()
    assert b"Secretcam" not in file.read_bytes()


def test_without_the_package_one_sentence_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "from pathlib import Path\n"
        "from tests.runs.mirrors.test_tensorboard import mirror\n"
        "try:\n"
        f"    mirror(Path({str(tmp_path)!r})).__enter__()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "UserError logger=tensorboard needs the package tensorboard; pip install 'thawline[tensorboard]'\n"
    )
    assert not list(tmp_path.iterdir())
