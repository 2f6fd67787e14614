"""What the fake server of the REST API knows, and what each request does to it.

It keeps the API's promises as the documentation states them and knows nothing of the client's code: what it answers
is written out as JSON here.
"""

from tests.fakes.api_parts.access import Access
from tests.fakes.api_parts.backups import Backups
from tests.fakes.api_parts.config import ConfigVars
from tests.fakes.api_parts.connections import Connections
from tests.fakes.api_parts.jobs import Jobs
from tests.fakes.api_parts.logs import Logs
from tests.fakes.api_parts.previews import Previews
from tests.fakes.api_parts.processes import Processes
from tests.fakes.api_parts.runtime import ServerRuntime
from tests.fakes.api_parts.volumes import Volumes


class ApiState(ConfigVars, Volumes, Jobs, Backups, Processes, Previews, Logs, Access, Connections, ServerRuntime):
    """All of it, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.checks: list[dict[str, str]] = []
        self.volumes_of_plans: list[str] = []
