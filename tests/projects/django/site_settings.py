"""A Django project that was there before Tenantry: of the store it knows what libpq's variables say."""

import os

SECRET_KEY = "not a secret: this project serves nobody"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ.get("PGDATABASE", "")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
