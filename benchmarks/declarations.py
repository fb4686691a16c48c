"""Loading and validating 10,000 declarations against merely parsing the same files with PyYAML's C loader.

    python benchmarks/declarations.py [--count 10000] [--json]

Both are timed over the same files in one run, in turns, by processor time (wall time is shown as well); the aim is a ratio of 3 at most.
Every file differs in what is dear to check: address, host name, colours, CSS, an e-mail. Then what they were in a commit, and what differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tenantry.declaration import history
from tenantry.declaration.loader import load
from tenantry.declaration.tree import Tree

AIM = 3.0
AIM_SECONDS = 2.0
DEFAULTS = {
    "starter": "isolation: rls\nlimits: {storage_gb: 5, users: 10, connections: 5}\n",
    "business": "isolation: schema\nfeatures: {reports: true}\nlimits: {storage_gb: 20, users: 100, connections: 10}\n",
}


def declaration(number: int) -> str:
    """A file of 25 to 30 lines, as people write them."""
    domains = f"domains:\n  - portal.customer-{number}.example\n" if number % 4 == 0 else ""
    css = f"  css: ':root {{ --radius: {number % 40}px }} .button-{number} {{ border-radius: var(--radius) }}'\n" if number % 5 == 0 else ""
    return f"""\
# Customer {number}, since 2026
name: Customer {number} Ltd
tier: {"business" if number % 3 else "starter"}
isolation: {"schema" if number % 3 else "rls"}
cell: c{number // 500}
admin:
  name: Ada Number {number}
  email: ada.{number}@customer-{number}.example
{domains}branding:
  app_name: Desk {number}
theme:
  primary: "#{number % 0xFFFFFF:06x}"
  secondary: "#{number * 7 % 0xFFFFFF:06x}"
  font: Inter
{css}features:
  reports: true
  exports: {"true" if number % 2 else "false"}
email_templates:
  welcome:
    subject: Welcome to Desk {number}, {{{{ user_name }}}}
legal:
  terms: https://customer-{number}.example/terms
  privacy: https://customer-{number}.example/privacy
limits:
  users: {10 + number % 90}
labels:
  region: emea
"""


def measure(count: int) -> dict[str, Any]:
    """Seconds of both over ``count`` files, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "defaults").mkdir()
        for tier, text in DEFAULTS.items():
            (directory / "defaults" / f"{tier}.yaml").write_text(text)
        files = [directory / f"customer-{number}.yaml" for number in range(count)]
        for number, file in enumerate(files):
            file.write_text(declaration(number))

        def parse() -> None:
            for file in files:
                yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)

        load(directory)  # both sides begin with a warm page cache and imported modules
        forget()
        parsed, loaded = timed(parse), timed(lambda: load(directory))
        forget()
        again, loaded_again = timed(parse), timed(lambda: load(directory))
        parsed, loaded = min(parsed, again), min(loaded, loaded_again)
        compared = {"100 edited": against_a_commit(directory, files[:100]), "all edited": against_a_commit(directory, files)}
    return {
        "declarations": count,
        "parse_cpu_s": round(parsed[0], 3),
        "load_cpu_s": round(loaded[0], 3),
        "parse_wall_s": round(parsed[1], 3),
        "load_wall_s": round(loaded[1], 3),
        "ratio": round(loaded[0] / parsed[0], 2),
        "ratio_wall": round(loaded[1] / parsed[1], 2),
        "aim": AIM,
        "met": loaded[0] / parsed[0] <= AIM,
        "against a commit, 100 edited": {"seconds": round(compared["100 edited"], 3), "aim_seconds": AIM_SECONDS},
        "against a commit, all edited": {"seconds": round(compared["all edited"], 3)},
    }


def against_a_commit(directory: Path, edited: list[Path]) -> float:
    """Wall seconds of what `provision --changed-since` does after loading the folder: the better of two, ``edited`` since the commit."""
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@x.example", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=directory, check=True)
    for file in edited:
        file.write_text(file.read_text().replace("users: ", "users: 1"))
    now = Tree.of(directory, load(directory))

    def compare() -> None:
        forget()
        if len(found := history.differences(history.load_revision(directory, "HEAD", now), now)) != len(edited):
            raise RuntimeError(f"{len(found)} tenants differ, and {len(edited)} were edited")

    return min(timed(compare)[1] for _ in range(2))


def forget() -> None:
    """Empty the validators' caches, as in a new process."""
    from tenantry import hosts
    from tenantry.declaration import css, mail

    for cached in (css.check_css, hosts.canonical_host, hosts.check_link, mail.check_email, mail.placeholders):
        cached.cache_clear()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall seconds of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Print the table or, with ``--json``, the object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.count)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{result['declarations']:,} declarations         cpu        wall")
    print(f"parse with CSafeLoader   {result['parse_cpu_s']:8.2f} s {result['parse_wall_s']:8.2f} s")
    print(f"load and validate        {result['load_cpu_s']:8.2f} s {result['load_wall_s']:8.2f} s")
    print(f"ratio                    {result['ratio']:8.2f}   {result['ratio_wall']:8.2f}     (aim: {AIM})")
    for name in ("100 edited", "all edited"):
        print(f"against a commit, {name:<10}            {result[f'against a commit, {name}']['seconds']:8.2f} s")


if __name__ == "__main__":
    main()
