import pytest
from registries import davit, leftovers


@pytest.fixture(autouse=True)
def nothing_left():
    """After each test the engine holds nothing that was not there before: no image, no layer, no temporary file."""
    yield
    for line in set(davit("images", "-q").out.split()):
        davit("rmi", "-f", line)
    assert leftovers() == []
