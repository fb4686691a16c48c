"""`aws.iam.Role` and `aws.iam.RolePolicy`."""

import json
from typing import Any, ClassVar
from urllib.parse import unquote

from local.plugins.aws import documents
from local.plugins.aws.client import Client
from local.plugins.aws.tags import listed, mapped, removed
from local.plugins.framework import Context, Field, Props, ProviderError

GONE = ("NoSuchEntity",)


class Role(documents.WithDocument):
    """A role; its id is its name."""

    token = "aws:iam/role:Role"  # noqa: S105
    document = "assumeRolePolicy"
    fields: ClassVar = {
        "assumeRolePolicy": Field(required=True),
        "name": Field(autoname=True, replaces=True),
        "path": Field(default="/", replaces=True),
        "description": Field(),
        "forceDetachPolicies": Field(bool, default=False),
        "maxSessionDuration": Field(int, default=3600),
        "permissionsBoundary": Field(),
        "managedPolicyArns": Field(list, computed=True, unordered=True),
        "inlinePolicies": Field(list, output=True),
        "tags": Field(dict),
        "tagsAll": Field(dict, output=True),
        **{name: Field(output=True) for name in ("arn", "createDate", "uniqueId")},
    }

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        sent: Props = {"RoleName": new["name"], "AssumeRolePolicyDocument": new["assumeRolePolicy"]}
        for name, api in (("path", "Path"), ("description", "Description"), ("maxSessionDuration", "MaxSessionDuration")):
            if new.get(name):
                sent[api] = new[name]
        if new.get("permissionsBoundary"):
            sent["PermissionsBoundary"] = new["permissionsBoundary"]
        if tags := client.tags(new):
            sent["Tags"] = listed(tags)
        client.call("iam", "create_role", _named(new["name"]), **sent)
        try:
            self._attach(client, new["name"], [], new.get("managedPolicyArns") or [])
        except ProviderError:
            self.delete(client, new["name"], new | {"forceDetachPolicies": True}, ctx)
            raise
        return new["name"], self.read(client, new["name"], new, ctx) or {}

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        answer = client.find("iam", "get_role", _named(id), GONE, RoleName=id)
        if answer is None:
            return None
        role = answer["Role"]
        attached = client.call("iam", "list_attached_role_policies", _named(id), RoleName=id)["AttachedPolicies"]
        tags = client.call("iam", "list_role_tags", _named(id), RoleName=id)["Tags"]
        return {
            "name": id,
            "arn": role["Arn"],
            "path": role["Path"],
            "uniqueId": role["RoleId"],
            "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "description": role.get("Description", ""),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"], state.get("assumeRolePolicy")),
            "managedPolicyArns": sorted(policy["PolicyArn"] for policy in attached),
            **mapped(tags, client.default_tags),
        }

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        what, tags = _named(id), client.tags(new)
        if not self.same("assumeRolePolicy", old.get("assumeRolePolicy"), new["assumeRolePolicy"]):
            client.call("iam", "update_assume_role_policy", what, RoleName=id, PolicyDocument=new["assumeRolePolicy"])
        if any(not self.same(name, old.get(name), new.get(name)) for name in ("description", "maxSessionDuration")):
            sent = {"Description": new.get("description") or "", "MaxSessionDuration": new["maxSessionDuration"]}
            client.call("iam", "update_role", what, RoleName=id, **sent)
        if not self.same("permissionsBoundary", old.get("permissionsBoundary"), new.get("permissionsBoundary")):
            if new.get("permissionsBoundary"):
                client.call("iam", "put_role_permissions_boundary", what, RoleName=id, PermissionsBoundary=new["permissionsBoundary"])
            else:
                client.call("iam", "delete_role_permissions_boundary", what, RoleName=id)
        self._attach(client, id, old.get("managedPolicyArns") or [], new.get("managedPolicyArns") or [])
        if gone := removed(old.get("tagsAll") or {}, tags):
            client.call("iam", "untag_role", what, RoleName=id, TagKeys=gone)
        if tags:
            client.call("iam", "tag_role", what, RoleName=id, Tags=listed(tags))
        return {"tagsAll": tags}

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        attached = client.find("iam", "list_attached_role_policies", _named(id), GONE, RoleName=id)
        if attached is None:
            return
        if state.get("forceDetachPolicies") or state.get("managedPolicyArns"):
            self._attach(client, id, [policy["PolicyArn"] for policy in attached["AttachedPolicies"]], [])
        if state.get("forceDetachPolicies"):
            for name in client.call("iam", "list_role_policies", _named(id), RoleName=id)["PolicyNames"]:
                client.call("iam", "delete_role_policy", _named(id), RoleName=id, PolicyName=name)
        client.find("iam", "delete_role", _named(id), GONE, RoleName=id)

    def _attach(self, client: Client, name: str, old: list[str], new: list[str]) -> None:
        for operation, arns in (("detach_role_policy", set(old) - set(new)), ("attach_role_policy", set(new) - set(old))):
            for arn in sorted(arns):
                client.call("iam", operation, _named(name), RoleName=name, PolicyArn=arn)


class RolePolicy(documents.WithDocument):
    """A policy inside a role; its id is `role:name`. Creating one sets it, whatever it was."""

    token = "aws:iam/rolePolicy:RolePolicy"  # noqa: S105
    fields: ClassVar = {
        "role": Field(required=True, replaces=True),
        "policy": Field(required=True),
        "name": Field(autoname=True, replaces=True),
    }

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        self._put(client, new)
        return f"{new['role']}:{new['name']}", {}

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        role, separator, name = id.partition(":")
        if not separator:
            raise ProviderError(f"{id!r} is no import id of a role's policy.", "Give '<role>:<policy>'.")
        answer = client.find("iam", "get_role_policy", f"policy {id}", GONE, RoleName=role, PolicyName=name)
        if answer is None:
            return None
        return {"role": role, "name": name, "policy": _text(answer["PolicyDocument"], state.get("policy"))}

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        self._put(client, new)
        return {}

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        client.find("iam", "delete_role_policy", f"policy {id}", GONE, RoleName=state["role"], PolicyName=state["name"])

    def _put(self, client: Client, new: Props) -> None:
        what = f"policy {new['role']}:{new['name']}"
        client.call("iam", "put_role_policy", what, RoleName=new["role"], PolicyName=new["name"], PolicyDocument=new["policy"])


def _named(name: str) -> str:
    return f"IAM role {name}"


def _text(document: Any, known: Any) -> str:
    """The document as text; in the program's own spelling where it means the same."""

    text = unquote(document) if isinstance(document, str) else json.dumps(document)
    return known if isinstance(known, str) and documents.same(known, text) else text
