"""What rules about the network say of requests: one table for all who judge.

Options of hermetic; a request, as `action target`; the name that an address was handed out for; whether it is allowed.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    options: str
    request: str
    allowed: bool
    name: str = ""

    def __str__(self) -> str:
        named = f" as {self.name}" if self.name else ""
        return f"{self.options or 'nothing'}: {self.request}{named}"


def rows(options: str, allowed: str, refused: str, name: str = "") -> list[Row]:
    """One per request; these are parted by commas."""
    found = [(request.strip(), verdict) for text, verdict in ((allowed, True), (refused, False)) for request in text.split(",")]
    return [Row(options, request, verdict, name) for request, verdict in found if request]


PUBLIC, OTHER = "93.184.215.14", "203.0.114.9"

ROWS = [
    *rows(
        "",
        "bind 127.0.0.1:0, bind [::1]:0",
        f"DNS example.com, DNS localhost, connect {PUBLIC}:80, connect 127.0.0.1:80, connect [::1]:80, send {PUBLIC}:53, bind 0.0.0.0:0, "
        "bind 127.0.0.1:80, listen 127.0.0.1:80, listen 0.0.0.0:80",
    ),
    # Names.
    *rows(
        "--allow-domain=example.com",
        "DNS example.com, DNS EXAMPLE.com, DNS example.com., DNS Example.Com.",
        "DNS www.example.com, DNS evil-example.com, DNS example.com.evil.test, DNS example.comm, DNS xexample.com, DNS example, DNS com, "
        f"DNS example.com.., DNS .example.com, DNS localhost, connect {PUBLIC}:443, connect {PUBLIC}:80",
    ),
    *rows(
        "--allow-domain=example.com",
        f"connect {PUBLIC}:80, connect {PUBLIC}:443",
        f"connect {PUBLIC}:8443, connect {PUBLIC}:22, connect {PUBLIC}:0, send {PUBLIC}:80",
        "example.com",
    ),
    *rows(
        "--allow-domain=example.com:8443,9000-9002",
        f"connect {PUBLIC}:8443, connect {PUBLIC}:9001",
        f"connect {PUBLIC}:443, connect {PUBLIC}:9003",
        "example.com",
    ),
    *rows("--allow-domain=example.com", "", f"connect {PUBLIC}:443, connect {PUBLIC}:80", "other.test"),
    *rows("--allow-domain=example.com", "", f"send {PUBLIC}:443", "example.com"),
    *rows(
        "--allow-domain=*.example.com",
        "DNS a.example.com, DNS a.b.example.com, DNS A.Example.COM.",
        "DNS example.com, DNS .example.com, DNS aexample.com, DNS a.example.com.evil.test, DNS *.example.org",
    ),
    *rows("--allow-domain=*.example.com:22", f"connect {PUBLIC}:22", f"connect {PUBLIC}:443", "a.example.com"),
    *rows("--allow-domain=*.example.com", "", f"connect {PUBLIC}:443", "example.com"),
    # A name grants nothing on this machine or network.
    *rows(
        "--allow-domain=example.com",
        "connect 172.32.0.1:80, connect 100.128.0.1:80, connect 11.0.0.1:80, connect [2606:2800:220::1]:443, connect [::ffff:93.184.215.14]:443",
        "connect 127.0.0.1:80, connect 127.9.9.9:80, connect 0.0.0.0:80, connect 10.1.2.3:80, connect 172.16.0.1:80, connect 172.31.255.255:80, "
        "connect 192.168.1.1:80, connect 169.254.169.254:80, connect 100.64.0.1:80, connect 198.18.0.1:80, connect 224.0.0.1:80, "
        "connect 255.255.255.255:80, connect [::1]:80, connect [::]:80, connect [fe80::1]:80, connect [fc00::1]:80, connect [fd12::1]:80, "
        "connect [ff02::1]:80, connect [::ffff:127.0.0.1]:80, connect [::ffff:10.0.0.1]:80, connect [64:ff9b::a00:1]:80, connect [::127.0.0.1]:80, "
        "connect [64:ff9b:1::808:808]:80, connect [2002:7f00:1::1]:80, connect [2606:2800:220::5efe:10.0.0.1]:80, connect [2606:2800:220:0:200:5efe:7f00:1]:80, connect [2001:0:808:808::f5ff:fffe]:80, connect [fec0::1]:80, "
        "connect [::ffff:0:a00:1]:80, connect [2001:2::1]:80",
        "example.com",
    ),
    *rows(
        "--allow-domain=example.com --allow-address=10.1.2.3:80",
        "connect 10.1.2.3:80",
        "connect 10.1.2.3:443, connect 10.1.2.4:80",
        "example.com",
    ),
    # This machine.
    *rows(
        "--allow-localhost",
        "DNS localhost, DNS LOCALHOST., connect 127.0.0.1:1, connect 127.9.9.9:65535, connect [::1]:80, connect [::ffff:127.0.0.1]:80, "
        "bind 127.0.0.1:8080, listen 127.0.0.1:8080, send 127.0.0.1:53",
        f"DNS localhost.localdomain, DNS a.localhost, DNS example.com, connect {PUBLIC}:80, connect 0.0.0.0:80, connect [::]:80, "
        "connect 128.0.0.1:80, bind 0.0.0.0:80, listen 0.0.0.0:80, listen [::]:80",
    ),
    *rows(
        "--allow-localhost=8000-8010",
        "connect 127.0.0.1:8000, connect 127.0.0.1:8010, bind 127.0.0.1:8005, bind 127.0.0.1:0",
        "connect 127.0.0.1:7999, connect 127.0.0.1:8011, bind 127.0.0.1:80",
    ),
    # Addresses.
    *rows(
        f"--allow-address={PUBLIC}",
        f"connect {PUBLIC}:1, connect {PUBLIC}:65535, connect [::ffff:{PUBLIC}]:80",
        f"connect {OTHER}:80, connect 93.184.215.15:80, send {PUBLIC}:53, DNS example.com, bind {PUBLIC}:80, listen {PUBLIC}:80",
    ),
    # Decimal, octal and hexadecimal: what inet_aton(3) reads.
    *rows(
        f"--allow-address={PUBLIC}",
        "connect 1572394766:80, connect 0x5db8d70e:80, connect 0135.0270.0327.016:80, connect 93.184.55054:80, connect 0X5D.0xb8.0xd7.0xE:80",
        "connect 2130706433:80, connect 0x7f000001:80, connect 0177.0.0.01:80, connect 127.1:80, connect 0:80, connect 93.184.215.017:80",
    ),
    *rows("--allow-domain=example.com", "", "connect 2130706433:80, connect 0x7f.1:80, connect 0300.0250.1.1:80, connect 167772161:80"),
    *rows("--allow-localhost", "connect 2130706433:80, connect 0x7f.1:80, connect 127.1:80", "connect 0x5db8d70e:80, connect 0:80"),
    *rows(
        "--allow-address=10.0.0.0/8:5432",
        "connect 10.0.0.0:5432, connect 10.255.255.255:5432",
        "connect 10.1.1.1:5433, connect 11.0.0.0:5432, connect 9.255.255.255:5432",
    ),
    *rows(
        "--allow-address=172.16.0.0/12", "connect 172.16.0.1:1, connect 172.31.255.255:1", "connect 172.15.255.255:1, connect 172.32.0.0:1"
    ),
    *rows(
        "--allow-address=127.0.0.1:80",
        "connect 127.0.0.1:80",
        "connect 127.0.0.2:80, connect 127.0.0.1:81, connect [::1]:80, listen 127.0.0.1:80",
    ),
    *rows(
        "--allow-address=2001:db8::/32",
        "connect [2001:db8::1]:80, connect [2001:db8:ffff::]:80",
        "connect [2001:db9::1]:80, connect 32.1.13.184:80",
    ),
    *rows("--allow-address=[2001:db8::1]:443", "connect [2001:db8::1]:443", "connect [2001:db8::1]:80, connect [2001:db8::2]:443"),
    *rows("--allow-address=::ffff:192.0.2.1", "connect 192.0.2.1:80, connect [::ffff:192.0.2.1]:80", "connect 192.0.2.2:80"),
    *rows(
        "--allow-address=0.0.0.0/0:443",
        f"connect {PUBLIC}:443, connect 127.0.0.1:443",
        f"connect {PUBLIC}:80, connect [2606:2800:220::1]:443",
    ),
    # What is denied is denied.
    *rows(
        "--allow-address=10.0.0.0/8 --deny-address=10.1.0.0/16", "connect 10.2.0.1:80", "connect 10.1.0.1:80, connect [::ffff:10.1.0.1]:80"
    ),
    *rows("--allow-address=10.0.0.0/8 --deny-address=10.1.0.0/16:22", "connect 10.1.0.1:80", "connect 10.1.0.1:22"),
    *rows(
        "--allow-localhost --deny-address=127.0.0.1:5432",
        "connect 127.0.0.1:80, connect 127.0.0.2:5432, connect [::1]:5432",
        "connect 127.0.0.1:5432, send 127.0.0.1:5432",
    ),
    *rows(
        "--allow-address=::/0 --allow-address=0.0.0.0/0 --deny-address=169.254.0.0/16 --deny-address=127.0.0.0/8:22",
        f"connect {PUBLIC}:80, connect [2606:2800:220::1]:80, connect [64:ff9b::5db8:d70e]:80, connect 127.0.0.1:80",
        "connect 169.254.169.254:80, connect [::ffff:a9fe:a9fe]:80, connect [64:ff9b::a9fe:a9fe]:80, connect [2002:a9fe:a9fe::1]:80, "
        "connect 0.0.0.0:80, connect [::a9fe:a9fe]:80, connect [::ffff:0:a9fe:a9fe]:80, connect 127.0.0.1:22, connect 0.0.0.0:22, connect [::]:22, connect [::ffff:0:0]:22",
    ),
    *rows(f"--allow-domain=example.com --deny-address={PUBLIC}", f"connect {OTHER}:80", f"connect {PUBLIC}:80", "example.com"),
    # Listening.
    *rows(
        "--allow-listen=8000-8010",
        "bind 0.0.0.0:8000, listen 0.0.0.0:8000, bind [::]:8010, listen [::]:8010, bind 127.0.0.1:8001, listen 127.0.0.1:8001, listen 192.0.2.1:8000",
        f"bind 0.0.0.0:80, listen 0.0.0.0:8011, listen 127.0.0.1:80, connect 127.0.0.1:8000, connect {PUBLIC}:8000",
    ),
]
