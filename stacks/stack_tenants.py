"""What a stack holds of each tenant: all of it, or, while a move is under way, tables only, or everything but the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.tenant import Tables
from tenantry.control.ledger import Ledger
from tenantry.control.open_moves import Move
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.placement import Location, Place, Row, row
from tenantry.settings import PlatformSettings


@dataclass(frozen=True)
class StackTenant:
    """One tenant in one stack."""

    declaration: TenantDeclaration
    """As the stack makes it: of a tenant that is being moved, isolation and cell are those of the move."""
    row: Row | None
    """The registry's row, where this stack holds the tenant; None: it holds tables only."""
    tables: tuple[Tables, ...]
    app_role: str
    """The role that the application uses now."""
    protect: bool
    """Whether its data refuses to be deleted."""
    signed: bool
    """Whether its rows, or those it is moving, are in this stack's shared tables and open to signed contexts only."""


def of_stack(book: Ledger, declared: Mapping[str, TenantDeclaration], settings: PlatformSettings) -> list[StackTenant]:
    """The tenants of ``book``'s stack, as the files and the moves under way have it."""
    held = []
    for slug, declaration in declared.items():
        move = book.moves.get(slug)
        found = _moving(declaration, move, book, settings) if move else _settled(declaration, book, settings)
        if found is not None:
            held.append(found)
    return held


def _settled(declaration: TenantDeclaration, book: Ledger, settings: PlatformSettings) -> StackTenant | None:
    if declaration.stack != book.stack:
        return None
    known = book.tenants.get(declaration.slug)
    place = Place.of(declaration, known.turn if known else 0)
    protect = _protected(declaration, book, settings)
    tables = () if place.shared else (Tables(place, declaration.state == "active", protect),)
    signed = place.shared and declaration.row_context == "signed"
    return StackTenant(
        declaration, row(declaration, settings, place), tables, Location.of(declaration.slug, place).app_role, protect, signed
    )


def _moving(declaration: TenantDeclaration, move: Move, book: Ledger, settings: PlatformSettings) -> StackTenant | None:
    slug, holder, protect = declaration.slug, move.holder, _protected(declaration, book, settings)
    holds = holder.stack(slug) == book.stack
    tables = tuple(
        Tables(
            place,
            keeping in ("standby", "live") and declaration.state == "active",
            keeping in ("live", "shut") and protect,
        )
        for place, keeping in move.keeping()
        if place.stack(slug) == book.stack
    )
    # At either end and to the end of the move: before the first row arrives, and until the last one is gone.
    shared = any(place.shared and place.stack(slug) == book.stack for place in (move.source, move.target))
    signed = shared and declaration.row_context == "signed"
    if not holds and not tables and not signed:
        return None
    here = declaration.model_copy(update={"isolation": holder.isolation, "cell": holder.cell})
    home = row(declaration, settings, move.home) if holds else None
    return StackTenant(here, home, tables, Location.of(slug, move.home).app_role, protect, signed)


def _protected(declaration: TenantDeclaration, book: Ledger, settings: PlatformSettings) -> bool:
    """All through its life and its hold, until its deletion has proved the final backup."""
    return settings.protects and not (declaration.state == "offboarding" and declaration.slug in book.released)
