import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from thawline.errors import UserError
from thawline.runs import secrets
from thawline.runs.directory import RunDirectory, read_config, read_status
from thawline.runs.ends import reason_of
from thawline.runs.secrets import (
    MASK,
    is_secret,
    masked,
    masked_keys,
    masked_word,
    names_secret,
    saved,
    saved_word,
    unmasked_words,
    without_secrets,
)

NAMES = ("token", "key", "password", "passwd", "secret", "credential", "credentials", "passphrase")
PLAIN = (
    *("tokenizer", "tokenizer_name", "tokens", "max_tokens", "num_tokens", "token_dim", "class_token", "cls_token"),
    *("keys", "monkey", "keep_history", "key_frames", "keyboard", "primary_key", "sort_key", "turkey", "author", "lr"),
    *("header", "headers", "csv_header", "authors", "author_name", "session", "session_dir", "cookbook", "dsnet"),
    *("compass", "passes", "bypass", "secretary", "data.path", "paths.run", "batch_size", "keynote", "donkey_size", ""),
)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(secrets, "_known", set())


@pytest.mark.parametrize("key", PLAIN)
def test_other_keys_name_no_secret(key):
    assert not is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        *NAMES,
        *(
            "WANDB_API_KEY",
            "HF_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "apiKey",
            "APIKey",
            "apikey",
            "authToken",
            "db-password",
        ),
        *("logger.auth_header", "headers.Authorization", "Proxy-Authorization", "authHeaders", "cookie", "sentry_dsn"),
        *("logger.api_key", "password_hash", "api_keys", "access_tokens", "secret_value", "PASSWORD1", "client_secret"),
    ],
)
def test_telling_keys(key):
    assert is_secret(key)


@given(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.sampled_from(NAMES[2:]), st.sampled_from("_-."))
def test_a_secret_s_name_tells_wherever_it_is_a_word(word, name, between):
    assert is_secret(f"{word}{between}{name}")
    assert is_secret(f"{word}{name.title()}")
    assert is_secret(f"{name}_{word}".upper())


@given(st.from_regex(r"[a-z]{2,8}", fullmatch=True), st.sampled_from(("token", "key")))
def test_a_name_within_a_word_does_not_tell(word, name):
    assert not is_secret(f"{name}_{word}" if word not in {"auth", "token", "key", "pwd"} else "x")
    assert not is_secret(f"q{name}{word}x")


CONFIG = {
    "encoder": {"model_args": {"hf_token": "abcdefgh", "class_token": True, "deep": [{"password": 123456}]}},
    "prompts": {"classes": {"key": ["a photo of a key"], "token": ["a coin, abcdefgh"]}},
    "env": {"api_key": "${oc.env:MY_VALUE}"},
    "note": "it is abcdefgh",
    "unset": {"token": None},
}


def test_a_config_is_masked_by_key_and_its_secrets_everywhere(monkeypatch):
    monkeypatch.setenv("MY_VALUE", "from outside")
    config = OmegaConf.create(CONFIG)
    told = {
        "encoder": {"model_args": {"hf_token": MASK, "class_token": True, "deep": [{"password": MASK}]}},
        "prompts": {"classes": {"key": ["a photo of a key"], "token": [f"a coin, {MASK}"]}},
        "env": {"api_key": "${oc.env:MY_VALUE}"},
        "note": f"it is {MASK}",
        "unset": {"token": None},
    }
    assert masked(config) == told
    # What is read back is whole or missed: a text with a mask in it would be taken for the setting.
    classes = {"key": ["a photo of a key"], "token": [MASK]}
    assert saved(config) == {**told, "note": MASK, "prompts": {"classes": classes}}


LONG = "/home/someone/a folder whose name is long enough"
TOKEN = "tok-0123456789/+abcdef"  # noqa: S105  # of no service
PLACED = {
    "data": {"path": f"{LONG}/Photos", "split": "s3cret-folder-name/sides.csv", "classes": ["s3cret-folder-name"]},
    "encoder": {"name": "s3cret-folder-name", "weights": f"{LONG}/weights"},
    "paths": {"outputs": f"{LONG}/outputs", "run": f"/data/{TOKEN}/run"},
    "logger": {"project": f"p-{TOKEN}", "group": "mine"},
}


