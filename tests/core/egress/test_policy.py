"""Which addresses the egress policy lets through."""

import pickle

import pytest

from apps.core.egress import EgressRefused, Policy

FORBIDDEN = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::a9fe:a9fe",
    "::ffff:0:7f00:1",
    "::ffff:0:808:808",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "64:ff9b:1::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_refuses_addresses_that_are_not_public(address: str) -> None:
    with pytest.raises(EgressRefused):
        Policy().check_address(address, 443, "example.com")


@pytest.mark.parametrize("address", PUBLIC)
def test_lets_public_addresses_through(address: str) -> None:
    Policy().check_address(address, 443, "example.com")


@pytest.mark.parametrize(
    ("entry", "address", "port", "host"),
    [
        ("127.0.0.1", "127.0.0.1", 1, "x"),
        ("127.0.0.1:8000", "127.0.0.1", 8000, "x"),
        ("10.0.0.0/8", "10.255.0.1", 5432, "x"),
        ("10.0.0.0/8:5432", "10.255.0.1", 5432, "x"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", 80, "x"),
        ("[::1]:8000", "::1", 8000, "x"),
        ("::1", "::1", 1, "x"),
        ("fd00::/8", "fd12::1", 1, "x"),
        ("DB.internal.", "10.0.0.1", 5432, "db.internal"),
        ("my_service:80", "172.18.0.2", 80, "my_service"),
    ],
)
def test_lets_through_what_an_entry_names(
    entry: str, address: str, port: int, host: str
) -> None:
    Policy((entry,)).check_address(address, port, host)


@pytest.mark.parametrize(
    ("entry", "address", "port", "host"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8001, "x"),
        ("127.0.0.1", "127.0.0.2", 80, "x"),
        ("10.0.0.0/8", "192.168.0.1", 80, "x"),
        ("db:5432", "10.0.0.1", 6379, "db"),
        ("db", "10.0.0.1", 80, "evil.db"),
        ("internal", "10.0.0.1", 80, "x.internal"),
    ],
)
def test_an_entry_allows_nothing_else(
    entry: str, address: str, port: int, host: str
) -> None:
    with pytest.raises(EgressRefused):
        Policy((entry,)).check_address(address, port, host)


@pytest.mark.parametrize(
    "text", ["*", "a b", "10.0.0.0/33", "db:0", "db:99999", "db:x", "http://db", "[::1"]
)
def test_an_unreadable_entry_is_an_error_that_quotes_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|no valid"):
        Policy((text,))


def test_reads_the_setting() -> None:
    policy = Policy.parse(" 127.0.0.1:8000, db\n[::1]:8000 ,")
    assert policy == Policy(("127.0.0.1:8000", "db", "[::1]:8000"))


def test_the_refusal_says_what_why_and_the_way_out() -> None:
    with pytest.raises(EgressRefused) as caught:
        Policy().check_address("10.0.0.7", 5432, "db.internal")
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.code == "egress_refused"
    assert error.reason == "private address"
    for part in ("db.internal", "10.0.0.7", "db.internal:5432 to EGRESS_ALLOW"):
        assert part in str(error)
