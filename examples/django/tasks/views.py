"""Every tenant has its own projects and tasks, at its own host."""

import json

from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from tasks.models import Project, Task


def home(request):
    tenant = request.scope["tenant"]
    return JsonResponse({"tenant": tenant.slug, "model": tenant.isolation})


def projects(request):
    if request.method == "POST":
        made = Project.objects.create(name=json.loads(request.body)["name"])
        return JsonResponse({"id": made.id, "name": made.name}, status=201)
    return JsonResponse(list(Project.objects.order_by("name").values("id", "name")), safe=False)


def tasks(request, name):
    project = get_object_or_404(Project, name=name)
    if request.method == "POST":
        made = Task.objects.create(project=project, title=json.loads(request.body)["title"])
        return JsonResponse({"id": made.id, "title": made.title, "done": made.done}, status=201)
    return JsonResponse(list(project.tasks.order_by("title").values("id", "title", "done")), safe=False)
