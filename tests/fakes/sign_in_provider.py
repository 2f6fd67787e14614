"""A sign-in provider in memory: accounts by code, each code good once."""

from pvdify.errors import ServiceUnavailable
from pvdify.model.sign_in import Account, Challenge, refused

ISSUER = "https://id.example.com"
ADA = Account(issuer=ISSUER, subject="7", name="Ada Lovelace", emails=("ada@example.com",))


class FakeSignInProvider:
    """Implements ``ports.sign_in_provider.SignInProvider``."""

    title = "id.example.com"

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.is_down = False

    def approve(self, account: Account = ADA) -> str:
        """The person agreed: the code that their browser brings back."""
        code = f"code-{len(self.accounts)}-{account.subject}"
        self.accounts[code] = account
        return code

    async def address(self, challenge: Challenge) -> str:
        self._check_up()
        return f"{ISSUER}/authorize?state={challenge.state}&redirect_uri={challenge.redirect}"

    async def account(self, code: str, challenge: Challenge) -> Account:
        self._check_up()
        if code not in self.accounts:
            raise refused("the provider did not accept the code")
        return self.accounts.pop(code)

    def _check_up(self) -> None:
        if self.is_down:
            raise ServiceUnavailable("the provider does not answer", why="it is down", next="wait")
