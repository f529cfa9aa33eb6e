"""The pages in a browser: what their scripts do (M513-M515, M509)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from unit.web.browser import CHROMIUM, Page, browser
from unit.web.fakes import Site, job_view, node_view

from disco_master.events import BlacklistChanged, JobKilled, NodeTableSaved, SettingChanged

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
JOB = "wc@1:2:3"
NODES = {name: node_view(name, running=()) for name in ("n1", "n2")}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if subprocess.run([str(CHROMIUM), "--version"], capture_output=True).returncode:
        pytest.skip("what is called Chromium here is only a hint at how to install it")
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


def test_the_node_table_is_edited_in_its_place(site: Site, page: Page) -> None:
    """M513: a cell is changed, a row removed, one added; what is no table is refused with the reason."""
    site.master.change(nodes=NODES, node_table=(("n1", "2"), ("n2", "4")))
    page.open(f"{site.url}/config.html")
    assert page.run("document.querySelectorAll('tbody tr').length") == 2
    page.run("document.querySelector('tbody tr:last-child [data-edit=remove]').click()")
    page.run("document.querySelector('tbody input[inputmode]').value = '8'")
    page.run("document.querySelector('[data-edit=add]').click()")
    page.run("document.activeElement.value = 'n1'")
    page.run("document.querySelector('tbody tr:last-child input[inputmode]').value = '1'")
    page.run("void setTimeout(() => document.querySelector('.table .actions button:last-child').click())")
    assert "duplicate nodes" in page.answer()
    assert site.master.events == []
    page.run("document.querySelector('tbody tr:last-child input').value = ' nx01:03 '")
    page.run("document.querySelector('.table .actions button:last-child').click()")
    page.until("document.querySelector('tbody tr:last-child input')?.getAttribute('value') == 'nx01:03'")
    assert site.master.events == [NodeTableSaved((("n1", "8"), ("nx01:03", "1")))]


@pytest.mark.parametrize(("kind", "box"), [("tasks", 0), ("gc", 1)])
def test_a_name_is_put_on_a_blacklist_and_taken_off(site: Site, page: Page, kind: str, box: int) -> None:
    """M514: entered, it is on the list; a click on it takes it off."""
    site.master.change(nodes=NODES)
    page.open(f"{site.url}/config.html")
    page.run(f"document.querySelectorAll('[data-form=host] input')[{box}].value = 'n2'")
    page.run(f"document.querySelectorAll('[data-form=host]')[{box}].requestSubmit()")
    assert page.until("document.querySelector('.hosts button')?.textContent") == "n2"
    page.run("document.querySelector('.hosts button').click()")
    page.until("document.querySelector('.hosts') && !document.querySelector('.hosts button')")
    assert site.master.events == [BlacklistChanged(kind, "n2", True), BlacklistChanged(kind, "n2", False)]


def test_the_failure_rate_is_set(site: Site, page: Page) -> None:
    """M515"""
    page.open(f"{site.url}/config.html")
    page.run("document.querySelector('[name=max_failure_rate]').value = '7'")
    page.run("document.querySelector('[data-form=settings] button').click()")
    page.until("document.querySelector('[name=max_failure_rate]')?.getAttribute('value') == '7'")
    assert site.master.events == [SettingChanged("max_failure_rate", 7)]


def test_a_job_is_killed_once_it_is_confirmed(site: Site, page: Page) -> None:
    site.master.set_job(job_view(JOB))
    page.open(f"{site.url}/job.html?name={JOB}")
    kill = "void setTimeout(() => document.querySelector('[data-action=kill_job]').click())"
    page.run(kill)
    assert page.answer(accept=False) == "Kill this job?"
    assert site.master.events == []
    page.run(kill)
    page.answer()
    page.until("document.querySelector('.state.dead')?.textContent")
    assert site.master.events == [JobKilled(JOB)]
