"""`aws.acm.Certificate`, requested from Amazon with DNS or e-mail validation."""

import time
from typing import Any, ClassVar

from local.plugins.aws.client import Client
from local.plugins.aws.tags import listed, mapped, removed
from local.plugins.framework import Context, Field, Props, ProviderError, ResourceType

GONE = ("ResourceNotFoundException",)
RECORDS_SECONDS = 300  # ACM names the validation records a little after the request
OPTIONS = {"certificateTransparencyLoggingPreference": "CertificateTransparencyLoggingPreference", "export": "Export"}


class Certificate(ResourceType):
    """A certificate; its id is its ARN. Nothing here waits for its validation."""

    token = "aws:acm/certificate:Certificate"  # noqa: S105
    fields: ClassVar = {
        "domainName": Field(computed=True, replaces=True),
        "subjectAlternativeNames": Field(list, computed=True, replaces=True, unordered=True),
        "validationMethod": Field(computed=True, replaces=True, choices=("DNS", "EMAIL", "HTTP")),
        "validationOptions": Field(list, replaces=True, unordered=True),
        "keyAlgorithm": Field(computed=True, replaces=True),
        "options": Field(dict, computed=True),
        "region": Field(computed=True, replaces=True),
        "tags": Field(dict),
        "tagsAll": Field(dict, output=True),
        **{name: Field(output=True) for name in ("arn", "notAfter", "notBefore", "renewalEligibility", "status", "type")},
        "domainValidationOptions": Field(list, output=True, unordered=True),
        "validationEmails": Field(list, output=True),
        "renewalSummaries": Field(list, output=True),
        "pendingRenewal": Field(bool, output=True),
    }

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        domain, others = inputs.get("domainName"), inputs.get("subjectAlternativeNames")
        if domain is None:
            return [("domainName", "the stand-in requests certificates, it imports none: domainName is required")]
        if inputs.get("validationMethod") is None:
            return [("validationMethod", "`validation_method` must be set when creating an ACM certificate")]
        names = [domain, *(others if isinstance(others, list) else [])]
        wrong = [name for name in names if isinstance(name, str) and name.endswith(".")]
        if isinstance(others, list) and domain not in others:
            # ACM adds the domain itself to the alternative names; so does the official provider's plan.
            inputs["subjectAlternativeNames"] = [domain, *others]
        return [("domainName", f"{name!r} cannot end with a period") for name in wrong]

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        sent: Props = {"DomainName": new["domainName"], "ValidationMethod": new["validationMethod"]}
        others = [name for name in new.get("subjectAlternativeNames") or [] if name != new["domainName"]]
        if others:
            sent["SubjectAlternativeNames"] = others
        if new.get("keyAlgorithm"):
            sent["KeyAlgorithm"] = new["keyAlgorithm"]
        if new.get("options"):
            sent["Options"] = {OPTIONS[name]: value for name, value in new["options"].items() if name in OPTIONS}
        if new.get("validationOptions"):
            sent["DomainValidationOptions"] = [
                {"DomainName": each["domainName"], "ValidationDomain": each["validationDomain"]} for each in new["validationOptions"]
            ]
        if tags := client.tags(new):
            sent["Tags"] = listed(tags)
        arn = client.call("acm", "request_certificate", _named(new["domainName"]), new.get("region"), **sent)["CertificateArn"]
        return arn, self._wait_for_records(client, arn, new, ctx)

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        region = id.split(":")[3] if id.startswith("arn:") else state.get("region")
        answer = client.find("acm", "describe_certificate", _named(id), GONE, region, CertificateArn=id)
        if answer is None:
            return None
        found = answer["Certificate"]
        tags = client.call("acm", "list_tags_for_certificate", _named(id), region, CertificateArn=id)["Tags"]
        validations = found.get("DomainValidationOptions", [])
        options = found.get("Options", {})
        issued = found["Status"] == "ISSUED"
        return {
            "id": id,
            "arn": id,
            "region": region,
            "domainName": found["DomainName"],
            "subjectAlternativeNames": sorted(found.get("SubjectAlternativeNames", []), key=lambda name: name != found["DomainName"]),
            "validationMethod": next((each["ValidationMethod"] for each in validations if each.get("ValidationMethod")), "NONE"),
            "domainValidationOptions": sorted(map(_record, filter(_has_record, validations)), key=lambda each: each["domainName"]),
            "validationEmails": sorted({mail for each in validations for mail in each.get("ValidationEmails", [])}),
            "keyAlgorithm": found.get("KeyAlgorithm", "RSA_2048").replace("-", "_"),
            "options": {name: options[api] for name, api in OPTIONS.items() if options.get(api)},
            "status": found["Status"],
            "type": found["Type"],
            "renewalEligibility": found.get("RenewalEligibility", ""),
            "renewalSummaries": [],
            "pendingRenewal": False,
            "notBefore": found["NotBefore"].isoformat() if issued and "NotBefore" in found else "",
            "notAfter": found["NotAfter"].isoformat() if issued and "NotAfter" in found else "",
            **mapped(tags, client.default_tags),
        }

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        what, region, tags = _named(new["domainName"]), new.get("region"), client.tags(new)
        if gone := removed(old.get("tagsAll") or {}, tags):
            listing = [{"Key": key} for key in gone]
            client.call("acm", "remove_tags_from_certificate", what, region, CertificateArn=id, Tags=listing)
        if tags:
            client.call("acm", "add_tags_to_certificate", what, region, CertificateArn=id, Tags=listed(tags))
        if not self.same("options", old.get("options"), new.get("options")):
            options = {OPTIONS[name]: value for name, value in new["options"].items() if name in OPTIONS}
            client.call("acm", "update_certificate_options", what, region, CertificateArn=id, Options=options)
        return {"tagsAll": tags}

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        client.find("acm", "delete_certificate", _named(state["domainName"]), GONE, state.get("region"), CertificateArn=id)

    def _wait_for_records(self, client: Client, arn: str, new: Props, ctx: Context) -> Props:
        expected = len({new["domainName"], *(new.get("subjectAlternativeNames") or [])})
        deadline = time.monotonic() + RECORDS_SECONDS
        while True:
            found = self.read(client, arn, new, ctx)
            if found and (new["validationMethod"] != "DNS" or len(found["domainValidationOptions"]) >= expected):
                return found
            if time.monotonic() > deadline:
                client.find("acm", "delete_certificate", _named(new["domainName"]), GONE, new.get("region"), CertificateArn=arn)
                raise ProviderError(f"{_named(new['domainName'])}: ACM named no validation records.", "Run again.")
            time.sleep(1)


def _named(name: str) -> str:
    return f"ACM certificate {name}"


def _has_record(validation: Props) -> bool:
    return "ResourceRecord" in validation


def _record(validation: Props) -> dict[str, Any]:
    record = validation["ResourceRecord"]
    return {
        "domainName": validation["DomainName"],
        "resourceRecordName": record["Name"],
        "resourceRecordType": record["Type"],
        "resourceRecordValue": record["Value"],
    }
