"""Nodes, blacklists and settings by REST (`/disco/version`, `/disco/ctrl/…`)."""

from __future__ import annotations

from flask import Blueprint, Response

from ..events import BlacklistChanged, NodeTableSaved, SettingChanged
from ..model import NodeView
from ..node_table import TableError, check_table
from .config import doors
from .replies import Refusal, json_body, json_reply, unexpected, whole_number

SETTINGS_FORM = 'an object of strings, like {"max_failure_rate": "10"}'
MAX_FAILURE_RATE = 10_000_000

blueprint = Blueprint("admin", __name__)


@blueprint.get("/disco/version")
def version() -> Response:
    return json_reply(doors().config.version)


@blueprint.get("/disco/ctrl/nodeinfo")
def nodeinfo() -> Response:
    return json_reply({node.name: _node(node) for node in doors().master.view().nodes.values()})


def _node(node: NodeView) -> dict[str, object]:
    info: dict[str, object] = {
        "job_ok": node.job_ok,
        "data_error": node.data_error,
        "error": node.error,
        "max_workers": node.slots,
        "connected": node.connected,
        "blacklisted": node.blacklisted,
        "diskfree": node.disk_free_bytes // 1024,
        "diskused": node.disk_used_bytes // 1024,
    }
    return {**info, "tasks": node.running} if node.running else info


@blueprint.get("/disco/ctrl/load_config_table")
def load_config_table() -> Response:
    return json_reply(doors().master.view().node_table)


@blueprint.post("/disco/ctrl/save_config_table")
def save_config_table() -> Response:
    table = json_body(doors().config.max_control_bytes, 'rows of strings, like [["node01:12", "8"]]')
    try:
        rows = check_table(table)
    except TableError as error:
        return json_reply(str(error), 400)
    doors().master.tell(NodeTableSaved(rows))
    return json_reply("table saved!")


@blueprint.get("/disco/ctrl/get_blacklist")
def get_blacklist() -> Response:
    return json_reply(doors().master.view().blacklist)


@blueprint.get("/disco/ctrl/get_gc_blacklist")
def get_gc_blacklist() -> Response:
    return json_reply(doors().master.view().gc_blacklist)


@blueprint.post("/disco/ctrl/blacklist")
def blacklist() -> Response:
    return _list_node("tasks", listed=True)


@blueprint.post("/disco/ctrl/whitelist")
def whitelist() -> Response:
    return _list_node("tasks", listed=False)


@blueprint.post("/disco/ctrl/gc_blacklist")
def gc_blacklist() -> Response:
    return _list_node("gc", listed=True)


@blueprint.post("/disco/ctrl/gc_whitelist")
def gc_whitelist() -> Response:
    return _list_node("gc", listed=False)


def _list_node(kind: str, *, listed: bool) -> Response:
    """Unknown hosts are passed over in silence, as clients expect (M486)."""
    host = json_body(doors().config.max_control_bytes, "a host name as a string")
    if not isinstance(host, str):
        raise unexpected("a host name as a string")
    view = doors().master.view()
    if host in view.nodes or (not listed and host in (*view.blacklist, *view.gc_blacklist)):
        doors().master.tell(BlacklistChanged(kind, host, listed))
    return json_reply("")


@blueprint.get("/disco/ctrl/get_settings")
def get_settings() -> Response:
    return json_reply({"max_failure_rate": doors().master.view().max_failure_rate})


@blueprint.post("/disco/ctrl/save_settings")
def save_settings() -> Response:
    settings = json_body(doors().config.max_control_bytes, SETTINGS_FORM)
    if not isinstance(settings, dict) or not all(isinstance(value, str) for value in settings.values()):
        raise unexpected(SETTINGS_FORM)
    rate = settings.get("max_failure_rate")
    if rate is not None:
        doors().master.tell(SettingChanged("max_failure_rate", _failure_rate(rate)))
    return json_reply("Settings saved")


def _failure_rate(text: str) -> int:
    rate = whole_number(text)
    if rate is None or not 1 <= rate <= MAX_FAILURE_RATE:
        raise Refusal(400, f"max_failure_rate: expected a whole number from 1 to {MAX_FAILURE_RATE}")
    return rate
