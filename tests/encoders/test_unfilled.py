"""Networks whose weights take no memory."""

import subprocess
import sys

import timm
import torch
from torch import nn

from thawline.encoders.unfilled import unfilled


def test_nothing_takes_memory_and_nothing_is_drawn():
    before = torch.get_rng_state()
    with unfilled():
        table, drawn = nn.Embedding(10**9, 10**3), torch.empty(10**6, 10**6).normal_(std=2)
        network = timm.create_model("mobilenetv2_035")
        for tensor in (drawn, nn.init.normal_(tensor=drawn), nn.init.normal_(drawn, std=0.1)):
            assert tensor is drawn
    assert {drawn.device.type, table.weight.device.type} == {"meta"}
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"meta"}
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.empty(100).normal_().abs().sum() > 0
    filled = timm.create_model("mobilenetv2_035")
    network.load_state_dict(filled.state_dict(), assign=True)
    assert all(torch.equal(tensor, filled.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_neither_sympy_nor_the_compiler_is_imported_for_it():
    code = (
        "import sys\n"
        "from thawline.encoders.unfilled import unfilled\n"
        "from torch import nn\n"
        "with unfilled(): nn.Embedding(3, 4), nn.Linear(3, 4), nn.Conv2d(3, 4, 5), nn.LayerNorm(3)\n"
        "assert not {'sympy', 'torch._dynamo.variables'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
