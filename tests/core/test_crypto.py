"""Encryption at rest: bound to its owner, with keys that rotate."""

import pytest
from cryptography.fernet import Fernet

from apps.core import crypto
from apps.core.crypto import UnreadableSecret

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_opens_for_its_owner_and_hides_the_text():
    token = crypto.encrypt("p4ss-word-äöü", owner="a:1")
    assert "p4ss" not in token
    assert crypto.decrypt(token, owner="a:1") == "p4ss-word-äöü"


def test_a_value_moved_to_another_owner_does_not_open():
    token = crypto.encrypt("secret", owner="a:1")
    with pytest.raises(UnreadableSecret, match="another owner"):
        crypto.decrypt(token, owner="b:1")


@pytest.mark.parametrize("token", ["", "x", "gAAAAA==", "é"])
def test_a_damaged_value_is_a_clear_error(token):
    with pytest.raises(UnreadableSecret):
        crypto.decrypt(token, owner="a:1")


def test_old_values_open_under_new_keys_until_the_old_one_goes(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    token = crypto.encrypt("secret", owner="a:1")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert crypto.decrypt(token, owner="a:1") == "secret"
    rotated = crypto.rotate(token)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert crypto.decrypt(rotated, owner="a:1") == "secret"
    with pytest.raises(UnreadableSecret):
        crypto.decrypt(token, owner="a:1")
