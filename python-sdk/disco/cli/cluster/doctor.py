"""`disco doctor`: what is wrong with this machine, the master and the nodes, and what to do about it."""

from __future__ import annotations

import click

from ..failing import EXIT_ERROR
from ..frame import Command, session


@click.command(cls=Command)
def doctor() -> None:
    """Look for what is wrong: settings, packages, disks, secret, certificates, names, master, nodes, ports.

    Nothing is changed. On a node it looks at that node's settings and at the master from there.

    Output: `ok CHECK: TEXT` or `BAD CHECK: TEXT` with `  -> ADVICE` below, a line each. JSON: a list of
    {"check", "ok", "text", "advice"}. The exit status is 1 if anything is bad.

    \b
    Example:
      $ disco doctor
      ok  disk: DISCO_DATA /srv/disco/data: 812.4 GiB free
      BAD node node7: is not connected
            -> start it there (`disco node`); its log says why it does not connect; or take its row away
    """
    from .checks import Finding, examine

    found = session()
    findings: list[Finding] = []
    for finding in examine(found.settings):
        findings.append(finding)
        if not found.json:  # each at once: some take seconds
            click.echo(f"{'BAD' if finding.is_bad else 'ok '} {finding.check}: {finding.text}")
            if finding.is_bad:
                click.echo(f"      -> {finding.advice}")
    if found.json:
        rows = [{"check": f.check, "ok": not f.is_bad, "text": f.text, "advice": f.advice} for f in findings]
        found.emit(rows)
    if any(finding.is_bad for finding in findings):
        click.get_current_context().exit(EXIT_ERROR)
