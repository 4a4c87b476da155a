"""Send a running service what its own OpenAPI allows and what it forbids, and say which answers are its own failures.

thawline serve versions.dir=DIR port=8000        in another terminal, or any bundle
python tools/fuzz_service.py http://127.0.0.1:8000 --examples 200

Schemathesis makes the requests, the same ones each time. Each answer must be below 500 (503 aside: too many files
wait), and each refusal one sentence. Each is sent with the token of THAWLINE_TOKEN, if there is one, and without it:
then only what is open may be answered. Exit status 1 if anything is wrong. Trainings are begun too, and versions are
activated: use a copy of a registry.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.config import SchemathesisConfig

_BUSY = 503
_Operation = APIOperation[Any, Any, Any, Any]
_Case = Case[_Operation]


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        answers: How often each status was answered.
        wrong: Requests that were answered as they must not be, and how.
    """

    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Fuzzer:
    """Requests to one service."""

    def __init__(self, service: str, token: str | None, opened: Collection[str] = ("/health",)) -> None:
        """Read the OpenAPI of the service at the address `service`; `opened` are paths that need no token."""
        self._token, self._opened, self._outcome = token, opened, Outcome()
        config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})  # the token is ours
        self._schema = schemathesis.openapi.from_url(f"{service}/openapi.json", config=config, headers=self._headers())

    def run(self, examples: int, without: Collection[str] = ()) -> Outcome:
        """Send `examples` good and as many bad requests to each path but those of `without`."""
        for found in self._schema.get_all_operations():
            operation: _Operation = cast(Any, found).ok()
            if operation.path not in without:
                for mode in GenerationMode:
                    self._send(operation, mode, examples)
        return self._outcome

    def _send(self, operation: _Operation, mode: GenerationMode, examples: int) -> None:
        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: _Case) -> None:
            self._check(case.call(headers=self._headers()), f"{operation.label}, {mode.value}")
            if self._token is not None and operation.path not in self._opened:
                answer = case.call()
                if answer.status_code != 401:
                    self._outcome.wrong.append(f"{operation.label} without a token: {answer.status_code}")

        with suppress(Unsatisfiable):  # what takes nothing can't be asked badly
            send()

    def _check(self, answer: Response, what: str) -> None:
        status, outcome = answer.status_code, self._outcome
        outcome.answers[status] += 1
        if status >= 500 and status != _BUSY:
            outcome.wrong.append(f"{what}: {status} {answer.text[:200]}")
        elif status >= 400 and not _is_sentence(answer):
            outcome.wrong.append(f"{what}: {status} without a sentence: {answer.text[:200]}")

    def _headers(self) -> dict[str, str]:
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}


def _is_sentence(answer: Response) -> bool:
    try:
        said = answer.json()
    except ValueError:
        return False
    return list(said) == ["detail"] and isinstance(said["detail"], str) and "\n" not in said["detail"]


def main() -> None:
    """Send them, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service")
    parser.add_argument("--examples", type=int, default=100, help="for each path, good ones and as many bad ones")
    parser.add_argument("--without", nargs="*", default=[], help="paths that are left out, such as /models/train")
    given = parser.parse_args()
    outcome = Fuzzer(given.service, os.environ.get("THAWLINE_TOKEN")).run(given.examples, given.without)
    for line in outcome.wrong[:20]:
        print(line)
    by = ", ".join(f"{status}: {count}" for status, count in sorted(outcome.answers.items()))
    print(f"{outcome.answers.total()} requests, {len(outcome.wrong)} of them answered wrongly; answers by status: {by}")
    sys.exit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
