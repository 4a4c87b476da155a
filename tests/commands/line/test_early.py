"""What begins before the libraries are imported."""

import subprocess
import sys

HEAVY = ("torch", "transformers", "lightning", "sklearn", "scipy.stats", "matplotlib", "pyarrow")


def test_nothing_heavy_is_imported_before_photos_are_read():
    code = (
        "import sys; from thawline.commands.app import register_settings; register_settings(); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
