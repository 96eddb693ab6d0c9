"""Who asks: the address that requests are counted by, and the family of the program, which is all that the log tells of it.

An address is counted in memory and nowhere written.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

from portal.http.requests import header
from portal.settings import Networks

# Proxies beyond these are not those in front of us.
_MOST_PROXIES = 20
# One household or office has so many addresses.
_HOUSEHOLD = 64

# The first that stands in a User-Agent counts.
_FAMILIES = (
    ("kingfisher", "kingfisher"),
    ("scrapy", "scrapy"),
    ("bot", "bot"),
    ("spider", "bot"),
    ("crawl", "bot"),
    ("curl", "curl"),
    ("wget", "wget"),
    ("python", "python"),
    ("httpx", "python"),
    ("go-http", "go"),
    ("java", "java"),
    ("okhttp", "java"),
    ("node", "node"),
    ("axios", "node"),
    ("libcurl r", "r"),
    ("rcurl", "r"),
    ("power query", "excel"),
    ("microsoft", "excel"),
    ("edg/", "edge"),
    ("opr/", "opera"),
    ("firefox", "firefox"),
    ("chrome", "chrome"),
    ("safari", "safari"),
    ("mozilla", "browser"),
)


def client_of(scope: Scope, trusted: Networks) -> str:
    """The address of whoever asks, an IPv6 one without its last half. X-Forwarded-For counts as far as those who wrote it are
    trusted: from its end, the first address that is no trusted proxy's."""
    peer = (scope.get("client") or ("",))[0]
    address = _address(peer)
    if address is None or not _is_in(address, trusted):
        return _counted(address, peer)
    for told in reversed(header(scope, b"x-forwarded-for").split(",")[-_MOST_PROXIES:]):
        found = _address(told.strip())
        if found is None:
            break
        address = found
        if not _is_in(found, trusted):
            break
    return _counted(address, peer)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _is_in(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _counted(address: IPv4Address | IPv6Address | None, peer: str) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _HOUSEHOLD), strict=False))
    return str(address or peer)


def family_of(agent: str) -> str:
    """The kind of program that a User-Agent names: one of a few words, whatever it says."""
    lowered = agent[:500].lower()
    return next((family for sign, family in _FAMILIES if sign in lowered), "other" if lowered else "none")
