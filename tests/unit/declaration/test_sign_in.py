"""How a tenant's people sign in, as its file says it: the domains of their addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tenantry.declaration import Declarations
from tenantry.declaration.fingerprint import content
from tenantry.declaration.names import Names
from tenantry.declaration.values import changeable
from tenantry.errors import InputError

from .conftest import PLAIN

Loaded = Callable[[Mapping[str, str]], Declarations]
Problems = Callable[..., list[str]]


def domains(*names: str) -> str:
    return f"sign_in: {{email_domains: [{', '.join(names)}]}}\n"


def test_what_a_file_says_is_a_row_in_canonical_form_and_nothing_else_is(loaded: Loaded, tmp_path) -> None:
    """A tenant of before has no row more, and its content is what it was."""
    plain = loaded({"acme": PLAIN})["acme"]
    assert not [key for key in plain.configuration() if key.startswith("sign_in.")]
    empty = plain.model_copy(update={"sign_in": type(plain.sign_in)()})
    said = loaded({"acme": PLAIN + domains("ACME.example", "bücher.example")})["acme"]
    assert said.configuration()["sign_in.email_domains"] == ["acme.example", "xn--bcher-kva.example"]
    assert content(plain, tmp_path) == content(empty, tmp_path) != content(said, tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (domains("gmail.com"), "anybody can have an address at gmail.com"),
        (domains("mail.yahoo.com"), "anybody can have an address at mail.yahoo.com"),
        (domains("co.uk"), "public suffix"),
        (domains('"*.acme.example"'), "wildcard"),
        (domains("acme.example", "ACME.example"), "listed twice"),
        (domains('"@acme.example"'), "not a host name"),
        (domains("people.tenantry.example"), "belongs to the platform's own domain"),
        ('sign_in: {issuer: "https://login.acme.example"}\n', "issuer and client_id go together"),
        ("sign_in: {client_id: us}\n", "issuer and client_id go together"),
        ('sign_in: {issuer: "http://login.acme.example", client_id: us}\n', "does not begin with https://"),
        ('sign_in: {issuer: "https://10.0.0.7", client_id: us}\n', "address"),
        ('sign_in: {issuer: "https://login.internal", client_id: us}\n', "reserved"),
        ('sign_in: {issuer: "https://a@login.acme.example", client_id: us}\n', "user name or a port"),
        ('sign_in: {issuer: "https://login.acme.example/?x", client_id: us}\n', "query or a fragment"),
        ('sign_in: {issuer: "https://login.acme.example", client_id: "a b"}\n', "characters that are not allowed"),
        ("sign_in: {domains: [acme.example]}\n", "unknown key"),
    ],
)
def test_what_is_no_domain_of_one_tenant_is_refused(problems: Problems, line: str, words: str) -> None:
    (found,) = problems(line)
    assert words in found


def test_a_provider_is_two_rows(loaded: Loaded) -> None:
    said = loaded({"acme": PLAIN + 'sign_in: {issuer: "https://login.acme.example/realm/", client_id: us}\n'})["acme"].configuration()
    assert (said["sign_in.issuer"], said["sign_in.client_id"]) == ("https://login.acme.example/realm", "us")


def test_a_domain_that_two_declare_is_refused_by_its_name(problems: Problems) -> None:
    """Also where it looks alike, or where the other file is broken otherwise; a host name of the same words is another thing."""
    mine = PLAIN + domains("acme.example")
    (found,) = problems({"acme": mine, "globex": PLAIN + domains("acme.example")})
    assert "the e-mail domain 'acme.example' is already claimed by the tenant 'acme'" in found
    assert ":4:" in found
    (found,) = problems({"acme": mine, "globex": PLAIN + domains("acrne.example")})
    assert "looks like 'acme.example' of the tenant 'acme'" in found
    found = problems({"acme": PLAIN + domains("acme.example") + "limits: {users: none}\n", "globex": PLAIN + domains("acme.example")})
    assert sum("already claimed" in each for each in found) == 1


def test_a_host_name_and_an_e_mail_domain_are_two_things(loaded: Loaded) -> None:
    tenants = loaded({"acme": PLAIN + domains("acme.example"), "globex": PLAIN + "domains: [acme.example]\n"})
    names = Names(tenants.values())
    assert names.owner("acme.example") == "globex"
    assert names.near("other", ((0, "@acme.example"),)).keys() == {"acme"}


def test_a_tier_has_none(folder, problems: Problems) -> None:
    (folder / "defaults" / "starter.yaml").write_text("isolation: rls\n" + domains("acme.example"))
    assert "a tier cannot say 'sign_in'" in problems("")[0]


def test_it_is_not_changed_at_runtime() -> None:
    with pytest.raises(InputError, match="set by the declaration only"):
        changeable("sign_in.email_domains", "platform")
