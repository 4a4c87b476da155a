"""Each in a process of its own, since what was imported stays."""

import subprocess
import sys

import pytest

BEFORE = """
import sys, torch
from thawline.fitting.lightning.imported import L
from thawline.fitting.lightning.compiler import is_deferred
from lightning.pytorch.utilities.compile import OptimizedModule

layer = torch.nn.Linear(3, 2)
assert is_deferred() and "torch._dynamo.utils" not in sys.modules
assert not isinstance(layer, OptimizedModule)
"""


def run(code):
    subprocess.run([sys.executable, "-c", BEFORE + code], check=True, timeout=120)


def test_lightning_is_imported_without_the_compiler_and_knows_what_is_compiled_later():
    run("""
compiled = torch.compile(layer, backend="eager")
assert not is_deferred()
assert isinstance(compiled, OptimizedModule) and not isinstance(layer, OptimizedModule)
assert OptimizedModule is not torch._dynamo.OptimizedModule
assert torch.equal(compiled(torch.ones(1, 3)), layer(torch.ones(1, 3)))
""")


@pytest.mark.parametrize(
    "code",
    [
        "from torch._dynamo.utils import counters",
        "import torch._dynamo.utils; counters = torch._dynamo.utils.counters",
        "import torch._dynamo as compiler; counters = compiler.utils.counters",
    ],
)
def test_whatever_else_is_asked_for_is_the_compilers_own(code):
    run(f"""
{code}
assert not is_deferred()
parts = [sys.modules["torch._dynamo"], sys.modules["torch._dynamo.utils"]]
assert all(part.__spec__.origin.endswith(".py") for part in parts)
assert parts[1].counters is counters and torch._dynamo.utils is parts[1]
""")


def test_what_is_not_to_be_compiled_is_not_once_something_is():
    run("""
seen = []

@torch.compiler.disable
def apart(x):
    seen.append(torch.compiler.is_compiling())
    return x + 1

assert apart(torch.ones(1)) == 2 and is_deferred() and seen == [False]
step = torch.compile(lambda x: apart(x * 2) * 3, backend="eager")
assert step(torch.ones(1)) == 9 and seen == [False, False]
assert apart(torch.ones(1)) == 2 and apart.__name__ == "apart"
""")


def test_an_optimiser_has_it_imported():
    run("""
optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
layer(torch.ones(1, 3)).sum().backward()
optimiser.step()
optimiser.zero_grad()
assert torch._dynamo.graph_break is not None and not is_deferred()
""")


def test_one_that_was_imported_before_is_left_alone():
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import torch._dynamo as before\n"
            "from thawline.fitting.lightning.imported import L\n"
            "from lightning.pytorch.utilities.compile import OptimizedModule\n"
            "assert OptimizedModule is before.OptimizedModule",
        ],
        check=True,
        timeout=120,
    )
