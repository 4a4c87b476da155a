"""How the command's process is run, seen from outside."""

import gc
import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from thawline.process import importing, importing_without

ENDING = """
import atexit, sys, threading, time
from thawline.process import end_at_once

class Late:
    def __del__(self):
        print("taken apart")

end_at_once(lambda: {status})
late = Late()
late.itself = late
atexit.register(print, "registered")
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
sys.stdout.write("unflushed ")
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=buffered)


def test_the_end_waits_for_threads_and_exit_functions_and_loses_no_output():
    done = run(ENDING.format(status=3))
    assert (done.returncode, done.stdout, done.stderr) == (3, "unflushed thread\nregistered\n", "")


def test_without_a_status_python_ends_as_ever():
    done = run(ENDING.format(status=None))
    assert (done.returncode, done.stdout) == (0, "unflushed thread\nregistered\ntaken apart\n")


def test_a_closed_pipe_is_left_to_python():
    code = "import os, sys; from thawline.process import end_at_once; end_at_once(lambda: 0); print(1); os.close(1)"
    assert run(code).returncode == 120


def test_streams_that_were_closed_before_are_left_alone():
    command = [sys.executable, "-m", "thawline.cli", "--version"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_refused_command_keeps_its_status_and_sentence():
    done = subprocess.run([sys.executable, "-m", "thawline.cli", "tran"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("thawline: there is no verb 'tran'")


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is asked")
def test_freed_memory_is_kept():
    code = """
import ctypes, resource
from thawline.process import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        bytearray(2**26)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults()
keep_freed_memory()
faults()
print(usual, faults())
"""
    done = run(code)
    usual, kept = map(int, done.stdout.split())
    assert kept < usual / 10


def test_no_garbage_is_looked_for_during_imports_alone():
    assert gc.isenabled()
    with importing():
        assert not gc.isenabled()
        with importing():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.isenabled()


def test_only_what_the_commands_own_process_imports_is_kept_out_of_later_looks():
    code = """
import gc
from thawline.process import importing, keep_imports
with importing():
    import wave
print(gc.get_freeze_count())
keep_imports()
with importing(alone=False):
    import gettext
print(gc.get_freeze_count())
with importing():
    import mailbox
kept = gc.get_freeze_count()
with importing():
    import mailbox
    made = [[] for _ in range(1000)]
print(kept > 0, gc.get_freeze_count() == kept)
"""
    assert run(code).stdout.split() == ["0", "0", "True", "True"]


def test_a_library_is_held_back_from_one_thread_and_for_a_while(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("held_there", "held_elsewhere"):
        (tmp_path / f"{name}.py").write_text("")
        (tmp_path / f"tries_{name}.py").write_text(
            f"try:\n    import {name}\nexcept ImportError as error:\n    why = error\n"
        )
    with importing_without("held_there"):
        assert "held_there" in str(importlib.import_module("tries_held_there").why)
    with importing_without("held_elsewhere"), ThreadPoolExecutor(1) as pool:
        assert not hasattr(pool.submit(importlib.import_module, "tries_held_elsewhere").result(), "why")
        assert importlib.import_module("held_elsewhere") is sys.modules["held_elsewhere"]  # it was there already
    assert importlib.import_module("held_there") is sys.modules["held_there"]
