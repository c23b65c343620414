"""Mail about accounts in English. See `letters_words` for the form."""

from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL
from coffer_notifier.domain.letters_words import Language, Wording

ENGLISH = Language(
    greeting="Hello {name},",
    nameless="Hello,",
    minutes=("one minute", "{n} minutes"),
    hours=("one hour", "{n} hours"),
    days=("one day", "{n} days"),
    mails={
        VERIFY_EMAIL: Wording(
            subject="Confirm your e-mail address",
            body="""
            this address was given for an account on Coffer at {place}.

            Please confirm that it is yours. The link works for {time}, and once.
            """,
            link="Confirm the address",
            closing="If you did not give this address, you need not do anything: without your confirmation it is not used.",
        ),
        RESET_PASSWORD: Wording(
            subject="Set a new password",
            body="""
            somebody asked for a new password for your account on Coffer at {place}.

            If that was you, choose one now. The link works for {time}, and once. Afterwards every device has to sign in again.
            """,
            link="Choose a new password",
            closing="If it was not you, you need not do anything: your password stays as it is.",
        ),
        EMAIL_TAKEN: Wording(
            subject="You already have an account",
            body="""
            somebody tried to use this address for another account on Coffer at {place}. It already belongs to yours, so nothing
            was made and nothing was changed.

            If that was you, sign in instead. If you do not remember your password, you can set a new one there.
            """,
            link="Sign in",
            closing="If it was not you, you need not do anything. Whoever it was has not learned that you have an account.",
        ),
        EMAIL_CHANGED: Wording(
            subject="Your e-mail address was changed",
            body="""
            your account on Coffer at {place} has another e-mail address from now on. This one is no longer used, and this is
            the last mail to it.

            If you did not change it, somebody else has access to your account: sign in, end all sessions and set a new password
            at once, or turn to whoever runs this Coffer.
            """,
            link="Look at your account",
            closing="You get this mail because this was the address of your account until now.",
        ),
    },
)
