"""A played Futu cloud without a past, and sources that ask it."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import stamina
from pydantic import SecretStr

from mcp_shortvol.quotas.quota import Quota
from mcp_shortvol.sandbox.futu_cloud.gateway import DOCUMENTED_PATH, INTEREST_PATHS, PRODUCTION_PATH, FutuCloudGateway
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.sources.futu_cloud.auth import BearerToken, CloudCredentials
from mcp_shortvol.sources.futu_cloud.source import FutuCloudSource
from mcp_shortvol.sources.http import HttpClient

SourceWith = Callable[..., FutuCloudSource]


@pytest.fixture
def cloud(sandbox: Sandbox) -> Iterator[FutuCloudGateway]:
    """The sandbox's cloud with every path, asking for credentials, without faults and without a past."""
    played = sandbox.cloud
    played.faults.clear()
    played.requests.clear()
    yield played
    played.faults.clear()
    played.paths = [PRODUCTION_PATH, DOCUMENTED_PATH]
    played.interest_paths = list(INTEREST_PATHS)
    played.authority.required = True
    played.coded_refusals = False
    played.limit(None)


@pytest.fixture
async def source_with(cloud: FutuCloudGateway, sandbox: Sandbox) -> AsyncIterator[SourceWith]:
    """Makes sources of the played cloud, with the credentials and the path given."""
    http = HttpClient("Futu cloud", sandbox.environment()["FUTU_API_URL"], timeout=0.5)

    def make(credentials: CloudCredentials | None, path: str | None = None) -> FutuCloudSource:
        return FutuCloudSource(http, credentials, Quota(None, concurrent=5), path)

    yield make
    await http.aclose()


@pytest.fixture
def source(source_with: SourceWith, cloud: FutuCloudGateway) -> FutuCloudSource:
    """A source with the token that the played cloud accepts."""
    return source_with(BearerToken(SecretStr(cloud.authority.token)))


@pytest.fixture
def _without_pauses() -> Iterator[None]:
    """As many attempts as ever, one right after the other."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
