"""AWS's rules for the administrator's password, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["password_problems"]

_FORBIDDEN = {"'": "a single quote", '"': "a double quote", "\\": "a backslash", "/": "a slash", "@": "an @"}


def password_problems(password: str) -> list[str]:
    """Why AWS would refuse the password; empty if it would not. The password is not repeated.

    The rules: CreateCluster, ``MasterUserPassword``, in the Amazon Redshift API reference.

    >>> password_problems("Passw0rd")
    []
    >>> password_problems("secret")
    ['has 6 characters, and 8 to 64 are allowed', 'has no upper-case letter', 'has no digit']
    """
    return list(_problems(password))


def _problems(password: str) -> Iterator[str]:
    if not 8 <= len(password) <= 64:
        yield f"has {len(password)} characters, and 8 to 64 are allowed"
    if not any("A" <= character <= "Z" for character in password):
        yield "has no upper-case letter"
    if not any("a" <= character <= "z" for character in password):
        yield "has no lower-case letter"
    if not any("0" <= character <= "9" for character in password):
        yield "has no digit"
    for character, name in _FORBIDDEN.items():
        if character in password:
            yield f"has {name} in it"
    if any(not 33 <= ord(character) <= 126 for character in password):
        yield "has a space or a character that is not printable ASCII in it"
