"""Requests about the server's connections: notifications, PostHog, Cloudflare, and its runtime."""

from urllib.parse import quote

from pvdify.client.calls.asking import Asking
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire.answers import Delivery, Edge, Notification, Posthog, ServerRuntime
from pvdify.wire.requests import AddNotification, ChooseRuntime, ConnectEdge, ConnectPosthog


class ConnectionCalls(Asking):
    """Requests about notifications, PostHog, the edge and the runtime."""

    def notifications(self) -> list[Notification]:
        """List the notifications."""
        return self._list(Notification, "notifications", Question(path="/notifications"))

    def add_notification(self, wanted: AddNotification) -> Notification:
        """Add a notification.

        For a webhook, the answer contains the key that verifies signatures; no other answer does.
        """
        lost, check = "a notification may or may not have been added", "`pvdify notify` shows it"
        body = request_body(wanted)
        question = Question(method="POST", path="/notifications", body=body, lost=lost, check=check)
        return self._session.ask_for(Notification, question)

    def remove_notification(self, notification: str) -> None:
        """Remove a notification."""
        lost, check = f"the notification {notification} may or may not be removed", "`pvdify notify` shows it"
        path = f"/notifications/{quote(notification, safe='')}"
        self._session.ask(Question(method="DELETE", path=path, lost=lost, check=check))

    def test_notification(self, notification: str) -> Delivery:
        """Send a test notification now, and return its delivery."""
        path = f"/notifications/{quote(notification, safe='')}/test"
        lost, check = "a test may or may not have been sent", f"`pvdify notify:log {notification}` shows it"
        return self._session.ask_for(Delivery, Question(method="POST", path=path, lost=lost, check=check))

    def deliveries(self, notification: str | None, limit: int) -> list[Delivery]:
        """List the deliveries, newest first; with ``notification``, only this notification's."""
        query = {"limit": str(limit)} | ({} if notification is None else {"notification": notification})
        return self._list(Delivery, "deliveries", Question(path="/deliveries", query=query))

    def posthog(self) -> Posthog:
        """Return the server's connection to PostHog."""
        return self._session.ask_for(Posthog, Question(path="/posthog"))

    def connect_posthog(self, wanted: ConnectPosthog) -> Posthog:
        """Connect the server to a PostHog project. Repeating the call is harmless."""
        question = Question(method="PUT", path="/posthog", body=request_body(wanted))
        return self._session.ask_for(Posthog, question)

    def disconnect_posthog(self) -> None:
        """Disconnect the server from PostHog. Repeating the call is harmless."""
        self._session.ask(Question(method="DELETE", path="/posthog"))

    def edge(self) -> Edge:
        """Return the edge and its state."""
        return self._session.ask_for(Edge, Question(path="/edge"))

    def connect_edge(self, wanted: ConnectEdge) -> Edge:
        """Connect a Cloudflare Tunnel; a second call changes nothing."""
        return self._session.ask_for(Edge, Question(method="PUT", path="/edge", body=request_body(wanted)))

    def runtime(self, to: str | None = None) -> ServerRuntime:
        """Return the runtime of new releases, and what a move of all apps to the runtime ``to`` would do."""
        return self._session.ask_for(ServerRuntime, Question(path="/runtime", query={"to": to} if to else {}))

    def choose_runtime(self, wanted: ChooseRuntime) -> ServerRuntime:
        """Put new releases on this runtime, and begin to move the apps to it."""
        return self._session.ask_for(ServerRuntime, Question(method="PUT", path="/runtime", body=request_body(wanted)))

    def cancel_runtime_move(self) -> ServerRuntime:
        """Move no further app."""
        return self._session.ask_for(ServerRuntime, Question(method="DELETE", path="/runtime"))

    def disconnect_edge(self) -> None:
        """Disconnect the edge; a second call changes nothing."""
        self._session.ask(Question(method="DELETE", path="/edge"))
