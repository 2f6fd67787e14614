from pvdify.client.api import Client
from pvdify.client.calls.logs import LogFilter
from tests.fakes.api import FakeApi


def test_logs_are_filtered_by_the_server(client: Client, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_log_line("hello")

    lines = client.logs("myapp", LogFilter(lines=5, process="web", release=3))

    assert [line.text for line in lines] == ["hello"]
    assert api.asked[0].query == {"lines": "5", "format": "json", "process": "web", "release": "3"}


def test_a_lost_log_stream_resumes_without_duplicate_lines(client: Client, api: FakeApi) -> None:
    api.add_app("myapp")
    for text in ("one", "two", "three"):
        api.add_log_line(text)
    api.script.cuts.extend([2, 3])

    assert [line.text for line in client.follow_logs("myapp", LogFilter())] == ["one", "two", "three"]
