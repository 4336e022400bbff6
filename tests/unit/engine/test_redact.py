"""Credentials: masked wherever they stand, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pep668_provision.engine.redact import (
    MASK,
    has_credentials,
    redact,
    redact_declared,
    secrets_in,
    spellings,
    with_credentials,
)


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
        ("https://me:pa'ss@x.test/", "https://****@x.test/"),
        ('https://me:"pass"1@x.test/', "https://****@x.test/"),
        ("https://me:pä$$%2F:w@x.test/", "https://****@x.test/"),
        ("https://me:@x.test/", "https://****@x.test/"),
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
    assert redact("abcdefgh and abcdefghij", ["abcdefgh", "abcdefghij", ""]) == f"{MASK} and {MASK}"


@pytest.mark.parametrize(
    ("text", "secret", "expected"),
    [
        pytest.param("said longsecret1x", "longsecret1", "said ****x", id="a long one inside of a word"),
        pytest.param("python3-requests, req, (req)", "req1", "python3-requests, req, (req)", id="another"),
        pytest.param("pw=req1; req12 xreq1 req1.", "req1", "pw=****; req12 xreq1 ****.", id="a short one alone"),
        pytest.param("a package", "a", "a package", id="a letter is in every message"),
        pytest.param("https://u:a@x.test/ a", "a", "https://****@x.test/ a", id="a letter in a URL"),
        pytest.param("p.s$ and xp.s$y p.s$", "p.s$", "**** and xp.s$y ****", id="what means something in a pattern"),
        pytest.param("schlüß schlüßel", "schlüß", "**** schlüßel", id="a letter that is not ASCII goes on with a word"),
    ],
)
def test_a_short_secret_does_not_take_words_apart(text: str, secret: str, expected: str) -> None:
    assert redact(text, [secret]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "'https://x.test','me@y.test'",
        '{"https://x.test":"me@y.test"}',
        "see 'https://x.test', or write to me@y.test",
        '["https://x.test"] me@y.test',
    ],
)
def test_a_quoted_url_ends_at_its_quote(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("password", ["pa',ss", 'pa":ss', "a')b", "@", "'", "''"])
def test_what_is_declared_holds_one_url_whatever_is_in_its_password(password: str) -> None:
    text = f"mine @ https://me:{password}@x.test/mine.whl"
    assert redact_declared(text) == "mine @ https://****@x.test/mine.whl"
    assert has_credentials(text)
    assert password in secrets_in([text])


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("https://me:s3cret@x.test", {"s3cret", "bWU6czNjcmV0", "OnMzY3JldA==", "czNjcmV0Og=="}),
        ("https://me:p%40ss@x.test", {"p%40ss", "p@ss", "bWU6cEBzcw==", "OnBAc3M=", "cEBzczo="}),
        ("https://token@x.test", {"token", "dG9rZW46", "OnRva2Vu"}),
        ("https://token:@x.test", {"token", "dG9rZW46", "OnRva2Vu"}),
        ("git+ssh://git@x.test/a", set()),
        ("https://me:****@x.test", set()),
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


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=30), WORDS)
def test_no_spelling_of_a_password_is_left_in_a_message(password: str, user: str) -> None:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    said = f"{password} {quote(password, safe='')} {json.dumps(password)} {password!r} Basic {pair}"
    left = redact(said, spellings(password, user))
    assert [one for one in spellings(password, user) if len(one) >= 8 and one in left.replace(MASK, "")] == []


@given(st.text(max_size=60))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    ("url", "username", "password", "expected"),
    [
        pytest.param("https://x.test/simple", "me", "", "https://me@x.test/simple", id="no password"),
        pytest.param("https://you@x.test/simple", "me", "s3", "https://you@x.test/simple", id="it has one"),
        pytest.param("ftp://x.test/simple", "me", "s3", "ftp://x.test/simple", id="where none is asked for"),
        pytest.param("/srv/wheels", "me", "s3", "/srv/wheels", id="a folder"),
        pytest.param("https://[x/simple", "me", "s3", "https://[x/simple", id="no address"),
        pytest.param("https://x.test/simple", "", "s3", "https://x.test/simple", id="nobody"),
    ],
)
def test_a_login_is_written_into_an_address_that_can_have_one(
    url: str, username: str, password: str, expected: str
) -> None:
    assert with_credentials(url, username, password) == expected
