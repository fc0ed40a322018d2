import pytest
from api_world import ApiWorld


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()
