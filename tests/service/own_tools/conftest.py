"""What tests of an application's own migration tool take from others."""

from tests.service.backup.test_restore import inline  # noqa: F401  # a fixture
