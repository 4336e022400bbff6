"""Credentials: masked wherever they stand, and nothing else is."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pep668_provision.engine.redact import MASK, has_credentials, redact, secrets_in, with_credentials


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:s3cret@x.test/simple", "https://****@x.test/simple"),
        ("https://token@x.test/simple", "https://****@x.test/simple"),
        ("git+https://me:s3cret@x.test/a.git@main", "git+https://****@x.test/a.git@main"),
        ("a https://u:p@x.test b http://v:q@y.test:8080/ c", "a https://****@x.test b http://****@y.test:8080/ c"),
        ("mine @ https://me:s3cret@x.test/mine.whl", "mine @ https://****@x.test/mine.whl"),
        ("'https://me:s3cret@x.test'", "'https://****@x.test'"),
        ("https://me:p@ss@x.test/", "https://****@x.test/"),
        ("https://x.test/@scope/pkg", "https://x.test/@scope/pkg"),
        ("mail me@x.test", "mail me@x.test"),
        ("flask @ file:///srv/flask", "flask @ file:///srv/flask"),
        ("", ""),
    ],
)
def test_the_user_part_of_a_url_is_masked(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert has_credentials(text) is (text != expected)


def test_named_secrets_are_masked_anywhere_the_longest_first() -> None:
    assert redact("abc and abcdef", ["abc", "abcdef", ""]) == f"{MASK} and {MASK}"


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("https://me:s3cret@x.test", {"s3cret"}),
        ("https://me:p%40ss@x.test", {"p%40ss", "p@ss"}),
        ("https://token@x.test", {"token"}),
        ("git+ssh://git@x.test/a", set()),
        ("https://me:****@x.test", set()),
        ("https://me:@x.test", set()),
        ("https://x.test", set()),
    ],
)
def test_secrets_are_found_plain_and_decoded(text: str, secrets: set[str]) -> None:
    assert secrets_in([text]) == secrets


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.test/simple", "https://me:p%40s%2Fs@x.test/simple"),
        ("http://x.test:8080/simple?a=b", "http://me:p%40s%2Fs@x.test:8080/simple?a=b"),
        ("https://other@x.test/simple", "https://other@x.test/simple"),
        ("file:///srv/wheels", "file:///srv/wheels"),
        ("/srv/wheels", "/srv/wheels"),
        ("", ""),
    ],
)
def test_credentials_get_into_an_index_url_only(url: str, expected: str) -> None:
    assert with_credentials(url, "me", "p@s/s") == expected
    assert with_credentials(url, "", "p@s/s") == url


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(WORDS, WORDS)
def test_what_goes_into_a_url_comes_out_whole_and_is_masked(user: str, password: str) -> None:
    url = with_credentials("https://x.test/simple", user, password)
    parts = urlsplit(url)
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)
    assert redact(url) == f"https://{MASK}@x.test/simple"
    if password != MASK:
        assert password in secrets_in([url])


@given(st.text(max_size=60))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
