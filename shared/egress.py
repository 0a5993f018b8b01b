"""Where the platform may connect to on a stranger's word: public addresses, and networks allowed by setting.

Sources: the IANA special-purpose address registries (RFC 6890), RFC 4291 (mapped), RFC 3056 (6to4),
RFC 4380 (Teredo), RFC 6052 and 8215 (NAT64), RFC 6598 (CGNAT).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_SPECIAL = (ip_network("192.88.99.0/24"), ip_network("fec0::/10"), ip_network("100.64.0.0/10"))


def address_refusal(address: Address, allowed: Sequence[Network] = ()) -> str | None:
    """Why nothing may be sent to this address, or None if it may."""
    if any(address.version == network.version and address in network for network in allowed):
        return None
    if not all(_is_public(each) for each in _meant(address)):
        return f"{address} is not a public address"
    return None


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
    if not parts.hostname or port == 0:
        return "it names no host"
    if parts.username is not None or parts.password is not None:
        return "it must not hold a user name or a password"
    return _host_refusal(parts.hostname, allowed)


def _host_refusal(host: str, allowed: Sequence[Network]) -> str | None:
    try:
        return address_refusal(ip_address(host), allowed)
    except ValueError:
        return None


def _meant(address: Address) -> list[Address]:
    """The address, and the IPv4 addresses it carries inside it."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _NAT64):
        inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    carried: list[Address] = [each for each in inner if each is not None]
    return (
        carried
        if address.ipv4_mapped or any(address in network for network in _NAT64)
        else [address, *carried]
    )


def _is_public(address: Address) -> bool:
    special = any(address.version == network.version and address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not special
