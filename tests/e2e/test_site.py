"""The documentation as a site, in a real Chromium: every page, wide and narrow, light and dark."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import folders
import pytest
from browsers import chromium, site_served
from real_servers import require

from rollout_spec.checks.documentation import explanations

pytestmark = [pytest.mark.system, pytest.mark.real]

ROOT = folders.CHECKOUT
MKDOCS = ROOT / ".venv-docs/bin/mkdocs"
AXE = folders.TESTS / "node_modules/axe-core/axe.min.js"
VIEWS = ((1280, "light"), (360, "dark"))
"""Contrast does not depend on the width, and the layout not on the colors: so each is judged once."""
PALETTES = {"light": "default", "dark": "slate"}
CODE_BLOCKS = 10
"""The blocks of code of a page that axe judges: their colors are those of a few classes."""
FACTS = """() => ({
    width: document.documentElement.scrollWidth,
    ids: [...document.querySelectorAll("[id], a[name]")].map((each) => each.id || each.name),
    links: [...document.querySelectorAll("a[href], img[src], link[href]")].map((each) => each.href || each.src),
    ink: getComputedStyle(document.body).color,
    paper: getComputedStyle(document.body).backgroundColor,
})"""
SERIOUS = f"""async (exclude) => {{
    [...document.querySelectorAll(".highlight")].slice({CODE_BLOCKS}).forEach((each) => each.remove());
    const found = (await axe.run({{exclude}}, {{resultTypes: ["violations"], preload: false}})).violations;
    const shown = (each) => `${{each.id}} ${{each.nodes.map((node) => node.target)}}`;
    return found.filter((each) => ["serious", "critical"].includes(each.impact)).map(shown);
}}"""
SAME_ON_ALL = [[".md-header"], [".md-sidebar--primary"], [".md-footer"]]
"""The parts that axe judges on the first page of a browser alone."""


@dataclass
class Visit:
    """The findings of a visit to all pages, and the links and anchors in them."""

    problems: list[str] = field(default_factory=list)
    anchors: dict[str, set[str]] = field(default_factory=dict)
    links: dict[str, set[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` does."""
    require(MKDOCS.is_file(), "mkdocs is not installed: make docs")
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    build = [str(MKDOCS), "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with site_served(site) as address:
        yield address


@pytest.fixture(scope="module")
def visit(site: Path, address: str) -> Visit:
    """The visit to every page in every view, by two browsers at once."""
    require(AXE.is_file(), "axe-core is not installed: make node")
    paths = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if path.name != "404.html")
    urls = [f"{address}/{path}" for path in paths]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda half: look_at_all(half, address), (urls[::2], urls[1::2]))
    return Visit(one.problems + other.problems, one.anchors | other.anchors, one.links | other.links)


def look_at_all(urls: Sequence[str], address: str) -> Visit:
    result, axe = Visit(), AXE.read_text("utf-8")
    with chromium() as browser:
        page = watched(browser.new_page(), address, result.problems)
        for url in urls:
            look_at(page, url, axe, result)
    return result


def watched(page: Any, address: str, problems: list[str]) -> Any:
    """Note all messages and errors of a page, requests to other hosts, and missing files."""

    def request(request: Any) -> None:
        if not request.url.startswith((f"{address}/", "data:", "blob:")):
            problems.append(f"{page.url}: a request to another host: {request.url}")

    def response(response: Any) -> None:
        if response.status >= 400:
            problems.append(f"{page.url}: {response.status}: {response.url}")

    page.on("console", lambda message: problems.append(f"{page.url}: console: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.on("request", request)
    page.on("response", response)
    return page


def look_at(page: Any, url: str, axe: str, result: Visit) -> None:
    """Visit a page, and note its problems in all views, its links and its anchors."""
    for number, (width, scheme) in enumerate(VIEWS):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        if number == 0:
            page.goto(url)
            page.evaluate(axe)
            page.add_style_tag(content="* {transition: none !important}")  # a color in between has other contrast
        page.wait_for_function(f"document.body.dataset.mdColorScheme === '{PALETTES[scheme]}'")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        facts = page.evaluate(FACTS)
        if number == 0:
            result.anchors[url], result.links[url] = set(facts["ids"]), set(facts["links"])
        if facts["width"] > width:
            result.problems.append(f"{url}: {facts['width']} pixels wide in a window of {width}")
        if (brightness(facts["ink"]) < brightness(facts["paper"])) != (scheme == "light"):
            result.problems.append(f"{url}: {facts['ink']} on {facts['paper']} is not {scheme}")
        findings = page.evaluate(SERIOUS, SAME_ON_ALL if len(result.anchors) > 1 else [])
        result.problems += [f"{url}: {width}, {scheme}: {finding}" for finding in findings]


def brightness(color: str) -> float:
    """Return the sum of red, green and blue of a color as CSS computes it."""
    return sum(map(float, color.partition("(")[2][:-1].split(",")[:3]))


def test_no_page_has_a_problem(visit: Visit) -> None:
    assert len(visit.anchors) > 35
    assert visit.problems == [], "\n".join(visit.problems)


def test_every_link_leads_to_a_page_and_an_anchor(visit: Visit, site: Path, address: str) -> None:
    broken = []
    for page, links in visit.links.items():
        for link in links:
            url, anchor = urldefrag(link)
            if not url.startswith(f"{address}/"):
                continue
            if not (site / (url.removeprefix(f"{address}/") or "index.html")).is_file():
                broken.append(f"{page} -> {link}: no file")
            elif anchor and url in visit.anchors and anchor not in visit.anchors[url]:
                broken.append(f"{page} -> {link}: no anchor")
    assert broken == [], "\n".join(broken)


def test_every_rule_and_shipped_policy_has_its_anchor(visit: Visit, address: str) -> None:
    assert {each.name for each in explanations()} <= visit.anchors[f"{address}/rules.html"]


def test_links_to_the_repository_lead_to_files(visit: Visit) -> None:
    repository = "https://github.com/rollout-spec/rollout-spec/blob/main/"
    links = {urldefrag(link)[0] for found in visit.links.values() for link in found if link.startswith(repository)}
    assert links
    assert [link for link in links if not (ROOT / link.removeprefix(repository)).is_file()] == []


def test_only_commands_are_copied(address: str) -> None:
    with chromium() as browser:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(f"{address}/first-model.html")
        page.locator(".md-clipboard, .md-code__button").nth(2).click()
        copied = page.evaluate("navigator.clipboard.readText()")
        commands = [line for line in copied.splitlines() if line]
        assert commands[0] == "rollout-spec init models"
        assert all(line.startswith(("rollout-spec ", "git ", "cd ")) for line in commands), copied


def test_the_search_finds_a_field(address: str) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/index.html")
        page.fill("input[name=query]", "maxBreachAge")
        found = page.locator(".md-search-result__link", has_text="Workspace spec.automation")
        found.wait_for(state="attached", timeout=20_000)
        assert "fields.html" in found.get_attribute("href")
