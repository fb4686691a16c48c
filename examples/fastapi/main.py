"""Projects and their tasks: every tenant has its own, at its own host."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from store import directory, session
from tables import Project, Task

from tenantry.app.asgi import TenantMiddleware

app = FastAPI(title="Tasks")
app.add_middleware(TenantMiddleware, directory=directory, exempt=frozenset({"/health"}))

# The scope "function" ends before the answer is sent: what was not committed was not promised.
Rows = Annotated[Session, Depends(session, scope="function")]


class NewProject(BaseModel):
    name: str


class NewTask(BaseModel):
    title: str


@app.exception_handler(OperationalError)
def try_again(request: Request, error: OperationalError) -> Response:
    """The tenant's store does not let us in: it moves, or it was shut this moment. Nothing was written; the next look-up knows."""
    directory.forget(request.scope["tenant"].id)
    return JSONResponse({"detail": "One moment, please try again."}, 503, {"Retry-After": "1"})


@app.get("/health")
def health() -> str:
    return "ok"


@app.get("/")
def home(request: Request) -> dict[str, Any]:
    tenant = request.scope["tenant"]
    return {"tenant": tenant.slug, "model": tenant.isolation, "reports": tenant.settings.get("features.reports", False)}


@app.get("/projects")
def projects(rows: Rows) -> list[dict[str, Any]]:
    return [{"id": project.id, "name": project.name} for project in rows.scalars(select(Project).order_by(Project.id))]


@app.post("/projects", status_code=201)
def add_project(new: NewProject, rows: Rows) -> dict[str, Any]:
    rows.add(project := Project(new.name))
    rows.flush()
    return {"id": project.id, "name": project.name}


@app.get("/projects/{number}/tasks")
def tasks(number: int, request: Request, rows: Rows) -> list[dict[str, Any]]:
    few = request.scope["tenant"].settings["tasks.per_page"]
    found = rows.scalars(select(Task).where(Task.project_id == number).order_by(Task.id.desc()).limit(few))
    return [{"id": task.id, "title": task.title, "done": task.done} for task in found]


@app.post("/projects/{number}/tasks", status_code=201)
def add_task(number: int, new: NewTask, rows: Rows) -> dict[str, Any]:
    if rows.scalar(select(Project.id).where(Project.id == number)) is None:
        raise HTTPException(404, "no such project")
    rows.add(task := Task(number, new.title))
    rows.flush()
    return {"id": task.id, "title": task.title, "done": task.done}


@app.get("/report")
def report(request: Request, rows: Rows) -> dict[str, int]:
    """For tenants that have bought it: a feature of the tenant's file, its tier or `tenantry config set`."""
    if not request.scope["tenant"].settings.get("features.reports", False):
        raise HTTPException(403, "reports are not part of your plan")
    return {name: count for name, count in rows.execute(select(Project.name, func.count()).join(Project.tasks).group_by(Project.name))}
