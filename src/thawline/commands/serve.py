"""`thawline serve [BUNDLE]`: a model as a service over HTTP."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.errors import UserError
from thawline.screen import say, say_whole
from thawline.serving.environment import MODEL_PATH, TOKEN, read_variables
from thawline.serving.settings import ServeSettings
from thawline.tasks.base import load_base
from thawline.tasks.load import load
from thawline.tasks.predicting import BASE
from thawline.tasks.serving import Served, Terms
from thawline.tasks.task import find_task
from thawline.tasks.typed import to_settings

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
    from thawline.serving.source import FixedSource

    variables = read_variables(Path.cwd())
    settings.token = settings.token or variables.get(TOKEN)
    check_token(settings.host, settings.token)
    console = Console()
    with listen(settings.host, settings.port) as listening:
        served, problems = _find_model(settings, variables)
        source = FixedSource(served, problems)
        where = address(settings.host, listening.getsockname()[1])
        app = create_app(source, settings)
        run(app, listening, settings.grace, lambda: _show(console, source.served, source.problems, where, settings))


def _find_model(settings: ServeSettings, variables: Mapping[str, str]) -> tuple[Served, list[str]]:
    """The model that is named, on the command line or by the environment; otherwise the base, and why."""
    if settings.bundle == BASE:
        return _base(settings), []
    if settings.bundle is not None:
        return _tuned(settings, Path(settings.bundle)), []
    place = variables.get(MODEL_PATH)
    if place is None:
        return _base(settings), [f"no bundle is named and {MODEL_PATH} is not set; the base model answers"]
    try:
        return _tuned(settings, Path(place).expanduser()), []
    except UserError as error:
        say(Console(stderr=True), f"{MODEL_PATH}: {error}")
        return _base(settings), [f"{MODEL_PATH} names no bundle that can be used; the base model answers"]


def _tuned(settings: ServeSettings, folder: Path) -> Served:
    bundle = load(folder, device=settings.accelerator)
    if find_task(bundle.task).serve is None:
        raise UserError(f"bundles of task={bundle.task} can't be served; 'thawline predict {folder}' asks it")
    return Served(bundle, folder.absolute().name, terms=Terms(settings.calibrated, settings.data.max_megapixels))


def _base(settings: ServeSettings) -> Served:
    """The pretrained encoder, zero-shot, for the classes of the settings, or else all that have prompts."""
    data = settings.data
    classes = list(settings.prompts.classes) if data.classes is None else data.classes
    bundle = load_base(settings.encoder, settings.prompts, classes, data.decode, settings.store, settings.accelerator)
    return Served(bundle, BASE, terms=Terms(None, data.max_megapixels))


def _show(console: Console, served: Served, problems: list[str], where: str, settings: ServeSettings) -> None:
    """Say what answers, where, and how it is asked."""
    bundle = served.bundle
    for problem in problems:
        say(console, f"note   {problem}")
    say(console, f"model  {served.name} (task {bundle.task}, {len(bundle.labels)} answers)")
    say_whole(console, f"at     {where}")
    token = "" if settings.token is None else f"-H 'Authorization: Bearer '\"${TOKEN}\" "
    say_whole(console, f"next   curl {token}-F files=@photo.jpg {where}/predict")
    say(console, "Ctrl-C or SIGTERM ends it when the running requests have their answers.")
