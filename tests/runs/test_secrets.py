import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from thawline.errors import UserError
from thawline.runs import secrets
from thawline.runs.directory import RunDirectory, read_config, read_status, reason_of
from thawline.runs.secrets import MASK, is_secret, masked, masked_keys, masked_word, unmasked_words, without_secrets

NAMES = ("token", "key", "password", "passwd", "secret", "credential", "credentials", "passphrase")
PLAIN = (
    *("tokenizer", "tokenizer_name", "tokens", "max_tokens", "num_tokens", "token_dim", "class_token", "cls_token"),
    *("keys", "monkey", "keep_history", "key_frames", "keyboard", "primary_key", "sort_key", "turkey", "author", "lr"),
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
    assert masked(OmegaConf.create(CONFIG)) == {
        "encoder": {"model_args": {"hf_token": MASK, "class_token": True, "deep": [{"password": MASK}]}},
        "prompts": {"classes": {"key": ["a photo of a key"], "token": [f"a coin, {MASK}"]}},
        "env": {"api_key": "${oc.env:MY_VALUE}"},
        "note": f"it is {MASK}",
        "unset": {"token": None},
    }


def test_a_run_directory_holds_no_secret_and_reads_one_from_the_environment_again(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_VALUE", "from outside")
    with pytest.raises(RuntimeError), RunDirectory(tmp_path / "run", "train", OmegaConf.create(CONFIG)):
        raise RuntimeError("abcdefgh and 123456 were refused")
    for path in (tmp_path / "run").iterdir():
        assert not {one for one in ("abcdefgh", "123456", "from outside") if one in path.read_text()}
    assert read_status(tmp_path / "run")["reason"] == f"RuntimeError: {MASK} and {MASK} were refused"
    config = read_config(tmp_path / "run")
    assert config.env.api_key == "from outside"
    assert masked_keys(config) == ["encoder.model_args.hf_token", "encoder.model_args.deep.0.password"]


@settings(deadline=None)
@given(st.text(alphabet="ab$\\{}'", max_size=8))
def test_any_text_of_a_config_is_read_back_as_it_was(tmp_path_factory, text):
    from thawline.commands.quoting import quote

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
