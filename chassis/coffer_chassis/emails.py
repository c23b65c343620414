"""E-mail addresses: their normal form, and what all spellings of one address have in common."""

from typing import Final

from email_validator import EmailNotValidError, validate_email

from coffer_chassis.copies.people import username_key

ADDRESS_LENGTH: Final = 254
"""Bytes, RFC 5321 section 4.5.3.1.3, without the angle brackets."""


def normal_address(raw: str) -> str:
    """The address in normal form (RFC 5321, RFC 6531). Raises ValueError, which says why.

    Domains without a dot and reserved ones are fine: Coffer runs in private networks too. Nothing is looked up.
    """
    try:
        address: str = validate_email(raw, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    if len(address.encode()) > ADDRESS_LENGTH:
        raise ValueError("The address is too long.")
    return address


def address_form(address: str) -> str:
    """What two spellings of one address have in common; the same as auth compares by, as for user names."""
    return username_key(address)
