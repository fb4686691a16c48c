"""The application's tables as revisions/0002_tasks.sql makes them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import FetchedValue, ForeignKeyConstraint, Identity
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship


class Base(MappedAsDataclass, DeclarativeBase):
    """Names have no schema: the tenant's context says where they are."""


class Project(Base):
    __tablename__ = "projects"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue(), init=False, repr=False)
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True, init=False)
    name: Mapped[str]
    tasks: Mapped[list[Task]] = relationship(order_by="Task.id", init=False, repr=False)


class Task(Base):
    __tablename__ = "tasks"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "project_id"], ["projects.tenant_id", "projects.id"]),)

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue(), init=False, repr=False)
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True, init=False)
    project_id: Mapped[int]
    title: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)
