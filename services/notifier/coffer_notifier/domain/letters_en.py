"""Mail in English. See `letters_words` for the form."""

from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL
from coffer_notifier.domain.letters_notices_en import KINDS, NOTICES
from coffer_notifier.domain.letters_reasons_en import REASONS
from coffer_notifier.domain.letters_words import Language, LeavingWording, ShareWording, Warnings, Wording
from coffer_notifier.domain.security import MFA_DISABLED, NEW_SIGN_IN, PASSWORD_CHANGED, REUSE_DETECTED, TOKEN_CREATED

ENGLISH = Language(
    code="en",
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
    warnings=Warnings(
        titles={
            NEW_SIGN_IN: "Someone signed in to your account from somewhere new",
            REUSE_DETECTED: "A stolen sign-in was used, so that session was ended",
            PASSWORD_CHANGED: "Your password was changed",
            MFA_DISABLED: "The second factor of your account was turned off",
            TOKEN_CREATED: "The access token “{name}” was made for your account",
        },
        several="{n} things happened to the security of your account",
        opening="this happened to your account on Coffer at {place}:",
        when="%Y-%m-%d %H:%M UTC",
        device="Device",
        address="Address",
        more="… and {n} more.",
        advice="If that was you, you need not do anything. If it was not, set a new password now and end all other sessions.",
        link="Look at your account",
        closing="You get this mail because this is the address of your account. Warnings of this kind cannot be turned off.",
    ),
    webhooks={
        "failing": Wording(
            subject="Your webhook was turned off",
            body="""
            your webhook to {host} on Coffer at {place} was turned off, because no request to it had succeeded for five days.

            What happens in the next seven days is kept for it. Turn it on again once its receiver works, and have what was
            missed sent again.
            """,
            link="Look at your webhooks",
            closing="You get this mail because the webhook belongs to your account.",
        ),
        "gone": Wording(
            subject="Your webhook was turned off",
            body="""
            your webhook to {host} on Coffer at {place} was turned off, because its receiver answered that it wants no more
            requests (410 Gone).

            If that was a mistake, turn it on again. What happened meanwhile is not sent.
            """,
            link="Look at your webhooks",
            closing="You get this mail because the webhook belongs to your account.",
        ),
        "queue": Wording(
            subject="Your queue is sent nothing any more",
            body="""
            what Coffer at {place} sent to your queue {host} was turned off, because nothing could be put into it for five days.

            What happens in the next seven days is kept for it. See to it that the queue exists and that its policy lets Coffer
            send, turn it on again, and have what was missed sent again.
            """,
            link="Look at your subscriptions",
            closing="You get this mail because the subscription belongs to your account.",
        ),
        "taken_down": Wording(
            subject="An operator turned your webhook off",
            body="""
            what Coffer at {place} sent to {host} for you was turned off by the people who run it. They say: {detail}

            Only they can turn it on again. What happens meanwhile is not sent.
            """,
            link="Look at your webhooks",
            closing="You get this mail because the webhook belongs to your account.",
        ),
    },
    share=ShareWording(
        subject="{who} shared {what} with you",
        file="{who} shared a file with you: {what}.",
        folder="{who} shared a folder with you: {what}.",
        nameless="an item",
        roles={
            "viewer": "You can look at it and download it{until}.",
            "contributor": "You can look at it, download it and change it{until}.",
            "remover": "You can look at it, download it and remove it{until}.",
            "editor": "You can look at it, download it, remove it and change it{until}.",
        },
        until=" until {when}",
        months=(
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        moment="{day} {month} {year}, {time} UTC",
        wrote="{who} wrote:",
        link="Open it in Coffer",
        closing="You get this mail because you have an account on this Coffer.",
    ),
    notices=NOTICES,
    kinds=KINDS,
    someone="Someone",
    quoted="“{name}”",
    drive="My files",
    reasons=REASONS,
    reason="Reason: {detail}",
    closing="You get this mail because you have an account on this Coffer.",
    leave="No more mail of this kind",
    leaving=LeavingWording(
        title="Mail from Coffer",
        question="Do you want no more mail about {kind}?",
        button="No more mail about this",
        done="You get no more mail about {kind}.",
        again="In the settings of your account you can turn it on again, and choose what else you are told.",
        broken="This link does not work. In the settings of your account you can choose what you are told by mail.",
    ),
)
