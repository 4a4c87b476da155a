"""`thawline serve [BUNDLE]`: a model as a service over HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig
from rich.console import Console

from thawline.errors import UserError
from thawline.screen import say, say_whole
from thawline.serving.environment import MODEL_PATH, TOKEN, read_variables
from thawline.serving.settings import ServeSettings
from thawline.tasks.bundle.base import load_base
from thawline.tasks.bundle.load import load_bundle
from thawline.tasks.bundle.predicting import BASE
from thawline.tasks.bundle.serving import Served, Terms
from thawline.tasks.task import find_task
from thawline.tasks.typed import to_settings
from thawline.tasks.versions import open_registry
from thawline.versions.registry import Registry
from thawline.versions.schema import ModelVersion

if TYPE_CHECKING:
    from thawline.serving.source import Source

_NEEDED = ("fastapi", "uvicorn", "multipart", "prometheus_client")


def serve(config: DictConfig) -> None:
    """Answer requests until a signal asks for the end.

    Raises:
        UserError: The model or a setting can't be used, the port is taken, or other machines could ask without a token.
    """
    settings: ServeSettings = to_settings(config)
    if any(find_spec(name) is None for name in _NEEDED):
        raise UserError("a service needs more packages; pip install 'thawline[serve]'")
    from thawline.serving.app import create_app  # late: an extra
    from thawline.serving.guard import check_token
    from thawline.serving.server import address, listen, run

    variables = read_variables(Path.cwd())
    settings.token = settings.token or variables.get(TOKEN)
    check_token(settings.host, settings.token)
    console = Console()
    with listen(settings.host, settings.port) as listening, _registry(settings) as registry:
        source = _find_source(settings, variables, registry)
        where = address(settings.host, listening.getsockname()[1])
        app = create_app(source, settings, registry)
        run(app, listening, settings.grace, lambda: _show(console, source, where, settings))


@contextmanager
def _registry(settings: ServeSettings) -> Iterator[Registry | None]:
    """The versions, with the database that keeps what is said, if it is to be kept."""
    if not settings.results:
        yield None
        return
    with open_registry(settings.versions) as registry:
        yield registry


def _find_source(settings: ServeSettings, variables: Mapping[str, str], registry: Registry | None) -> "Source":
    """What is named, on the command line or by the environment; otherwise the active version, or else the base."""
    from thawline.serving.active import ActiveSource
    from thawline.serving.source import FixedSource

    if settings.bundle == BASE:
        return FixedSource(_base(settings), [])
    if settings.bundle is not None:
        return FixedSource(_tuned(settings, Path(settings.bundle)), [])
    if (place := variables.get(MODEL_PATH)) is not None:
        try:
            return FixedSource(_tuned(settings, Path(place).expanduser()), [])
        # It is nobody's home, too long, or holds what no path does; Python's own sentence repeats it whole.
        except (UserError, OSError, ValueError, RuntimeError) as error:
            say(Console(stderr=True), f"{MODEL_PATH}: {getattr(error, 'strerror', None) or error}")
            problem = f"{MODEL_PATH} names no bundle that can be used; the base model answers"
            return FixedSource(_base(settings), [problem])
    if registry is None:
        problem = f"no bundle is named and {MODEL_PATH} is not set; the base model answers"
        return FixedSource(_base(settings), [problem])

    def load_version(version: ModelVersion) -> Served:
        return _tuned(settings, registry.folder(version), version)

    return ActiveSource(registry, load_version, partial(_base, settings))


def _tuned(settings: ServeSettings, folder: Path, version: ModelVersion | None = None) -> Served:
    bundle = load_bundle(folder, device=settings.accelerator)
    if find_task(bundle.task).serve is None:
        raise UserError(f"bundles of task={bundle.task} can't be served; 'thawline predict {folder}' asks it")
    if getattr(bundle, "gives_scores", False):
        raise UserError(f"{folder} gives scores, which no service answers by yet; 'thawline predict {folder}' asks it")
    name = folder.absolute().name if version is None else f"v{version.number}"
    return Served(bundle, name, version, Terms(settings.calibrated, settings.data.max_megapixels))


def _base(settings: ServeSettings) -> Served:
    """The pretrained encoder, zero-shot, for the classes of the settings, or else all that have prompts."""
    data = settings.data
    classes = list(settings.prompts.classes) if data.classes is None else data.classes
    bundle = load_base(settings.encoder, settings.prompts, classes, data.decode, settings.store, settings.accelerator)
    return Served(bundle, BASE, terms=Terms(None, data.max_megapixels))


def _show(console: Console, source: "Source", where: str, settings: ServeSettings) -> None:
    """Say what answers, where, and how it is asked."""
    served, bundle = source.served, source.served.bundle
    for problem in source.problems:
        say(console, f"note   {problem}")
    say(console, f"model  {served.name} (task {bundle.task}, {len(bundle.labels)} answers)")
    say_whole(console, f"at     {where}")
    token = "" if settings.token is None else f"-H 'Authorization: Bearer '\"${TOKEN}\" "
    say_whole(console, f"next   curl {token}-F files=@photo.jpg {where}/predict")
    say(console, "Ctrl-C or SIGTERM ends it when the running requests have their answers.")
