"""List and show incidents, and resolve one.

rollout-spec incident list                  open incidents; --all: all of them
rollout-spec incident show ID               one, and the command that ends it
rollout-spec incident resolve ID --cleared  the version may return
rollout-spec incident resolve ID --bad      it stays quarantined for good

`list` and `show` read the live branch and the branches of the remote. `resolve` edits the incident's file, and keeps
its comments and layout. The result is checked before it is written.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.cli.help import HelpFormatter
from rollout_spec.cli.incident_options import configure_resolve
from rollout_spec.domain.incident_records import ENDED, WorkspaceIncidents

ACTIONS = {
    "list": "list open incidents",
    "show": "show one incident, and the command that ends it",
    "resolve": "resolve an incident: its version was not the cause, or it is bad",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="|".join(ACTIONS), required=True)
    for name, text in ACTIONS.items():
        own = actions.add_parser(
            name, help=text, description=f"{text.capitalize()}.", formatter_class=HelpFormatter, allow_abbrev=False
        )
        own.add_argument("--repo", metavar="DIR", default=argparse.SUPPRESS, help="work as if started in DIR")
        if name == "resolve":
            configure_resolve(own)
            continue
        if name == "list":
            own.add_argument("rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts (default: all)")
            own.add_argument("--all", action="store_true", help="resolved incidents too")
        else:
            own.add_argument("incident", metavar="ID", help="the name of the incident: fraud-42")
        own.add_argument("--offline", action="store_true", help="do not ask the remote")
        own.add_argument("--format", choices=("text", "json"), default="text", help="the format (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Run the action."""
    if arguments.action == "list":
        return _list(arguments)
    if arguments.action == "show":
        return _show(arguments)
    from rollout_spec.cli.incident_resolve import run_resolve

    return run_resolve(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from rollout_spec.reports.incident_json import incidents_json
    from rollout_spec.reports.incident_table import WIDTH, incident_table
    from rollout_spec.workflows.incidents import incidents_of

    incidents = incidents_of(arguments.rollouts, place.find_anywhere(arguments), is_offline=arguments.offline)
    shown = incidents if arguments.all else incidents.without_resolved()
    if arguments.format == "json":
        sys.stdout.write(json_text(incidents_json(shown)))
    else:
        width = max(WIDTH, shutil.get_terminal_size().columns) if terminal.is_watched(sys.stdout) else WIDTH
        table = incident_table(shown.records, clock(), color=terminal.colors(sys.stdout), width=width)
        sys.stdout.write(terminal.without_commands(table))
    for record in shown.records:
        if facts := [fact for fact in (record.problem, record.note) if fact is not None]:
            terminal.say(f"{record.name}: {'; '.join(facts)}")
    terminal.say(_summary(incidents, len(incidents.records) - len(shown.records)))
    if shown.records:
        terminal.say(f"`rollout-spec incident show {terminal.harmless(shown.records[0].name)}` shows the first one")
    _say_not_asked(incidents)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from rollout_spec.reports.incident_json import incident_json
    from rollout_spec.reports.incident_text import incident_text
    from rollout_spec.workflows.incident_detail import incident_of

    here = place.find_anywhere(arguments)
    incidents, detail = incident_of(arguments.incident, here, is_offline=arguments.offline)
    if arguments.format == "json":
        sys.stdout.write(json_text(incident_json(incidents, detail)))
    else:
        sys.stdout.write(terminal.without_commands(incident_text(detail, clock())))
    _say_not_asked(incidents)
    return 0


def _summary(incidents: WorkspaceIncidents, left_out: int) -> str:
    """Return the number of incidents in each state, and of those that are not shown."""
    counts: dict[str, int] = {}
    for record in incidents.records:
        state = "resolved" if record.state in ENDED else record.state
        counts[state] = counts.get(state, 0) + 1
    where = f" on {incidents.branch} at {incidents.commit[:12]}" if incidents.commit is not None else ""
    counted = ", ".join(f"{count:,} {state}" for state, count in counts.items()) or "none"
    hidden = "; --all lists the resolved ones" if left_out else ""
    return f"incidents{where}: {counted}{hidden}"


def _say_not_asked(incidents: WorkspaceIncidents) -> None:
    if incidents.not_asked is not None:
        terminal.say(f"the remote was not asked, so unmerged incidents are unknown: {incidents.not_asked}")
