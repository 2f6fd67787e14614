"""The ``passkey_checks`` port on py_webauthn, which is imported only when a passkey is first used."""

import json

from pvdify.errors import SignInRefused
from pvdify.model.passkey import NewPasskey, Passkey, Site
from pvdify.model.sign_in import refused
from pvdify.model.user import User

LONGEST_ANSWER = 64 * 1024  # characters
TIMEOUT = 120_000  # milliseconds; how long the browser waits for the user


class WebauthnPasskeys:
    """A checker of discoverable passkeys. The device must verify the user; attestation is not asked for."""

    def ask_for_new(self, site: Site, user: User, challenge: bytes, known: tuple[Passkey, ...]) -> str:
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers import base64url_to_bytes, structs

        options = generate_registration_options(
            rp_id=site.host, rp_name="pvdify", user_name=user.name, user_id=user.id.encode(), challenge=challenge,
            timeout=TIMEOUT,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(it.id)) for it in known
            ],
        )  # fmt: skip
        return str(options_to_json(options))

    def check_new(self, site: Site, challenge: bytes, answer: str) -> NewPasskey:
        from webauthn import verify_registration_response
        from webauthn.helpers import bytes_to_base64url
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            made = verify_registration_response(
                credential=_read(answer), expected_challenge=challenge, expected_rp_id=site.host,
                expected_origin=site.origin, require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise _refused(error) from error
        return NewPasskey(
            id=bytes_to_base64url(made.credential_id), public_key=bytes_to_base64url(made.credential_public_key),
            uses=made.sign_count,
        )  # fmt: skip

    def ask(self, site: Site, challenge: bytes) -> str:
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers import structs

        options = generate_authentication_options(
            rp_id=site.host, challenge=challenge, timeout=TIMEOUT,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )  # fmt: skip
        return str(options_to_json(options))

    def id_in(self, answer: str) -> str:
        id = _read(answer).get("id")
        if not isinstance(id, str):
            raise refused("the browser's answer names no passkey")
        return id

    def check(self, site: Site, challenge: bytes, answer: str, passkey: Passkey) -> int:
        from webauthn import verify_authentication_response
        from webauthn.helpers import base64url_to_bytes
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            verified = verify_authentication_response(
                credential=_read(answer), expected_challenge=challenge, expected_rp_id=site.host,
                expected_origin=site.origin, credential_public_key=base64url_to_bytes(passkey.public_key),
                credential_current_sign_count=passkey.uses, require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise _refused(error) from error
        return int(verified.new_sign_count)


def _read(answer: str) -> dict[str, object]:
    try:
        value = json.loads(answer) if len(answer) <= LONGEST_ANSWER else None
    except (ValueError, RecursionError) as error:
        raise refused("the browser's answer is not JSON") from error
    if not isinstance(value, dict):
        raise refused("the browser's answer is no JSON object")
    return value


def _refused(error: Exception) -> SignInRefused:
    return refused(f"the passkey's answer does not fit: {str(error)[:200]}")
