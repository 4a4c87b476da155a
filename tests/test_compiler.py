"""What was imported stays, so each case is a process of its own, forked where Lightning and timm were just imported."""

import json
import subprocess
import sys

import pytest

FORKING = """
import json, os, sys, threading, traceback
import torch
from thawline.compiler import defer_compiler, is_deferred

defer_compiler()
from thawline.encoders.vision.imported import timm
from thawline.fitting.lightning.imported import L
import torchvision
from lightning.pytorch.utilities.compile import OptimizedModule

layer = torch.nn.Linear(3, 2)
assert is_deferred() and "torch._dynamo.variables" not in sys.modules and "sympy" not in sys.modules
assert not isinstance(layer, OptimizedModule)
for number, code in enumerate(json.loads(sys.argv[1])):
    child = os.fork()
    if not child:
        try:
            exec(code, globals())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(number, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
CASES = {
    "what is compiled later is known": """
compiled = torch.compile(layer, backend="eager")
assert not is_deferred()
assert isinstance(compiled, OptimizedModule) and not isinstance(layer, OptimizedModule)
assert OptimizedModule is not torch._dynamo.OptimizedModule
assert torch.equal(compiled(torch.ones(1, 3)), layer(torch.ones(1, 3)))
""",
    "what is not to be compiled is not": """
seen = []

@torch.compiler.disable
def apart(x):
    seen.append(torch.compiler.is_compiling())
    return x + 1

assert apart(torch.ones(1)) == 2 and is_deferred() and seen == [False]
step = torch.compile(lambda x: apart(x * 2) * 3, backend="eager")
assert step(torch.ones(1)) == 9 and seen == [False, False]
assert apart(torch.ones(1)) == 2 and apart.__name__ == "apart"
""",
    "a part is the compiler's own": """
from torch._dynamo.utils import counters
assert not is_deferred()
parts = [sys.modules["torch._dynamo"], sys.modules["torch._dynamo.utils"]]
assert all(part.__spec__.origin.endswith(".py") for part in parts)
assert parts[1].counters is counters and torch._dynamo.utils is parts[1]
""",
    "the stand-in has what the compiler has": """
import torch._dynamo as compiler
assert is_deferred() and compiler.utils.counters is sys.modules["torch._dynamo.utils"].counters
""",
    "a part that there is not is not found": """
try:
    import torch._dynamo.nothing
except ModuleNotFoundError as error:
    assert error.name == "torch._dynamo.nothing"
else:
    raise AssertionError
""",
    "a decorator is the compiler's own": """
assert torch.compiler.disable(recursive=False)(lambda x: x + 1)(1) == 2 and not is_deferred()
""",
    "a class is the compiler's own": """
Layer = torch.compiler.disable(type("Layer", (torch.nn.Linear,), {}))
assert isinstance(Layer, type) and Layer(1, 1)(torch.ones(1)).shape == (1,) and not is_deferred()
""",
    "what torchvision asks is answered by the compiler": """
support = torchvision.ops.roi_align.__globals__["is_compile_supported"]
assert is_deferred()
answer = support("cpu")
assert answer is torch._dynamo.utils.is_compile_supported("cpu") and not is_deferred()
assert torch._dynamo.utils.is_compile_supported is not support
""",
    "timm's networks compute, train and are exported": """
model = timm.create_model("test_vit", num_classes=3)
model(torch.zeros(2, 3, 160, 160)).sum().backward()
assert is_deferred()
program = torch.export.export(model.eval(), (torch.zeros(2, 3, 160, 160),))
assert program.module()(torch.zeros(2, 3, 160, 160)).shape == (2, 3)
""",
    "a stand-in that another thread is just importing gives way too": """
import importlib
import thawline.compiler as held
for name in ("torch._dynamo", "torch._dynamo.utils"):  # as before the first import
    del sys.modules[name]
inside, go = threading.Event(), threading.Event()
execute = held._Finder.exec_module

def slow(self, module):
    inside.set()
    go.wait(1)
    execute(self, module)

held._Finder.exec_module = slow
answers = []
importing = threading.Thread(target=lambda: importlib.import_module("torch._dynamo.utils"))
asking = threading.Thread(target=lambda: answers.append(held._compiler().config))
importing.start()
inside.wait()
asking.start()
for thread in (importing, asking):
    thread.join(100)
assert answers and not any(isinstance(sys.modules[name], held._StandIn) for name in held._HELD)
defer_compiler()
assert not is_deferred()
torch.optim.SGD(layer.parameters(), lr=0.1).step()
assert torch.compile(layer, backend="eager")(torch.ones(1, 3)).shape == (1, 2)
""",
    "an optimiser's step needs it": """
optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
optimiser.step()
assert not is_deferred()
""",
    # By the stand-ins. Threads that import parts in other orders can come to a deadlock without these too.
    "several threads ask for it at once": """
import torch._dynamo as whole, torch._dynamo.utils as part

found, together = [], threading.Barrier(3)

def look(ask):
    together.wait()
    found.append(ask())

asked = (lambda: part.counters, lambda: whole.utils.counters, lambda: part.counters)
threads = [threading.Thread(target=look, args=(ask,)) for ask in asked]
for each in threads:
    each.start()
for each in threads:
    each.join(100)
assert len(found) == 3 and found[0] is found[1] is found[2], found
assert found[0] is sys.modules["torch._dynamo.utils"].counters
""",
}


@pytest.fixture(scope="module")
def ended():
    """The exit status of each case, and what all of them said."""
    command = [sys.executable, "-c", FORKING, json.dumps(list(CASES.values()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    return dict(line.split() for line in done.stdout.splitlines()), done.stderr


@pytest.mark.parametrize("case", CASES)
def test_the_compiler_is_imported_when_it_is_needed_and_is_itself(ended, case):
    status, said = ended
    assert status.get(str(list(CASES).index(case))) == "0", said


def test_one_that_was_imported_before_is_left_alone():
    code = (
        "import torch._dynamo as before\n"
        "from thawline.fitting.lightning.imported import L\n"
        "from lightning.pytorch.utilities.compile import OptimizedModule\n"
        "assert OptimizedModule is before.OptimizedModule"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
