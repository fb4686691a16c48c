"""`tenantry --help`: every command in one group, in the order in which they are met, with one line each."""

from __future__ import annotations

from typing import Any, Final

from typer.core import TyperGroup

PANELS: Final = {
    "Declarations": {
        "new": "Write a new tenant's file, in a cell that has room.",
        "validate": "Check every declaration and show every problem.",
        "render": "Show a file with its tier's defaults, or what a branch changes.",
        "list": "List the declared tenants.",
        "schema": "Print the JSON Schema of a tenant's file, for editors.",
    },
    "Tenants": {
        "provision": "Make a tenant and send its administrator the welcome mail.",
        "status": "Show the tenants, where each lives, and what is pending.",
        "invite": "Invite somebody, or give the first administrator a new link.",
        "invitations": "Show who is invited to a tenant, and who came.",
        "invitation": "Take an invitation back.",
        "mail-domain": "Show the domains by which people come in; prove them.",
        "sso": "Show a tenant's own single sign-on; set its secret.",
        "user": "Show a tenant's users, change, remove or sign them in.",
        "accept": "Accept an invitation: its person becomes a user.",
        "portal-link": "Make a link that opens one page of a tenant's, once.",
        "config": "Show, set and undo configuration at runtime.",
        "branding": "Write how a tenant looks as files, for builds.",
        "credentials": "Show how an application connects to a tenant; renew passwords.",
        "move": "Move a tenant to another isolation model or cell.",
        "moves": "Show current and past moves.",
        "suspend": "Shut a tenant out at once and keep its data.",
        "reactivate": "Let a suspended tenant in again.",
        "offboard": "Shut a tenant out and hold its data; after that, delete it.",
        "undelete": "Bring an off-boarded tenant back.",
        "legal-hold": "Set and lift legal holds: under one nothing is deleted.",
        "deletion": "Show, export and verify the signed records of deletions.",
        "quarantine": "Show and release the names of deleted tenants.",
        "resolve": "Show which tenant a host name or an invitation leads to.",
    },
    "Data": {
        "backup": "Save a tenant's data; list, check and prune backups.",
        "restore": "Bring a tenant's data back, and rehearse it.",
        "clone": "Copy a tenant for staging, anonymised.",
        "migrate": "Bring the tenant tables to the newest revision.",
        "usage": "Show what the tenants use, and which limits are near.",
    },
    "Platform": {
        "preview": "Show what `up` would do, and change nothing.",
        "up": "Make a stack, or all of them, what the files say.",
        "state": "Show the engine's states; adopt one where it was lost.",
        "admin": "Sign in the platform's administrators; list and end them.",
        "key": "Make, list and end keys of the service's API.",
        "webhook": "Tell partners' programs what happens to their tenants.",
        "row-context": "Replace the key that signs row contexts of rls tenants.",
        "doctor": "Check all that a run needs, and say what to do.",
    },
    "Work": {
        "proposals": "Show what waits on a forge, and what came of it.",
        "serve": "Start the service: the API that partners ask.",
        "worker": "Take runs from the queue and do them.",
        "log": "Show what happened, when, by whom, and its outcome.",
        "audit": "Show who did what, and who read what by the service.",
        "resume": "Resume a run that failed, at the step that failed.",
        "cron": "Show, run and compare the scheduled tasks.",
        "mail": "Show, send and retry the mails of the outbox.",
    },
    "Local": {
        "local": "Start and stop the local cloud on 127.0.0.1.",
    },
}


class Overview(TyperGroup):
    """The command line itself: its commands in groups."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        named = {}
        for panel, lines in PANELS.items():
            for name, line in lines.items():
                command: Any = self.commands.get(name)
                if command is not None:  # a program that registers some of them only
                    command.rich_help_panel, command.short_help = panel, line
                    named[name] = command
        self.commands = {**named, **self.commands}
