"""Where the platform may connect to on a stranger's word: public addresses, and networks allowed by setting.

Sources: the IANA special-purpose address registries (RFC 6890), RFC 4291 (v6, mapped), RFC 6052 and 8215
(NAT64), RFC 6761 (localhost), the URL standard (hosts that end in a number), the Fetch standard (bad ports).
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*written: str) -> tuple[Network, ...]:
    return tuple(ip_network(each) for each in written)


# Spelled out, because what `is_global` says differs from one release of Python to the next.
_SPECIAL = _networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure's WireServer, which gives out metadata
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "2001::/23",  # Teredo is in it
    "2001:db8::/32",
    "2002::/16",  # 6to4: a relay unpacks what is sent there to any IPv4 address
    "3fff::/20",
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_CARRIES_IPV4 = _networks("::ffff:0:0/96", "64:ff9b::/96")
_LOCALHOST = (IPv4Address("127.0.0.1"), IPv6Address("::1"))

# The ports that no browser goes to: what listens there reads lines, and would take a POST's for commands.
_BAD_PORTS = """
0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119
123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989
990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080
"""
_DATA_STORES = "3306 5432 6379 11211 27017"
_REFUSED_PORTS = frozenset(int(port) for port in (_BAD_PORTS + _DATA_STORES).split())

_AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[0-9A-Za-z._-]+))(?::[0-9]{1,5})?")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def address_refusal(address: Address, allowed: Sequence[Network] = ()) -> str | None:
    """Why nothing may be sent to this address, or None if it may."""
    if any(address in network for network in allowed) or _is_public(_meant(address)):
        return None
    return f"{address} is not a public address"


def url_refusal(url: str, *, allow_http: bool, allowed: Sequence[Network] = ()) -> str | None:
    """Why a webhook may not go to this URL, or None if it may, as far as that shows without a look-up."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is no URL"
    if any(character <= " " or character == "\x7f" for character in url) or "\\" in url:
        return "it holds a blank, a backslash or a control character"
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        return "it must begin with https://"
    if port in _REFUSED_PORTS:
        return f"no webhooks go to port {port}"
    return _authority_refusal(parts.netloc, allowed)


def _authority_refusal(authority: str, allowed: Sequence[Network]) -> str | None:
    """Why nothing goes to this host and port; only what every reader of URLs reads alike may pass."""
    if not authority:
        return "it names no host"
    if "@" in authority:
        return "it must not hold a user name or a password"
    written = _AUTHORITY.fullmatch(authority)
    if written is None:
        return "its host must be a name in plain ASCII letters (xn--…), or an address"
    if written["ipv6"]:
        return _literal_refusal(IPv6Address, written["ipv6"], allowed)
    return _name_refusal(written["name"], allowed)


def _name_refusal(written: str, allowed: Sequence[Network]) -> str | None:
    name = written.lower().removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _literal_refusal(IPv4Address, written, allowed)
    if name == "localhost" or name.endswith(".localhost"):
        refusals = [address_refusal(address, allowed) for address in _LOCALHOST]
        return None if None in refusals else "localhost is not a public address"
    return None if _NAME.fullmatch(name) else "its host is no name"


def _literal_refusal(read: Callable[[str], Address], written: str, allowed: Sequence[Network]) -> str | None:
    try:
        return address_refusal(read(written), allowed)
    except ValueError:
        return "its address must be written as four decimal numbers, or as IPv6 in brackets"


def _meant(address: Address) -> Address:
    """The IPv4 address that a mapped or translated one stands for, or the address itself."""
    if any(address in network for network in _CARRIES_IPV4):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    unicast = isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST
    return unicast and not any(address in network for network in _SPECIAL)
