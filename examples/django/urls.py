"""Where the views are."""

from django.urls import path
from tasks import views

urlpatterns = [path("", views.home), path("projects", views.projects), path("projects/<name>/tasks", views.tasks)]
