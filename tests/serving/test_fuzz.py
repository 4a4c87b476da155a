"""Requests that Schemathesis makes of the OpenAPI, with a token; `tools/fuzz_service.py` sends many more.

Those without a token are in `tests/tasks/preference/page`, of a service that has a page besides.
"""

from tests.serving.conftest import running
from tests.serving.test_refusals import TOKEN
from tools.fuzz_service import Fuzzer

from thawline.serving.source import FixedSource
from thawline.tasks.bundle.serving import Served
from thawline.tasks.versions import open_registry
from thawline.versions.settings import VersionsSettings


def test_no_request_is_the_services_own_failure(bundle, tmp_path):
    settings = VersionsSettings(str(tmp_path / "versions"))
    with (
        open_registry(settings) as registry,
        running(FixedSource(Served(bundle, "Model"), []), registry, versions=settings, token=TOKEN) as client,
    ):
        outcome = Fuzzer(str(client.base_url).rstrip("/"), TOKEN).run(2)
    assert outcome.wrong == []
    assert {200, 404, 422} <= set(outcome.answers)
    assert 401 not in outcome.answers
