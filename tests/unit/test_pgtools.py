"""What is kept of PostgreSQL's programs' words when they fail."""

from __future__ import annotations

import os

import pytest

from tenantry.errors import TransientError, WorkError
from tenantry.postgres import pgtools

RESTORE = """\
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3610; 0 16420 TABLE DATA documents acme
pg_restore: error: COPY failed for table "documents": ERROR:  new row for relation "documents" violates check constraint "short"
DETAIL:  Failing row contains (1, Ada's secret).
CONTEXT:  COPY documents, line 1: "1	Ada's secret"
Command was: INSERT INTO documents VALUES ('Ada''s secret')
"""
DUMP = """\
pg_dump: error: Dumping the contents of table "documents" failed: PQgetResult() failed.
pg_dump: detail: Error message from server: ERROR:  invalid page in block 7
CONTEXT:  Ada's secret
pg_dump: detail: Command was: COPY public.documents (id, title) TO stdout;
"""
PSQL = """\
ERROR:  canceling statement due to lock timeout
LINE 1: COPY (SELECT 'Ada''s secret' FROM documents)
                                          ^
HINT:  Ada's secret
"""


@pytest.mark.parametrize(
    ("said", "kept", "kind"),
    [
        (
            RESTORE,
            'COPY failed for table "documents": ERROR:  new row for relation "documents" violates check constraint "short"',
            WorkError,
        ),
        (DUMP, "PQgetResult() failed. / pg_dump: detail: Error message from server: ERROR:  invalid page in block 7", WorkError),
        (PSQL, "ERROR:  canceling statement due to lock timeout", TransientError),
        ("pg_dump: error: connection to server lost: server closed the connection unexpectedly\n", "unexpectedly", TransientError),
        ("", "exit code 3", WorkError),
    ],
)
@pytest.mark.parametrize("way", [pgtools.reading, pgtools.writing])
def test_the_error_is_kept_and_no_row_that_is_quoted_beside_it(way, said, kept, kind):
    """The line that names the error, and none of its details; a cause that passes is told from one that lasts."""
    command = ["sh", "-c", 'cat > /dev/null; printf "%s" "$SAID" >&2; exit 3']
    with pytest.raises(WorkError) as caught, way(command, {"PATH": os.environ["PATH"], "SAID": said}):
        pass
    assert type(caught.value) is kind
    assert caught.value.message.endswith(kept)
    assert "secret" not in caught.value.message
