"""The environment becomes typed settings; what cannot be used is named, never shown."""

import pytest

from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.quotas.quota import Rate
from mcp_shortvol.settings import load_settings


def test_an_empty_variable_counts_as_unset_and_the_older_name_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGBRIDGE_APP_KEY", "")
    monkeypatch.setenv("LONGPORT_APP_KEY", "older")
    key = load_settings().longbridge_app_key
    assert key is not None
    assert key.get_secret_value() == "older"


def test_the_newer_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGBRIDGE_HTTP_URL", "https://new.example")
    monkeypatch.setenv("LONGPORT_HTTP_URL", "https://old.example")
    assert load_settings().longbridge_http_url == "https://new.example"


def test_blanks_and_line_breaks_are_stripped_from_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGBRIDGE_ACCESS_TOKEN", " ab\ncd \r\n")
    token = load_settings().longbridge_access_token
    assert token is not None
    assert token.get_secret_value() == "abcd"


def test_a_trailing_slash_does_not_double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGBRIDGE_HTTP_URL", "https://gateway.example/")
    assert load_settings().longbridge_http_url == "https://gateway.example"


@pytest.mark.parametrize(("text", "rate"), [("30/30", Rate(30, 30.0)), (" 5 / 0.5 ", Rate(5, 0.5)), ("OFF", None)])
def test_a_quota_is_requests_in_seconds_or_off(text: str, rate: Rate | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORTVOL_FUTU_QUOTA", text)
    assert load_settings().futu_quota == rate


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("SHORTVOL_TIMEOUT", "marker", "valid number"),
        ("SHORTVOL_TIMEOUT", "-1", "greater than 0"),
        ("SHORTVOL_SANDBOX_AS_OF", "marker", "date"),
        ("SHORTVOL_LONGBRIDGE_QUOTA", "marker", "requests/seconds such as 30/30, or off"),
        ("LONGBRIDGE_REGION", "marker", "'global' or 'cn'"),
        ("LONGBRIDGE_HTTP_URL", "marker", "https://"),
        ("FUTU_API_PATH", "marker", "{symbol}"),
        ("FUTU_OPEND_PORT", "70000", "65535"),
        ("FUTU_OPEND_HOST", "a\udc80b", "host name"),
        (
            "SHORTVOL_STORE",
            "mysql://marker",
            "the full path of a file, memory:, off, or an address such as redis://host",
        ),
        (
            "SHORTVOL_STORE",
            "~nosuchuser/marker",
            "the full path of a file, memory:, off, or an address such as redis://host",
        ),
        ("SHORTVOL_STORE", "marker", "the full path of a file, memory:, off, or an address such as redis://host"),
        ("SHORTVOL_DATA_DIR", "~nosuchuser/marker", "home folder"),
        ("SHORTVOL_DATA_DIR", "redis:///marker", "a full path"),
        ("FUTU_OPEND_HOST", "marker" * 20, "host name"),
        ("SHORTVOL_FRESH", "marker", "valid number"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_it_allows(
    name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(NotConfigured) as caught:
        load_settings()
    assert name in str(caught.value)
    assert allowed in str(caught.value)
    assert "marker" not in str(caught.value)


def test_no_secret_shows_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("APP_KEY", "APP_SECRET", "ACCESS_TOKEN")
    for name in secrets:
        monkeypatch.setenv(f"LONGBRIDGE_{name}", f"marker-{name}")
    monkeypatch.setenv("FUTU_API_TOKEN", "marker-token")
    monkeypatch.setenv("FUTU_API_KEY", "marker-key")
    assert "marker" not in repr(load_settings())


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("LONGBRIDGE_REGION", "CN", "longbridge_region", "cn"),
        ("SHORTVOL_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("LONGBRIDGE_HTTP_URL", "HTTPS://gateway.example/base/", "longbridge_http_url", "https://gateway.example/base"),
        ("LONGBRIDGE_HTTP_URL", "https://Gateway.Example:443", "longbridge_http_url", "https://gateway.example"),
        ("LONGBRIDGE_HTTP_URL", "http://[::1]:443", "longbridge_http_url", "http://[::1]:443"),
        ("FUTU_OPEND_HOST", " [::1] ", "futu_opend_host", "::1"),
        ("LONGBRIDGE_APP_KEY", "  ", "longbridge_app_key", None),
    ],
)
def test_what_is_meant_is_read(
    name: str, value: str, field: str, read: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(), field) == read


@pytest.mark.parametrize("url", ["http://[::1", "http://user:marker@host", "https://host/?marker", "https://"])
def test_an_address_that_cannot_be_one_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGBRIDGE_HTTP_URL", url)
    with pytest.raises(NotConfigured, match="LONGBRIDGE_HTTP_URL") as caught:
        load_settings()
    assert "marker" not in str(caught.value)
