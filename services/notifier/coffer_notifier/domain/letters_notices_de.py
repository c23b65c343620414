"""Mail about notices in German, and what each kind of mail is called. See `letters_words` for the form."""

from collections.abc import Mapping

from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.letters_words import NoticeWording

NOTICES: Mapping[str, NoticeWording] = {
    kinds.SHARE_CHANGED: NoticeWording(
        subject="{who} hat Ihren Zugang zu {what} geändert",
        body="Was Sie damit tun dürfen oder wie lange, ist jetzt anders als vorher.",
        link="Öffnen",
    ),
    kinds.SHARE_REVOKED: NoticeWording(
        subject="{what} ist nicht mehr mit Ihnen geteilt",
        body="Sie können es nicht mehr öffnen. Wenn Sie es noch brauchen, fragen Sie die Person, die es geteilt hat.",
        link="Ansehen, was mit Ihnen geteilt ist",
    ),
    kinds.SHARE_EXPIRED: NoticeWording(
        subject="Ihr Zugang zu {what} ist abgelaufen",
        body="Es war für eine bestimmte Zeit mit Ihnen geteilt, die nun vorbei ist. Wenn Sie es noch brauchen, fragen Sie die"
        " Person, die es geteilt hat.",
        link="Ansehen, was mit Ihnen geteilt ist",
    ),
    kinds.SHARE_LEFT: NoticeWording(
        subject="{who} hat Ihre Freigabe von {what} verlassen",
        body="Sie teilen es jetzt mit einer Person weniger.",
        link="Öffnen",
    ),
    kinds.COMMENT_ADDED: NoticeWording(subject="{who} hat {what} kommentiert", body="", link="Kommentar lesen"),
    kinds.COMMENT_REPLIED: NoticeWording(
        subject="{who} hat auf einen Kommentar zu {what} geantwortet",
        body="Sie haben in diesem Gespräch auch geschrieben.",
        link="Antwort lesen",
    ),
    kinds.COMMENT_MENTIONED: NoticeWording(
        subject="{who} hat Sie in einem Kommentar zu {what} erwähnt", body="", link="Kommentar lesen"
    ),
    kinds.LINK_EXPIRED: NoticeWording(
        subject="Ihr öffentlicher Link zu {what} ist abgelaufen",
        body="Mit dem Link kommt niemand mehr hinein. Sie können einen neuen anlegen.",
        link="Öffnen",
    ),
    kinds.LINK_TAKEN_DOWN: NoticeWording(
        subject="Ihr öffentlicher Link zu {what} wurde gesperrt",
        body="Das war der Betrieb von Coffer unter {place}. Mit dem Link kommt niemand mehr hinein.",
        link="Öffnen",
    ),
    kinds.LINK_UPLOADED: NoticeWording(
        subject="Über Ihren öffentlichen Link zu {what} kam eine Datei",
        several="Über Ihren öffentlichen Link zu {what} kamen {n} Dateien",
        body="Wer das geschickt hat, ist hier nicht bekannt. Öffnen Sie mit Vorsicht, was Sie nicht erwartet haben.",
        link="Öffnen",
    ),
    kinds.FILES_UPLOADED: NoticeWording(
        subject="{who} hat eine Datei in {what} hochgeladen",
        several="{who} hat {n} Dateien in {what} hochgeladen",
        body="",
        link="Ordner öffnen",
    ),
    kinds.FILES_CHANGED: NoticeWording(
        subject="{who} hat eine Datei in {what} geändert",
        several="{who} hat {n} Dateien in {what} geändert",
        body="Der frühere Inhalt ist als ältere Version noch da.",
        link="Ordner öffnen",
    ),
    kinds.UPLOAD_DONE: NoticeWording(
        subject="Ihre Datei liegt in {what}",
        several="Ihre {n} Dateien liegen in {what}",
        body="Alles ist hochgeladen und geprüft.",
        link="Ordner öffnen",
    ),
    kinds.UPLOAD_REJECTED: NoticeWording(
        subject="{what} wurde abgelehnt",
        body="Was hochgeladen wurde, ist nicht sicher genug, um es zu behalten. Es wird nach sieben Tagen gelöscht.",
        link="Coffer öffnen",
    ),
    kinds.UPLOAD_CONFLICT: NoticeWording(
        subject="{what} konnte nicht abgelegt werden und wartet auf Ihre Entscheidung",
        body="Alles ist hochgeladen, kann aber nicht dorthin, wohin Sie es wollten: Der Name ist vergeben oder der Ordner ist"
        " nicht mehr da. Sagen Sie innerhalb von sieben Tagen, wohin es soll.",
        link="Coffer öffnen",
    ),
    kinds.UPLOAD_FAILED: NoticeWording(
        subject="{what} konnte nicht hochgeladen werden",
        body="Sie können es innerhalb von sieben Tagen noch einmal versuchen.",
        link="Coffer öffnen",
    ),
    kinds.UPLOAD_EXPIRED: NoticeWording(
        subject="{what} wurde nicht rechtzeitig fertig hochgeladen",
        body="Was schon da war, wurde gelöscht. Fangen Sie neu an, wenn Sie es noch brauchen.",
        link="Coffer öffnen",
    ),
    kinds.PHOTO_REJECTED: NoticeWording(
        subject="Ihr Foto wurde abgelehnt",
        body="Was Sie als Foto von sich geschickt haben, lässt sich nicht verwenden.",
        link="Anderes Foto wählen",
    ),
    kinds.USAGE_CROSSED: NoticeWording(
        subject="Ihr Laufwerk ist zu {n} % voll",
        body="Wenn es voll ist, lässt sich nichts mehr hochladen. Auch was im Papierkorb liegt, zählt.",
        link="Ansehen, was den Platz braucht",
    ),
}

KINDS: Mapping[str, str] = {
    kinds.SHARE_RECEIVED: "was mit Ihnen geteilt wird",
    kinds.SHARE_CHANGED: "Änderungen an dem, was mit Ihnen geteilt ist",
    kinds.SHARE_REVOKED: "zurückgenommene Freigaben",
    kinds.SHARE_EXPIRED: "abgelaufene Freigaben",
    kinds.SHARE_LEFT: "Personen, die Ihre Freigaben verlassen",
    kinds.COMMENT_ADDED: "Kommentare zu Ihren Dateien und Ordnern",
    kinds.COMMENT_REPLIED: "Antworten in Ihren Gesprächen",
    kinds.COMMENT_MENTIONED: "Kommentare, die Sie erwähnen",
    kinds.LINK_UPLOADED: "Dateien, die über Ihre öffentlichen Links kommen",
    kinds.LINK_EXPIRED: "Ihre abgelaufenen öffentlichen Links",
    kinds.LINK_TAKEN_DOWN: "Ihre gesperrten öffentlichen Links",
    kinds.FILES_UPLOADED: "Dateien, die andere hochladen",
    kinds.FILES_CHANGED: "Dateien, die andere ändern",
    kinds.UPLOAD_DONE: "Ihre fertigen Uploads",
    kinds.UPLOAD_REJECTED: "abgelehnte Uploads",
    kinds.UPLOAD_CONFLICT: "Uploads, die auf Ihre Entscheidung warten",
    kinds.UPLOAD_FAILED: "gescheiterte Uploads",
    kinds.UPLOAD_EXPIRED: "Uploads, die nicht rechtzeitig fertig werden",
    kinds.PHOTO_REJECTED: "abgelehnte Fotos von Ihnen",
    kinds.USAGE_CROSSED: "der Platz auf Ihrem Laufwerk",
    kinds.WEBHOOK_DISABLED: "abgeschaltete Webhooks",
}
