"""The declaration of commands, and the result of parsing a command line."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pvdify.cli import app_name
from pvdify.cli.io import Io, Surroundings

if TYPE_CHECKING:
    import click

    from pvdify.client.api import Client

Run = Callable[[Any, "Client", Io], int]
RunHere = Callable[[Any, Io], int]
PARAMETERS = "__click_params__"  # where click's decorators keep the parameters of a function


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A parsed command line: the function to run, its options, and the server's URL or name if given."""

    run: Run
    options: Any
    url: str | None = None
    server: str | None = None

    def execute(self, environ: Mapping[str, str], io: Io) -> int:
        """Run the command and return its exit code. Raises the server's errors, and ServerUnreachable."""
        from pvdify.cli import skew
        from pvdify.client.api import Client
        from pvdify.client.keyless import sign_in
        from pvdify.client.session import Session
        from pvdify.client.target import find_target

        target = sign_in(find_target(self.url, environ, server=self.server), environ, self._app)
        if io.workflow is not None and target.token is not None:
            io.workflow.hide(target.token)
        session = Session(target, on_version=lambda version: skew.report(version, target.endpoint.url, environ, io))
        return self.run(self.options, Client(session), io)

    @property
    def _app(self) -> str | None:
        """The app or preview that a token from GitHub must be valid for."""
        app, number = getattr(self.options, "app", None), getattr(self.options, "pull_request", None)
        return f"{app}-pr-{number}" if app and number else app


@dataclass(frozen=True, kw_only=True)
class LocalInvocation:
    """A parsed command line that needs no server."""

    run: RunHere
    options: Any

    def execute(self, environ: Mapping[str, str], io: Io) -> int:  # noqa: ARG002 - same signature as Invocation.execute
        """Run the command and return its exit code."""
        return self.run(self.options, io)


AnyInvocation = Invocation | LocalInvocation


class Declared:
    """A command of the server: how its words are parsed, and what it runs."""

    def __init__(
        self, name: str, parse: Callable[..., Any], *, run: Run, example: str, cls: "type[click.Command] | None"
    ) -> None:  # fmt: skip
        self._name, self._parse, self._run, self._example, self._cls = name, parse, run, example, cls
        self._for_click: click.Command | None = None

    def without_words(self, *, as_json: bool) -> "Invocation | None":
        """Return the result of the command line without any arguments and options but ``--json``.

        Returns None if the command declares some, so that click has to parse them, or asks for click's context.
        """
        if hasattr(self._parse, PARAMETERS) or hasattr(self._parse, "__wrapped__"):
            return None
        return self._invoke(None, None, as_json=as_json)

    def for_click(self) -> "click.Command":
        """Return the command with its parameters, ``--url``, ``--server`` and ``--json``."""
        import click

        if self._for_click is None:
            by_url = click.Option(
                ["--url"], metavar="URL", help="The server; default: PVDIFY_URL, or the one signed in to."
            )
            by_name = click.Option(["--server"], metavar="NAME", help="The same by its name in `pvdify servers`.")

            @functools.wraps(self._parse)
            def invoke(**typed: Any) -> Invocation:
                return self._invoke(**typed)

            options = (_json_option(), by_url, by_name)
            self._for_click = _declared(self._name, invoke, self._example, *options, cls=self._cls)
        return self._for_click

    def _invoke(self, url: str | None, server: str | None, **typed: Any) -> "Invocation":
        if url and server:
            import click

            raise click.UsageError("--url and --server both name the server: leave one out")
        return Invocation(run=self._run, options=self._parse(**typed), url=url, server=server)


def command(
    name: str, *, run: Run, example: str, cls: "type[click.Command] | None" = None
) -> Callable[[Callable[..., Any]], Declared]:  # fmt: skip
    """Return a decorator that declares a command: the decorated function turns arguments into options for ``run``.

    Adds ``--url``, ``--server`` and ``--json``; the function gets the last one as ``as_json``.
    """
    return lambda parse: Declared(name, parse, run=run, example=example, cls=cls)


def local_command(
    name: str, *, run: RunHere, example: str, has_json: bool = True
) -> Callable[[Callable[..., Any]], "click.Command"]:
    """Return a decorator like ``command``, for a command that needs no server. ``has_json``: add ``--json``."""

    def declare(parse: Callable[..., Any]) -> "click.Command":
        @functools.wraps(parse)
        def invoke(**typed: Any) -> LocalInvocation:
            return LocalInvocation(run=run, options=parse(**typed))

        return _declared(name, invoke, example, *([_json_option()] if has_json else []))

    return declare


def app_parameter(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Add the app as first argument or ``--app``; the function gets the name that ``cli.app_name`` resolves."""

    @functools.wraps(parse)
    def with_app(app_argument: str | None, app: str | None, **typed: Any) -> Any:
        return parse(app=app_name.resolve(app_argument, app, _surroundings()), **typed)

    return _with_later(app_option(with_app), _app_argument)


def named_app_parameter(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Add an optional app as first argument or ``--app``.

    The function gets None if the app is not named, and the surroundings, too.
    """

    @functools.wraps(parse)
    def with_app(app_argument: str | None, app: str | None, **typed: Any) -> Any:
        surroundings = _surroundings()
        if app_argument or app:
            app = app_name.resolve(app_argument, app, surroundings)
        return parse(app=app, surroundings=surroundings, **typed)

    return _with_later(app_option(with_app), _app_argument)


def app_option(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--app`` alone, for commands that find the app among their other arguments."""
    return _with_later(parse, _app_option)


def _with_later(parse: Callable[..., Any], make: "Callable[[], click.Parameter]") -> Callable[..., Any]:
    """Add a parameter, in order with those that click's decorators add; it is made when the command is parsed."""
    parse.__dict__.setdefault(PARAMETERS, []).append(make)
    return parse


def _surroundings() -> Surroundings:
    import click

    found: Surroundings = click.get_current_context().obj
    return found


def _app_argument() -> "click.Parameter":
    import click

    return click.Argument(["app_argument"], metavar="[APP]", required=False)


def _app_option() -> "click.Parameter":
    import click

    return click.Option(["-a", "--app"], metavar="APP", help="The app, when it is not the first argument.")


def _declared(
    name: str, invoke: Callable[..., Any], example: str, *options: "click.Option",
    cls: "type[click.Command] | None" = None,
) -> "click.Command":  # fmt: skip
    import click

    parameters = getattr(invoke, PARAMETERS, [])
    parameters[:] = [it if isinstance(it, click.Parameter) else it() for it in parameters]
    declared = click.command(
        name,
        cls or click.Command,
        epilog=f"\b\nExample:\n{_indented(example)}",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )(invoke)
    declared.params += options
    return declared


def _json_option() -> "click.Option":
    import click

    return click.Option(["--json", "as_json"], is_flag=True, help="One JSON object on stdout.")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
