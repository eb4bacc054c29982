"""The fixtures, and the closing line that `rings.sh` reads."""

import pytest
from demo import Demo


@pytest.fixture(scope="session")
def demo():
    return Demo.running()


@pytest.fixture
def room(demo):
    return demo.connected_room()


def pytest_terminal_summary(terminalreporter):
    def count(*outcomes):
        return sum(len(terminalreporter.stats.get(outcome, [])) for outcome in outcomes)

    passed, failed, skipped = count("passed", "xpassed"), count("failed", "error"), count("skipped", "xfailed")
    terminalreporter.write_line(f"{passed} passed, {failed} failed, {skipped} skipped")
