"""What a tenant may put on a page, in an e-mail or into DNS."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from tenantry.declaration.css import check_css
from tenantry.declaration.keys import TEMPLATES
from tenantry.declaration.mail import BUILT_IN, EmailTemplate, check_email, placeholders
from tenantry.declaration.theme import Colour, Font, Theme
from tenantry.hosts import canonical_host, check_link, host_skeleton
from tenantry.text import Line


def refused(check: Callable[[str], Any], text: str, word: str = "") -> None:
    with pytest.raises(PydanticCustomError) as caught:
        check(text)
    assert word in caught.value.message()


@pytest.mark.parametrize(
    "css",
    [
        "",
        ":root { --radius: 4px } .a > .b:hover { color: var(--radius); margin: calc(1px + 2em) }",
        "@media (min-width: 40em) { .a { display: none !important } }",
        "@keyframes spin { to { transform: rotate(1turn) } }",
        ".a { background: url(data:image/png;base64,iVBORw0KGgo=) }",
        ".a { background: url('DATA:image/webp;base64,UklGRg==') }",
        '.a::after { content: "https://plain.example" }',
        "/* a comment */ .a { color: red }",
    ],
)
def test_css_that_styles(css: str) -> None:
    """Selectors, properties, media queries, animations and embedded bitmaps are fine."""
    assert check_css(css) == css


@pytest.mark.parametrize(
    "css",
    [
        '@import "https://evil.example/x.css";',
        "@IMPORT url(x)",
        "@im\\70ort 'x';",
        "@media print { @import 'x'; }",
        "@font-face { font-family: x; src: url(https://evil.example/x.woff) }",
        "@namespace x 'y';",
        "@charset 'utf-8';",
        ".a { background: url(https://evil.example/x.png) }",
        ".a { background: url('//evil.example/x.png') }",
        ".a { background: url(/relative.png) }",
        ".a { background: URL( 'x' ) }",
        ".a { background: u\\72l(https://evil.example) }",
        ".a { background: url(data:image/svg+xml;base64,PHN2Zz4=) }",
        ".a { background: url(data:text/html;base64,PHN2Zz4=) }",
        ".a { background: url(javascript:alert(1)) }",
        ".a { background: image-set('x.png' 1x) }",
        ".a { background: -webkit-image-set(url(x) 1x) }",
        ".a { width: expression(alert(1)) }",
        ".a { width: EXP\\52 ESSION(alert(1)) }",
        ".a { behavior: url(x.htc) }",
        ".a { b\\65havior: none }",
        ".a { -moz-binding: none }",
        "@media print { .a { -moz-binding: none } }",
        ".a { color: red } </style><script>alert(1)</script>",
        ".a { content: '</STYLE>' }",
        "<!-- .a {} -->",
        ".a { color: red\0 }",
        ".a { color: \u202e red }",
        ".a { content: 'unclosed\n }",
        ".a }",
        "}",
    ],
)
def test_css_that_loads_runs_or_leaves(css: str) -> None:
    """Nothing may be fetched, run, or end the style element, however it is spelled."""
    refused(check_css, css, "CSS")


@given(st.text(max_size=200))
@example("a{" * 500)
def test_any_text_is_css_or_refused(text: str) -> None:
    """No text makes the check fail in another way than its own, and what passes cannot end the element."""
    try:
        check_css(text)
    except PydanticCustomError:
        return
    assert "</" not in text


@pytest.mark.parametrize(("text", "kept"), [("#ABC", "#aabbcc"), ("#0B5FFF", "#0b5fff")])
def test_colours_are_kept_in_one_form(text: str, kept: str) -> None:
    """Lower case, six digits."""
    assert TypeAdapter(Colour).validate_python(text) == kept


@pytest.mark.parametrize("text", ["", "fff", "#ff", "#ffff", "#fffffff", "#ggg", "red", "rgb(1,2,3)", "#fff;", "#fff\n", "#\u0661\u0661"])
def test_what_is_no_colour(text: str) -> None:
    """Names, functions and anything that could go on in CSS are refused."""
    with pytest.raises(ValidationError):
        TypeAdapter(Colour).validate_python(text)


@pytest.mark.parametrize("text", ["", " Inter", "Inter;", 'In"ter', "Inter, serif", "Inter}", "Ínter", "x" * 65, "Inter\n"])
def test_what_is_no_font(text: str) -> None:
    """A font's name is safe inside and outside quotes."""
    with pytest.raises(ValidationError):
        TypeAdapter(Font).validate_python(text)


