from pvdify.client.api import Client
from pvdify.wire.requests import CreateToken
from tests.fakes.api import FakeApi


def test_tokens_are_made_listed_and_revoked(client: Client, api: FakeApi) -> None:
    made = client.create_token(CreateToken(name="ci", role="deploy", app="myapp", expires_in=60))

    assert (made.token, made.app) == ("pvd_secret", "myapp")
    assert [token.id for token in client.tokens()] == [made.id]
    client.revoke_token(made.id)
    assert client.tokens() == []
