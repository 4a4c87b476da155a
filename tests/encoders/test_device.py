import pytest
import torch

from thawline.encoders.device import find_device
from thawline.errors import UserError


def test_the_cpu_is_always_there():
    assert find_device("cpu") == torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert find_device("auto").type == expected


@pytest.mark.parametrize(
    ("name", "there"), [("gpu", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)]
)
def test_a_device_that_is_not_there_is_refused(name, there):
    if there():
        pytest.skip(f"this machine has {name}")
    with pytest.raises(UserError, match=f"trainer={name}: PyTorch finds no such device"):
        find_device(name)


def test_on_a_gpu_float32_is_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert find_device("cpu").type == "cpu"
    assert torch.backends.cudnn.allow_tf32, "PyTorch's own"
    assert find_device("auto") == torch.device("cuda")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
