"""A second step at sign-in and passkeys: what django-allauth's mfa asks of us. Its views and checks; our words."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, generate_totp_secret
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import Http404, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from chat.store import sealed
from chat.web.decorators import PersonRequest, person_required


class SecondStepAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This is not right, or was used already. Try the next code that your app shows.",
        "unverified_email": "Confirm your e-mail address first: the link is in your mail.",
        "cannot_generate_recovery_codes": "Recovery codes go with an authenticator app or a passkey: add one of them first.",
    }

    def encrypt(self, text: str) -> str:
        return sealed.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """A secret that nobody knows where it cannot be read any more: then no code is right, also none that could be guessed."""
        return sealed.unseal(encrypted_text) or generate_totp_secret()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return "My passkey" if not count else f"My passkey {count + 1}"


@never_cache
@person_required
@require_GET
def qr(request: PersonRequest) -> HttpResponse:
    """The picture of the secret that is being set up. An address of its own: pages load no image from `data:`."""
    secret = request.session.get(SECRET_SESSION_KEY)
    if not secret:
        raise Http404
    adapter = SecondStepAdapter()
    return HttpResponse(adapter.build_totp_svg(adapter.build_totp_url(request.user, secret)), content_type="image/svg+xml")
