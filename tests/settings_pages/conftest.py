import pytest

from tests.cast import Cast, assemble


@pytest.fixture
def people(db: None) -> Cast:
    return assemble()
