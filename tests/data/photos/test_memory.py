"""How much memory pictures take that are decoded at once. `tools/compare_decoders.py --bombs 8` is the long form."""

import subprocess
import sys
from pathlib import Path

import pytest

# Without torch, which takes more than the pictures.
PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from thawline.data.photos import photo
from thawline.data.photos.decoding.budget import Budget
from thawline.process import keep_freed_memory

def peak():  # MiB of this program; ru_maxrss is that of who started it, where that is more
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) >> 10

keep_freed_memory()
small, *large = map(Path, sys.argv[1:])
photo.read_photo(small, None)
photo.DECODING = Budget(80 * 2**20)
before = peak()
with ThreadPoolExecutor(4) as pool:
    facts = list(pool.map(lambda path: photo.read_photo(path, None)[0], large))
print(peak() - before, {(each.width, each.problem) for each in facts})
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measured as Linux says it")
def test_pictures_take_what_the_budget_has(tmp_path, encode, scene, huge_png) -> None:
    """Each takes 64 MiB, and four side by side 256."""
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    small.write_bytes(encode(scene(1), "PNG"))
    large.write_bytes(huge_png(4096, 4096, rows=4096))
    program = [sys.executable, "-c", PROGRAM, str(small), *4 * [str(large)]]
    took, facts = subprocess.run(program, check=True, capture_output=True, text=True).stdout.split(" ", 1)
    assert facts.strip() == "{(4096, None)}"
    assert 60 < int(took) < 130