def test_a_theme_without_anything() -> None:
    """Every colour and the font have a default that is valid itself."""
    theme = Theme()
    assert Theme.model_validate(theme.model_dump()) == theme


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("portal.acme.example", "portal.acme.example"),
        ("Portal.ACME.Example", "portal.acme.example"),
        ("acme.example", "acme.example"),
        ("kunden.bücherei.example", "kunden.xn--bcherei-n2a.example"),
        ("KUNDEN.BÜCHEREI.example", "kunden.xn--bcherei-n2a.example"),
        ("kunden.xn--bcherei-n2a.example", "kunden.xn--bcherei-n2a.example"),
        ("例え.example", "xn--r8jz45g.example"),
        ("почта.example", "xn--80a1acny.example"),
        ("www.acme.co.uk", "www.acme.co.uk"),
        ("acme.co.uk", "acme.co.uk"),
        ("acme.test", "acme.test"),
    ],
)
def test_host_names_are_kept_in_ascii(text: str, kept: str) -> None:
    """Case and Unicode forms of a name are one name."""
    assert canonical_host(text) == kept


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "host name"),
        ("acme", "full host name"),
        ("localhost", "full host name"),
        ("co.uk", "public suffix"),
        ("github.io", "public suffix"),
        ("example", "full host name"),
        ("*.acme.example", "wildcard"),
        ("acme.example.", "dot"),
        ("a..example", "host name"),
        ("-a.example", "host name"),
        ("a_b.example", "host name"),
        ("a" * 64 + ".example", "host name"),
        ("a." * 130 + "example", "host name"),
        ("1.2.3.4", "address"),
        ("1.2.3.0x7f", "address"),
        ("[::1]", "host name"),
        ("acme.example:443", "scheme, port"),
        ("https://acme.example", "scheme, port"),
        ("acme.example/x", "scheme, port"),
        ("printer.local", "reserved"),
        ("db.internal", "reserved"),
        ("x.onion", "reserved"),
        ("p\u0430ypal.example", "mixes scripts"),
        ("xn--pypal-4ve.example", "mixes scripts"),
        ("\u0430\u0440\u0440\u04cf\u0435.example", "looks like"),
        ("\u0261oogle.example", "looks like"),
        ("xn--zzzzzz.example", "host name"),
        ("a\u200db.example", "hidden"),
        ("acme\u3002example", "plain full stop"),
        ("acme.example\n", "hidden"),
    ],
)
def test_what_is_no_custom_domain(text: str, word: str) -> None:
    """Wildcards, addresses, suffixes, special names, mixed scripts and whole-script twins are refused."""
    with pytest.raises(PydanticCustomError) as caught:
        canonical_host(text)
    assert word in caught.value.message() + (caught.value.context or {})["hint"]


def test_look_alikes_have_one_skeleton() -> None:
    """Digits and letters of one shape are one; different names stay different."""
    assert host_skeleton("al.x.example") == host_skeleton("a1.x.example")
    assert host_skeleton("modem.example") == host_skeleton("rnodern.example")
    assert host_skeleton("xn--bcherei-n2a.example") != host_skeleton("bucherei.example")


@given(st.text(max_size=80))
def test_a_canonical_host_is_canonical(text: str) -> None:
    """Any text is refused or becomes ASCII that is its own canonical form."""
    try:
        host = canonical_host(text)
    except PydanticCustomError:
        return
    assert host.isascii()
    assert host == host.lower()
    assert canonical_host(host) == host


@pytest.mark.parametrize("text", ["https://acme.example", "https://acme.example/terms?x=1#y", "https://acme.example:443/"])
def test_links(text: str) -> None:
    """https, a public host, and whatever path."""
    assert check_link(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "http://acme.example",
        "//acme.example",
        "javascript:alert(1)",
        "https://",
        "https://localhost/x",
        "https://user@acme.example",
        "https://acme.example:8443",
        "https://acme.example:x",
        "https://10.0.0.1/",
        "https://[::1]/",
        'https://acme.example/"onclick=',
        "https://acme.example/<b>",
        "https://acme.example/a b",
        "https://acme.example/\u202e",
        "https://co.uk/",
    ],
)
def test_what_is_no_link(text: str) -> None:
    """Other schemes, addresses, credentials, ports and characters that could end an attribute are refused."""
    refused(check_link, text)