def test_a_variable_is_no_part_of_a_saved_path_and_none_of_a_text(monkeypatch):
    monkeypatch.setenv("PROJECT_KEY", "s3cret-folder-name")
    monkeypatch.setenv("TRACKER_TOKEN", TOKEN)
    assert saved(PLACED) == {**PLACED, "logger": {"project": "p-${oc.env:TRACKER_TOKEN}", "group": "mine"}}
    assert masked(PLACED) == {**PLACED, "logger": {"project": f"p-{MASK}", "group": "mine"}}
    assert saved_word(f"data.path='/data/{TOKEN}'") == f"data.path='/data/{TOKEN}'"
    assert saved_word("data.split=s3cret-folder-name/x.csv") == "data.split=s3cret-folder-name/x.csv"
    assert saved_word(f"logger.project=p-{TOKEN}") == "logger.project=p-${oc.env:TRACKER_TOKEN}"
    assert (
        without_secrets(f"there is no folder /data/{TOKEN}/x; {TOKEN}?")
        == f"there is no folder /data/{TOKEN}/x; {MASK}?"
    )
    assert without_secrets(f"out='~/a {TOKEN}'") == f"out='~/a {MASK}'"
    assert without_secrets(f"GET https://hub/{TOKEN}/x") == f"GET https://hub/{MASK}/x"


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "GPG_KEY", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SESSION_MANAGER", "XDG_SESSION_COOKIE"]
)
def test_well_known_variables_hold_no_secret(monkeypatch, name):
    monkeypatch.setenv(name, "A035C8C19219BA821ECEA86B64E628F8D684696D")
    text = "it is A035C8C19219BA821ECEA86B64E628F8D684696D"
    assert without_secrets(text) == text
    assert saved({"note": text}) == {"note": text}


def test_a_variable_that_holds_a_file_s_place_is_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "yet to come.json"))
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path))
    assert without_secrets(f"can't read {tmp_path}/yet to come.json") == f"can't read {tmp_path}/yet to come.json"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "/abcDEF0123456789")  # a slash is one of base64's 64
    assert without_secrets("with /abcDEF0123456789") == f"with {MASK}"


def test_what_tells_by_itself():
    assert without_secrets("sent 'Authorization: Bearer abc.123-xyz' to") == f"sent 'Authorization: Bearer {MASK}' to"
    assert (
        without_secrets("at https://me:pa55@host/x and ssh://git@host")
        == f"at https://{MASK}@host/x and ssh://{MASK}@host"
    )
    assert saved({"a": "Bearer abc.123-xyz", "b": "postgres://me:pa55@host/db"}) == {"a": MASK, "b": MASK}
    plain = {"a": "the Flag Bearer ceremonies", "b": "https://host/x@y", "c": "me@host", "d": "file:///data/a@b"}
    assert saved(plain) == masked(plain) == plain


def test_a_new_directory_has_no_secret_in_its_name(monkeypatch, tmp_path):
    monkeypatch.setenv("TRACKER_TOKEN", "tok-0123456789")
    assert names_secret("outputs/${oc.env:TRACKER_TOKEN}", "outputs/tok-0123456789")
    assert names_secret("outputs/tok-0123456789", "outputs/tok-0123456789")
    (tmp_path / "tok-0123456789").mkdir()  # it is a folder's name by chance
    assert not names_secret("", str(tmp_path / "tok-0123456789/outputs/train"))


def test_a_run_directory_holds_no_secret_and_reads_one_from_the_environment_again(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_VALUE", "from outside")
    with pytest.raises(RuntimeError), RunDirectory(tmp_path / "run", "train", OmegaConf.create(CONFIG)):
        raise RuntimeError("abcdefgh and 123456 were refused")
    for path in (tmp_path / "run").iterdir():
        assert not {one for one in ("abcdefgh", "123456", "from outside") if one in path.read_text()}
    assert read_status(tmp_path / "run")["reason"] == f"RuntimeError: {MASK} and {MASK} were refused"
    config = read_config(tmp_path / "run")
    assert config.env.api_key == "from outside"
    assert masked_keys(config) == [
        "encoder.model_args.hf_token",
        "encoder.model_args.deep.0.password",
        "prompts.classes.token.0",
        "note",
    ]


@settings(deadline=None)
@given(st.text(alphabet="ab$\\{}'", max_size=8))
def test_any_text_of_a_config_is_read_back_as_it_was(tmp_path_factory, text):
    from thawline.commands.line.quoting import quote

    escaped = OmegaConf.create({"a": {}})
    OmegaConf.update(escaped, "a.b", _parsed(quote(text)))
    run = tmp_path_factory.mktemp("run")
    with RunDirectory(run, "train", escaped):
        pass
    assert read_config(run).a.b == text


def _parsed(quoted):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(f"x={quoted}").value()


def test_text_with_a_secret(monkeypatch):
    monkeypatch.setenv("GIT_PASSWORD", "a-long-password")
    assert without_secrets("it was a-long-password.") == f"it was {MASK}."
    assert without_secrets("{'api_key': 'abc', 'lr': 1}") == f"{{'api_key': {MASK}, 'lr': 1}}"
    assert masked_word("+logger.api_key=x") == f"+logger.api_key={MASK}"
    assert masked_word("logger.api_key='${oc.env:X}'") == "logger.api_key='${oc.env:X}'"
    assert reason_of(ValueError(json.dumps({"token": "abc"}))) == f'ValueError: {{"token": {MASK}}}'


def test_secrets_are_given_again():
    saved = ["seed=0", f"+a.token={MASK}"]
    assert unmasked_words(saved, ["a.token=new"]) == ["seed=0", "+a.token=new"]
    with pytest.raises(
        UserError, match=r"the setting '\+a.token' is a secret, which was not saved; give a.token=… again"
    ):
        unmasked_words(saved, [])
    with pytest.raises(UserError, match="leave out 'seed=1'"):
        unmasked_words(saved, ["seed=1", "a.token=new"])
