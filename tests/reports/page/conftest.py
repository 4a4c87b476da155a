import pytest
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.made import make_run, make_sweep, predictions

from thawline.reports.gather import gather

# What a class, a photo, a run and a setting may be called, and a page must survive.
HOSTILE = (
    "<script>window.broken=1</script>",
    '" onerror="window.broken=1" x="',
    "</script><img src=x onerror=window.broken=1>",
    "\u202egpj.عيد ميلاد 🎂",
    "&lt;b&gt; é ]]> --> $& \\u003c",
)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A real Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    started = Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()


@pytest.fixture
def hostile(tmp_path):
    """Runs whose classes, photos, directories and configs try to break out of the page."""
    paths = [f"{HOSTILE[i % 5]}/{i}{HOSTILE[i % 3]}.jpg" for i in range(40)]
    for number, right in enumerate((36, 30, 24, 20, 12)):
        said = predictions(right, classes=HOSTILE, paths=paths)
        called = HOSTILE[number].replace("/", "\u2215")
        facts = {"method": HOSTILE[number], "encoder": HOSTILE[-number], "baseline": HOSTILE[2]}
        run = make_run(tmp_path / f"{number} {called}", said, lr=10.0**-number, trick=HOSTILE[number], facts=facts)
    run.rename(tmp_path / "4 \udcff no UTF-8")
    return gather([tmp_path])


@pytest.fixture
def swept(tmp_path):
    """A sweep with a trial that failed, and a run beside it."""
    pairs = zip("112233", "123123", strict=True)
    settings = {f"thaw={thaw} method.lr={lr}": 20 + n for n, (thaw, lr) in enumerate(pairs)}
    make_sweep(tmp_path / "runs" / "a sweep", {**settings, "thaw=4 method.lr=1e30": None}, seconds=range(1, 7))
    outer = predictions(30, paths=[f"outer/{i:04}.jpg" for i in range(40)])
    make_run(tmp_path / "runs" / "a run", outer, lr=0.5, facts={"seconds": 1200.5})
    return gather([tmp_path / "runs"])