@pytest.mark.parametrize("text", ["ada@acme.example", "ada+x@acme.example", "jörg@bücher.example", "ada@acme.test"])
def test_addresses(text: str) -> None:
    """Plain, tagged and internationalised addresses."""
    assert check_email(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "ada", "@acme.example", "ada@", "ada@acme", "a b@acme.example", "ada@acme..example", "Ada <ada@acme.example>", "ada@[10.0.0.1]"],
)
def test_what_is_no_address(text: str) -> None:
    """One bare address, with a domain that could receive mail."""
    refused(check_email, text, "not an e-mail address")


@given(
    st.from_regex(r"[A-Za-z0-9_+.-]{1,70}@[A-Za-z0-9.-]{1,40}\.(example|test|local|arpa|onion|com|x|c1)", fullmatch=True)
    | st.from_regex(r"[a-z+._-]{1,8}@([a-z-]{1,5}\.){1,4}[a-z-]{1,5}", fullmatch=True)
)
def test_plain_addresses_need_no_library(text: str) -> None:
    """The quick answer for plain addresses is the library's answer."""
    from email_validator import EmailNotValidError, validate_email

    try:
        expected = validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        refused(check_email, text)
    else:
        assert check_email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ user_name.__class__ }}",
        "{{ user_name|upper }}",
        "{{ f() }}",
        "{{ 7*7 }}",
        "{{ user_name",
        "user_name }}",
        "{% if x %}",
        "{# x #}",
        "{{ {{ user_name }} }}",
        "{{\nuser_name\n}}",
        "{{ a }}{%",
        "{{-user_name-}}",
    ],
)
def test_markup_beyond_placeholders(text: str) -> None:
    """No attribute, filter, call, expression, statement, comment or half of one."""
    refused(placeholders, text, "only plain placeholders")


def test_a_subject_is_one_line() -> None:
    """A line break in a subject would begin another header; one in a value is taken out when it is rendered."""
    with pytest.raises(ValidationError):
        EmailTemplate(subject="a\nBcc: x@y.example", body="b")
    subject, _ = EmailTemplate(subject="Hi {{ user_name }}", body="b").render({"user_name": "A\r\nBcc: x"})
    assert subject == "Hi A Bcc: x"


def test_values_are_never_templates() -> None:
    """A value that looks like a placeholder stays text; a missing value is an error, not an empty place."""
    template = EmailTemplate(subject="s", body="{{ user_name }}\n")
    assert template.render({"user_name": "{{ login_url }}"}) == ("s", "{{ login_url }}\n")
    with pytest.raises(KeyError, match="user_name"):
        template.render({})


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=100))
@example("{{ user_name }} } { }} ")
@example("{ { user_name } }")
@example("{{{ user_name }}}")
@example("{{ user_name }}}}")
def test_what_passes_renders_as_written(text: str) -> None:
    """A body that passes renders in the sandbox to itself with the placeholders replaced: Jinja sees no other markup than the check."""
    try:
        names = placeholders(text)
        template = EmailTemplate(subject="s", body=text)
    except (PydanticCustomError, ValidationError):
        return
    expected = text
    for name in names:
        expected = re.sub(r"\{\{ *" + name + r" *\}\}", "X", expected)
    body = template.render(dict.fromkeys(names, "X"))[1]
    assert body == expected.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("key", TEMPLATES)
def test_the_built_in_e_mails_keep_their_own_rules(key: str) -> None:
    """Each uses only placeholders it may use."""
    assert placeholders(BUILT_IN[key].subject) | placeholders(BUILT_IN[key].body) <= TEMPLATES[key].allowed


@pytest.mark.parametrize("text", ["", " a", "a ", "a\nb", "a\tb", "a\u202eb", "a\u200bb", "a\u2028b", "\ufeffa", "x" * 101])
def test_what_is_no_name(text: str) -> None:
    """A name is one visible line: nothing hidden, nothing that reorders what stands around it."""
    with pytest.raises(ValidationError):
        TypeAdapter(Line).validate_python(text)


@pytest.mark.parametrize("text", ["Acme GmbH", "Bücherei Nord", "株式会社アクメ", "O'Neill & Sons <3", "مقهى"])
def test_names(text: str) -> None:
    """Any script, any visible character."""
    assert TypeAdapter(Line).validate_python(text) == text
