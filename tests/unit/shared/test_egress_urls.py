"""URLs that webhooks never go to, in every spelling that some reader of URLs takes for a place inside."""

import pytest

from shared.egress import url_refusal

PUBLIC = "not a public address"
WRITTEN = "must be written as four decimal numbers"
NAMED = "must be a name in plain ASCII letters"

# Each with the reason it gets; a receiver of the test's own may listen at {port}.
REFUSED_URLS = {
    # One address, 127.0.0.1, in the ways of inet_aton.
    "http://127.0.0.1:{port}/": PUBLIC,
    "http://127.0.0.1.:{port}/": WRITTEN,
    "http://127.1:{port}/": WRITTEN,
    "http://127.0.1:{port}/": WRITTEN,
    "http://127.65530:{port}/": WRITTEN,
    "http://2130706433:{port}/": WRITTEN,
    "http://2130706433.:{port}/": WRITTEN,
    "http://4294967295:{port}/": WRITTEN,
    "http://6425673729:{port}/": WRITTEN,
    "http://0:{port}/": WRITTEN,
    "http://0x7f000001:{port}/": WRITTEN,
    "http://0X7F000001:{port}/": WRITTEN,
    "http://0x7f.0x0.0x0.0x1:{port}/": WRITTEN,
    "http://0x7f.1:{port}/": WRITTEN,
    "http://0x0000000000007f.0.0.1:{port}/": WRITTEN,
    "http://0x:{port}/": WRITTEN,
    "http://017700000001:{port}/": WRITTEN,
    "http://0177.0.0.1:{port}/": WRITTEN,
    "http://0177.0.0.01:{port}/": WRITTEN,
    "http://00000177.0x0.0.1:{port}/": WRITTEN,
    "http://127.0.0.001:{port}/": WRITTEN,
    "http://127.0.0.256:{port}/": WRITTEN,
    "http://127.0.0.1.1:{port}/": WRITTEN,
    "http://127..1:{port}/": WRITTEN,
    "http://127.0.0.1.nip.io.1:{port}/": WRITTEN,
    # The same in letters of other scripts, which IDNA turns into ASCII.
    "http://１２７.0.0.1:{port}/": NAMED,
    "http://①②⑦.⓪.⓪.①:{port}/": NAMED,
    "http://𝟏𝟐𝟕.𝟎.𝟎.𝟏:{port}/": NAMED,
    "http://١٢٧.٠.٠.١:{port}/": NAMED,
    "http://127。0。0。1:{port}/": NAMED,
    "http://127．0．0．1:{port}/": NAMED,
    "http://127｡0｡0｡1:{port}/": NAMED,
    "http://ｌｏｃａｌｈｏｓｔ:{port}/": NAMED,
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/": NAMED,
    "http://local\u00adhost:{port}/": NAMED,
    "http://local\u200bhost:{port}/": NAMED,
    # Percent-encoded.
    "http://%31%32%37.0.0.1:{port}/": NAMED,
    "http://127%2e0%2e0%2e1:{port}/": NAMED,
    "http://%6c%6f%63%61%6c%68%6f%73%74:{port}/": NAMED,
    "http://localhost%00.example.com:{port}/": NAMED,
    "http://localhost%23.example.com:{port}/": NAMED,
    "http://127.0.0.1%20:{port}/": NAMED,
    # Loopback by name.
    "http://localhost:{port}/": PUBLIC,
    "http://LOCALHOST:{port}/": PUBLIC,
    "http://LocalHost:{port}/": PUBLIC,
    "http://localhost.:{port}/": PUBLIC,
    "http://hooks.localhost:{port}/": PUBLIC,
    "http://hooks.LOCALHOST.:{port}/": PUBLIC,
    "http://localhost..:{port}/": "is no name",
    "http://.localhost:{port}/": PUBLIC,
    # Special IPv4.
    "http://0.0.0.0:{port}/": PUBLIC,
    "http://127.255.255.254:{port}/": PUBLIC,
    "http://10.0.0.1:{port}/": PUBLIC,
    "http://172.16.0.1:{port}/": PUBLIC,
    "http://192.168.0.1:{port}/": PUBLIC,
    "http://100.64.0.1:{port}/": PUBLIC,
    "http://169.254.169.254/latest/meta-data/": PUBLIC,
    "http://168.63.129.16/metadata": PUBLIC,
    "http://192.0.0.192:{port}/": PUBLIC,
    "http://192.0.2.1:{port}/": PUBLIC,
    "http://192.88.99.1:{port}/": PUBLIC,
    "http://198.18.0.1:{port}/": PUBLIC,
    "http://224.0.0.1:{port}/": PUBLIC,
    "http://240.0.0.1:{port}/": PUBLIC,
    "http://255.255.255.255:{port}/": PUBLIC,
    # IPv6, and IPv4 inside it.
    "http://[::1]:{port}/": PUBLIC,
    "http://[0:0:0:0:0:0:0:1]:{port}/": PUBLIC,
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/": PUBLIC,
    "http://[::]:{port}/": PUBLIC,
    "http://[::127.0.0.1]:{port}/": PUBLIC,
    "http://[::ffff:127.0.0.1]:{port}/": PUBLIC,
    "http://[::ffff:7f00:1]:{port}/": PUBLIC,
    "http://[0:0:0:0:0:FFFF:127.0.0.1]:{port}/": PUBLIC,
    "http://[::ffff:0:127.0.0.1]:{port}/": PUBLIC,
    "http://[::ffff:169.254.169.254]/": PUBLIC,
    "http://[64:ff9b::7f00:1]:{port}/": PUBLIC,
    "http://[64:ff9b::127.0.0.1]:{port}/": PUBLIC,
    "http://[64:ff9b:1::7f00:1]:{port}/": PUBLIC,
    "http://[2002:7f00:1::]:{port}/": PUBLIC,
    "http://[2001:0:7f00:1::]:{port}/": PUBLIC,
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/": PUBLIC,
    "http://[fe80::1]:{port}/": PUBLIC,
    "http://[fe80::1%25lo]:{port}/": NAMED,
    "http://[::1%25lo]:{port}/": NAMED,
    "http://[fd00::1]:{port}/": PUBLIC,
    "http://[fd00:ec2::254]/latest/meta-data/": PUBLIC,
    "http://[fec0::1]:{port}/": PUBLIC,
    "http://[ff02::1]:{port}/": PUBLIC,
    "http://[2001:db8::1]:{port}/": PUBLIC,
    "http://[::ffff:127.1]:{port}/": "no URL",
    "http://[127.0.0.1]:{port}/": "no URL",
    "http://[v1.127.0.0.1]:{port}/": NAMED,
    "http://[::1:{port}/": "no URL",
    "http://::1:{port}/": "no URL",
    # One host for this reader, another for that.
    "http://hooks.example.com@127.0.0.1:{port}/": "user name",
    "http://127.0.0.1:{port}@hooks.example.com/": "user name",
    "http://user:password@localhost:{port}/": "user name",
    "http://@127.0.0.1:{port}/": "user name",
    "http://hooks.example.com%40127.0.0.1:{port}/": NAMED,
    "http://127.0.0.1:{port}\\@hooks.example.com/": "backslash",
    "http://hooks.example.com\\@127.0.0.1:{port}/": "backslash",
    "http:\\\\127.0.0.1:{port}\\": "backslash",
    "http://127.0.0.1:{port}#@hooks.example.com/": PUBLIC,
    "http://127.0.0.1:{port}?@hooks.example.com/": PUBLIC,
    "http://hooks.example.com／@127.0.0.1:{port}/": "no URL",
    "http://127.0.0.1:{port}:80/": "no URL",
    "http://127.0.0.1;hooks.example.com:{port}/": NAMED,
    "http://127.0.0.1,hooks.example.com:{port}/": NAMED,
    "http://127.0.0.1&hooks.example.com:{port}/": NAMED,
    "http://127.0.0.1|hooks.example.com:{port}/": NAMED,
    # Blanks and control characters, which some drop and some break at.
    "http://127.0.0.1:{port}/ ": "blank",
    " http://127.0.0.1:{port}/": "blank",
    "http://127.0\t.0.1:{port}/": "blank",
    "http://local\nhost:{port}/": "blank",
    "http://127.0.0.1:{port}/\r\nHost: hooks.example.com": "blank",
    "http://127.0.0.1\x00.example.com:{port}/": "blank",
    "\x01http://127.0.0.1:{port}/": "blank",
    "ht\ttp://127.0.0.1:{port}/": "blank",
    "http://127.0.0.1\x7f:{port}/": "blank",
    "http://127.0.0.1\u00a0:{port}/": NAMED,
    # No host, or no http.
    "http://:{port}/": NAMED,
    "http:///127.0.0.1:{port}/": "no host",
    "http:127.0.0.1:{port}/": "no host",
    "http:/127.0.0.1:{port}/": "no host",
    "http://": "no host",
    "//127.0.0.1:{port}/": "must begin with https://",
    "127.0.0.1:{port}/": "must begin with https://",
    "": "must begin with https://",
    "ftp://127.0.0.1:{port}/": "must begin with https://",
    "gopher://127.0.0.1:{port}/_x": "must begin with https://",
    "file:///etc/passwd": "must begin with https://",
    "ws://127.0.0.1:{port}/": "must begin with https://",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/": "must begin with https://",
    # Ports that none has, and those where another protocol than HTTP listens.
    "http://hooks.example.com:0/": "port 0",
    "http://hooks.example.com:65536/": "no URL",
    "http://hooks.example.com:-1/": "no URL",
    "http://hooks.example.com:+{port}/": "no URL",
    "http://hooks.example.com:１２３/": "no URL",
    "http://hooks.example.com:0x50/": "no URL",
    "http://hooks.example.com:22/": "port 22",
    "http://hooks.example.com:0025/": "port 25",
    "http://hooks.example.com:6379/": "port 6379",
    "http://hooks.example.com:11211/": "port 11211",
    # Names that none can have.
    "http://a..example.com:{port}/": "is no name",
    "http://-a.example.com:{port}/": "is no name",
    "http://.:{port}/": "is no name",
    "http://" + "a" * 64 + ".example.com:{port}/": "is no name",
    "http://" + "a." * 126 + "aa:{port}/": "is no name",
    "http://bücher.example:{port}/": NAMED,
}


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_no_webhook_goes_to_this_url(url: str) -> None:
    refusal = url_refusal(url.format(port=8080), allow_http=True)
    assert refusal is not None
    assert REFUSED_URLS[url] in refusal


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "HTTP://hooks.example.com/", "hooks.example.com"]
)
def test_without_tls_only_where_it_is_configured(url: str) -> None:
    assert url_refusal(url, allow_http=False) == "it must begin with https://"
