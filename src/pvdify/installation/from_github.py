"""The lines that connect a repository's workflows with this server."""

from pvdify.cli.io import Io
from pvdify.settings import Settings

_MAKE = "`pvdify tokens:create --name ci --role deploy`"
_LINK = "`pvdify github:link APP OWNER/REPO`"


def lines(settings: Settings) -> tuple[str, ...]:
    """Return two commands to paste in a clone of the repository; none if workflows cannot reach the API."""
    if not settings.is_api_exposed:
        return ()
    return (f"gh variable set PVDIFY_URL --body {settings.audience}", "gh secret set PVDIFY_TOKEN")


def show(settings: Settings, io: Io) -> None:
    """Print the commands, and how to get the token."""
    found = lines(settings)
    if not found:
        return
    io.say("to deploy from GitHub, paste this in a clone of the app's repository:")
    io.show("\n".join(found))
    io.say(f"the second asks for a token, which {_MAKE} shows; {_LINK} needs none")
