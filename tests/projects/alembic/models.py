"""The models of an application on SQLAlchemy that was there before Tenantry."""

from sqlalchemy import ForeignKeyConstraint, Integer, MetaData, PrimaryKeyConstraint, Text, Uuid, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

TENANT = text("NULLIF(current_setting('app.tenant_id', true), '')::uuid")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={"pk": "%(table_name)s_pkey", "fk": "%(table_name)s_%(referred_table_name)s"})


class Project(Base):
    __tablename__ = "projects"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "id"),)
    tenant_id: Mapped[Uuid] = mapped_column(Uuid, server_default=TENANT)
    id: Mapped[int] = mapped_column(Integer, autoincrement=False)
    title: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)


class Task(Base):
    __tablename__ = "tasks"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "project_id", "number"),
        ForeignKeyConstraint(["tenant_id", "project_id"], ["projects.tenant_id", "projects.id"], ondelete="CASCADE"),
    )
    tenant_id: Mapped[Uuid] = mapped_column(Uuid, server_default=TENANT)
    project_id: Mapped[int] = mapped_column(Integer)
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)


class Note(Base):
    __tablename__ = "notes"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "id"),)
    tenant_id: Mapped[Uuid] = mapped_column(Uuid, server_default=TENANT)
    id: Mapped[Uuid] = mapped_column(Uuid, server_default=text("gen_random_uuid()"))
    body: Mapped[str] = mapped_column(Text)
