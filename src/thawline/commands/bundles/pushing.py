"""`thawline export RUN push=OWNER/NAME`: the bundle to the Hub, with its card, private unless told otherwise."""

from pathlib import Path

from thawline.bundles.manifest import MANIFEST
from thawline.encoders.weights import is_hub_id
from thawline.errors import RunError, UserError

_OWN = {".gitattributes"}  # that the Hub puts into every repository


def check_push(name: str) -> None:
    """Could a bundle be sent to the repository `name`? Asked before anything is made, without the network.

    Raises:
        UserError: The name is none, or there is no token, or the network is switched off.
    """
    if not is_hub_id(name):
        raise UserError(f"push={name} names no repository of the Hub; write push=OWNER/NAME")
    from huggingface_hub import constants, get_token  # late: it takes long to import

    if constants.HF_HUB_OFFLINE:
        raise UserError(f"push={name} uses the network, which HF_HUB_OFFLINE switches off; unset it, or leave out push")
    if get_token() is None:
        raise UserError(f"push={name} needs a token that may write there; set HF_TOKEN, or run 'hf auth login'")


def push(bundle: Path, name: str, *, private: bool) -> str:
    """Send a bundle to the repository `name`, which is made where there is none; a bundle there is replaced.

    Args:
        bundle: Its directory, which stays as it is.
        name: OWNER/NAME.
        private: Whether only its owner may see it.

    Returns:
        Its address.

    Raises:
        RunError: It can't be sent there: nothing was replaced.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api = HfApi()
        api.whoami()  # asked once: whether the Hub answers, and knows the token
        url = api.create_repo(name, private=private, exist_ok=True)
        _check_there(api.list_repo_files(name), public=not api.repo_info(name).private, private=private)
        api.upload_folder(
            repo_id=name, folder_path=bundle, commit_message=f"Thawline bundle {bundle.name}", delete_patterns="*"
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        why = "the token may not write there" if status in (401, 403) else _first_line(error)
    except UserError as error:
        why = str(error)
    except Exception as error:  # what carries the Hub's requests differs by release, and so do its errors
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            raise  # the disk's
        why = f"the Hub can't be reached ({_first_line(error)})"
    else:
        return str(url)
    raise RunError(f"the bundle is in {bundle}, and was not sent to {name}: {why}")


def _check_there(files: list[str], *, public: bool, private: bool) -> None:
    """May what is in the repository be replaced?

    Raises:
        UserError: It holds something else than a bundle, or everybody can see it.
    """
    if (set(files) - _OWN) and MANIFEST not in files:
        raise UserError("it holds something else than a bundle; name another repository")
    if public and private:
        raise UserError("it is public; give private=false if everybody may see the bundle, or name another repository")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
