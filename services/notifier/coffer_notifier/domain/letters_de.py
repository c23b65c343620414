"""Mail in German. See `letters_words` for the form."""

from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL
from coffer_notifier.domain.letters_notices_de import KINDS, NOTICES
from coffer_notifier.domain.letters_reasons_de import REASONS
from coffer_notifier.domain.letters_words import Language, LeavingWording, ShareWording, Warnings, Wording
from coffer_notifier.domain.security import MFA_DISABLED, NEW_SIGN_IN, PASSWORD_CHANGED, REUSE_DETECTED, TOKEN_CREATED

GERMAN = Language(
    code="de",
    greeting="Hallo {name},",
    nameless="Guten Tag,",
    minutes=("eine Minute", "{n} Minuten"),
    hours=("eine Stunde", "{n} Stunden"),
    days=("einen Tag", "{n} Tage"),
    mails={
        VERIFY_EMAIL: Wording(
            subject="Bitte bestätigen Sie Ihre E-Mail-Adresse",
            body="""
            diese Adresse wurde für ein Konto bei Coffer unter {place} angegeben.

            Bitte bestätigen Sie, dass sie Ihnen gehört. Der Link gilt {time} und nur einmal.
            """,
            link="Adresse bestätigen",
            closing="Haben Sie diese Adresse nicht angegeben, müssen Sie nichts tun: Ohne Bestätigung wird sie nicht benutzt.",
        ),
        RESET_PASSWORD: Wording(
            subject="Neues Passwort festlegen",
            body="""
            jemand hat für Ihr Konto bei Coffer unter {place} ein neues Passwort angefordert.

            Wenn Sie das waren, wählen Sie jetzt eines. Der Link gilt {time} und nur einmal. Danach müssen sich alle Geräte neu
            anmelden.
            """,
            link="Neues Passwort wählen",
            closing="Wenn Sie das nicht waren, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist.",
        ),
        EMAIL_TAKEN: Wording(
            subject="Sie haben schon ein Konto",
            body="""
            jemand wollte diese Adresse für ein weiteres Konto bei Coffer unter {place} benutzen. Sie gehört schon zu Ihrem;
            es wurde nichts angelegt und nichts geändert.

            Wenn Sie das waren, melden Sie sich stattdessen an. Falls Sie Ihr Passwort nicht mehr wissen, können Sie dort ein
            neues festlegen.
            """,
            link="Anmelden",
            closing="Wenn Sie das nicht waren, müssen Sie nichts tun. Niemand hat dadurch erfahren, dass Sie ein Konto haben.",
        ),
        EMAIL_CHANGED: Wording(
            subject="Ihre E-Mail-Adresse wurde geändert",
            body="""
            Ihr Konto bei Coffer unter {place} hat ab jetzt eine andere E-Mail-Adresse. Diese hier wird nicht mehr benutzt, und
            dies ist die letzte Nachricht an sie.

            Wenn Sie das nicht waren, hat jemand anders Zugang zu Ihrem Konto: Melden Sie sich an, beenden Sie alle Sitzungen
            und legen Sie sofort ein neues Passwort fest, oder wenden Sie sich an den Betrieb dieses Coffers.
            """,
            link="Konto ansehen",
            closing="Sie bekommen diese Nachricht, weil dies bis jetzt die Adresse Ihres Kontos war.",
        ),
    },
    warnings=Warnings(
        titles={
            NEW_SIGN_IN: "Jemand hat sich von einem neuen Ort aus bei Ihrem Konto angemeldet",
            REUSE_DETECTED: "Eine gestohlene Anmeldung wurde benutzt; diese Sitzung wurde beendet",
            PASSWORD_CHANGED: "Ihr Passwort wurde geändert",
            MFA_DISABLED: "Der zweite Faktor Ihres Kontos wurde ausgeschaltet",
            TOKEN_CREATED: "Für Ihr Konto wurde der Zugriffsschlüssel „{name}“ angelegt",
        },
        several="{n} Vorgänge betreffen die Sicherheit Ihres Kontos",
        opening="mit Ihrem Konto bei Coffer unter {place} ist Folgendes geschehen:",
        when="%d.%m.%Y %H:%M UTC",
        device="Gerät",
        address="Adresse",
        more="… und {n} weitere.",
        advice="Waren Sie das, müssen Sie nichts tun. Wenn nicht, legen Sie jetzt ein neues Passwort fest und beenden Sie alle"
        " anderen Sitzungen.",
        link="Konto ansehen",
        closing="Dies ist die Adresse Ihres Kontos, darum bekommen Sie diese Nachricht. Abstellen lassen sich Warnungen nicht.",
    ),
    webhooks={
        "failing": Wording(
            subject="Ihr Webhook wurde abgeschaltet",
            body="""
            Ihr Webhook zu {host} bei Coffer unter {place} wurde abgeschaltet, weil fünf Tage lang keine Anfrage an ihn gelungen
            ist.

            Was in den nächsten sieben Tagen geschieht, wird für ihn aufgehoben. Schalten Sie ihn wieder ein, sobald der
            Empfänger arbeitet, und lassen Sie das Versäumte noch einmal senden.
            """,
            link="Webhooks ansehen",
            closing="Sie bekommen diese Nachricht, weil der Webhook zu Ihrem Konto gehört.",
        ),
        "gone": Wording(
            subject="Ihr Webhook wurde abgeschaltet",
            body="""
            Ihr Webhook zu {host} bei Coffer unter {place} wurde abgeschaltet, weil der Empfänger geantwortet hat, dass er keine
            Anfragen mehr will (410 Gone).

            Wenn das ein Versehen war, schalten Sie ihn wieder ein. Was inzwischen geschehen ist, wird nicht gesendet.
            """,
            link="Webhooks ansehen",
            closing="Sie bekommen diese Nachricht, weil der Webhook zu Ihrem Konto gehört.",
        ),
        "queue": Wording(
            subject="Ihre Queue bekommt nichts mehr",
            body="""
            was Coffer unter {place} an Ihre Queue {host} geschickt hat, wurde abgeschaltet, weil fünf Tage lang nichts in sie
            gelegt werden konnte.

            Was in den nächsten sieben Tagen geschieht, wird für sie aufgehoben. Sorgen Sie dafür, dass es die Queue gibt und
            dass ihre Policy Coffer senden lässt, schalten Sie sie wieder ein und lassen Sie das Versäumte noch einmal schicken.
            """,
            link="Abonnements ansehen",
            closing="Sie bekommen diese Nachricht, weil das Abonnement zu Ihrem Konto gehört.",
        ),
        "taken_down": Wording(
            subject="Ihr Webhook wurde vom Betreiber abgeschaltet",
            body="""
            was Coffer unter {place} für Sie an {host} geschickt hat, haben die Betreiber abgeschaltet. Sie sagen dazu: {detail}

            Nur sie können es wieder einschalten. Was inzwischen geschieht, wird nicht gesendet.
            """,
            link="Webhooks ansehen",
            closing="Sie bekommen diese Nachricht, weil der Webhook zu Ihrem Konto gehört.",
        ),
    },
    share=ShareWording(
        subject="{who} hat {what} mit Ihnen geteilt",
        file="{who} hat eine Datei mit Ihnen geteilt: {what}.",
        folder="{who} hat einen Ordner mit Ihnen geteilt: {what}.",
        nameless="ohne Namen",
        roles={
            "viewer": "Sie können das Geteilte{until} ansehen und herunterladen.",
            "contributor": "Sie können das Geteilte{until} ansehen, herunterladen und ändern.",
            "remover": "Sie können das Geteilte{until} ansehen, herunterladen und löschen.",
            "editor": "Sie können das Geteilte{until} ansehen, herunterladen, löschen und ändern.",
        },
        until=" bis {when}",
        months=(
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ),
        moment="{day}. {month} {year}, {time} UTC",
        wrote="{who} schreibt:",
        link="In Coffer öffnen",
        closing="Sie bekommen diese Nachricht, weil Sie ein Konto bei diesem Coffer haben.",
    ),
    notices=NOTICES,
    kinds=KINDS,
    someone="Jemand",
    quoted="„{name}“",
    drive="Meine Dateien",
    reasons=REASONS,
    reason="Grund: {detail}",
    closing="Sie bekommen diese Nachricht, weil Sie ein Konto bei diesem Coffer haben.",
    leave="Keine Nachrichten dieser Art mehr",
    leaving=LeavingWording(
        title="Nachrichten von Coffer",
        question="Möchten Sie keine E-Mails dieser Art mehr? Es geht um: {kind}.",
        button="Keine E-Mails dieser Art mehr",
        done="Sie bekommen keine E-Mails dieser Art mehr. Es ging um: {kind}.",
        again="In den Einstellungen Ihres Kontos können Sie sie wieder einschalten und wählen, was Ihnen sonst mitgeteilt"
        " wird.",
        broken="Dieser Link gilt nicht. In den Einstellungen Ihres Kontos können Sie wählen, was Ihnen per E-Mail mitgeteilt"
        " wird.",
    ),
)
