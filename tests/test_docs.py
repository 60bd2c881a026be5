"""What the documents say is so: their requests work, their names exist, nothing is left out."""

from __future__ import annotations

import ast
import re
import shlex
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import pytest
import typer

from api.cli.main import app
from api.metrics import METRICS, PREFIX
from api.problems import all_codes
from api.settings import PREFIX as SETTING
from api.settings import Settings
from tests.api.programme import organisation
from tests.api.running import Answer, Client, Service

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("ledger", "projections", "api")
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").glob("*.md"))
)


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


# The requests that are printed


class Request(msgspec.Struct, frozen=True):
    """A curl command, taken apart."""

    path: str
    headers: dict[str, str]
    data: bytes | None


def curl(line: str, body: str | None, known: dict[str, str]) -> Request:
    """What `line` would send, `body` being its here-document."""
    filled = re.sub(r"\$(\w+)", lambda found: known[found[1]], line)
    words = iter(shlex.split(filled)[1:])
    url, headers, data = "", {}, None
    for word in words:
        match word:
            case "-s" | "-si":
                pass
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "--data" | "--data-binary":
                given = next(words)
                data = (body if given == "@-" else given or "").encode()  # type: ignore[union-attr]
            case _:
                assert not word.startswith("-"), word
                url = word
    parts = urlsplit(url)
    return Request(f"{parts.path}?{parts.query}".rstrip("?"), headers, data)


def requests(name: str, key: str) -> Iterator[Request]:
    """The requests of a page's `sh` blocks, each made when it is asked for."""
    known = {"URL": "http://service", "KEY": key}
    for block in re.findall(r"^```sh\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL):
        for statement in statements(block):
            line, _, rest = statement.partition("<<'JSON'\n")
            variable = re.fullmatch(r"(\w+)=(.+)", line)
            if variable is None:
                yield curl(line, rest.removesuffix("\nJSON") if rest else None, known)
            elif variable[2] == "$(date -u +%Y-%m-%dT%H:%M:%SZ)":
                known[variable[1]] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            else:
                known[variable[1]] = variable[2]


def statements(block: str) -> Iterator[str]:
    """Commands with their here-documents; a backslash joins lines."""
    lines = iter(block.replace("\\\n", "").splitlines())
    for line in lines:
        if not line.strip():
            continue
        said = [line]
        if line.endswith("<<'JSON'"):
            said += iter(lines.__next__, "JSON")
            said.append("JSON")
        yield "\n".join(said)


def replayed(name: str, service: Service, admin: Client, key: str) -> list[Answer]:
    """The answers to a page's requests; each question waits for what was written before."""
    answers = []
    for request in requests(name, key):
        if request.data is None:
            admin.read("/v1/clusters")
        answer = service.client_loop.run(
            service.ask(
                "GET" if request.data is None else "POST",
                request.path,
                headers=request.headers,
                data=request.data,
            )
        )
        if request.data is not None:
            service.position = int(answer.headers["Ledger-Position"])
        answers.append(answer)
    return answers


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """A ledger with the clusters of the demonstration that the documents name."""
    with Service(database_url) as running:
        running.client("admin").post(
            *(
                ("cluster.registered.v1", {"cluster": c, "name": c, "effective_on": "2006-02-01"})
                for c in ("aerospace", "ict", "sensors")
            )
        )
        yield running


def replay(name: str, service: Service) -> list[Answer]:
    key, _ = service.key("admin")
    return replayed(name, service, Client(service, key), key)


def test_a_newcomers_first_fact_is_found_as_the_readme_says(service: Service) -> None:
    posted, trail, history, found, before, now, then = replay("README.md", service)

    assert posted.status == 201
    positions = [item["position"] for item in posted.json()["items"]]
    assert [fact["position"] for fact in trail.json()["items"]] == positions[::-1]
    assert history.json()["items"][0]["position"] == positions[0]
    assert found.json()["name"] == "Newcomer GmbH"
    assert (before.status, before.code) == (404, "not_found")
    assert now.json()["value"] - then.json()["value"] == 1


def companies_on_the_first_page(service: Service) -> tuple[int, dict[int, int]]:
    """Companies involved as anybody sees them: in total and by year, at the newest position."""
    until = time.monotonic() + 20
    while True:
        answer = service.public().get("/en.json")
        if answer.json()["position"] == service.position:
            break
        assert time.monotonic() < until
        time.sleep(0.1)
    total, years = answer.json()["report"]["tables"][:2]
    place = next(
        n for n, c in enumerate(total["columns"]) if "companies_involved" in str(c["definition"])
    )
    by_year = next(
        n for n, c in enumerate(years["columns"]) if "companies_involved" in str(c["definition"])
    )
    return total["rows"][0][place], {int(row[0]): row[by_year] for row in years["rows"]}


def test_a_newcomers_company_is_found_on_the_first_page_as_the_readme_says(
    service: Service,
) -> None:
    crowd = [organisation(str(UUID(int=n)), f"Firma {n}") for n in range(100, 112)]
    joined = [
        (
            "membership.admitted.v1",
            {"organisation_id": who["organisation_id"], "cluster": cluster}
            | {"effective_on": "2010-01-01"},
        )
        for _, who in crowd
        for cluster in ("aerospace", "ict", "sensors")
    ]
    service.client("admin").post(*crowd, *joined)
    total_before, before = companies_on_the_first_page(service)
    replay("README.md", service)
    total, years = companies_on_the_first_page(service)
    assert total == total_before + 1
    assert {year for year in years if years[year] == before[year] + 1} == set(
        range(2024, max(years) + 1)
    )
    assert all(years[year] == before[year] for year in range(2010, 2024))


def test_posting_the_readmes_fact_again_records_nothing(service: Service) -> None:
    first = replay("README.md", service)[0].json()["items"]
    again = replay("README.md", service)[0]

    assert again.status == 200
    assert again.json()["items"] == [{**item, "status": 200, "duplicate": True} for item in first]


def test_every_request_of_the_api_guide_works(service: Service) -> None:
    answers = replay("docs/api.md", service)

    assert [answer.status for answer in answers[:5]] == [201, 201, 201, 207, 201]
    assert {answer.status for answer in answers[5:]} == {200}
    membership, organisation, history = (answer.json() for answer in answers[5:8])
    assert membership["valid_from"] == "2024-03-01"
    assert organisation["name"] == "Beispiel AG"
    assert [item["type"] for item in history["items"]] == [
        "membership.admitted.v1",
        "fact.voided.v1",
        "membership.admitted.v1",
    ]


def test_the_walk_of_a_corrected_number_ends_as_printed(database_url: str) -> None:
    with Service(database_url) as fresh:
        answers = replay("docs/restatement.md", fresh)
    assert [answer.status for answer in answers] == [201, 201, 201, 201, 200, 200, 200]
    _, closing, filing, correction, report, diff, fact = (answer.json() for answer in answers)

    assert (closing["receipt"]["position"], filing["receipt"]["position"]) == (5, 6)
    assert [item["position"] for item in correction["items"]] == [7, 8]
    period = report["report"]["tables"][0]
    named = dict(zip((c["id"] for c in period["columns"]), period["rows"][0], strict=True))
    assert named["participations"] == 400
    assert printed_lines("docs/restatement.md") == [
        *(
            (str(line["position"]), line["type"], line.get("reason", ""), "5", f"{moved['by']:+d}")
            for line in diff["facts"]
            for moved in line["moved"]
            if "by" not in moved["cell"] and line["late"] == [5]
        ),
        *(
            ("", "", "", "", f"{cell['before']} -> {cell['after']}")
            for cell in diff["differences"]
            if "by" not in cell["cell"]
        ),
    ]
    assert fact["fact"]["late"] == [5]


def printed_lines(name: str) -> list[tuple[str, ...]]:
    """The rows of a page's one table, without their back quotes."""
    rows = [line for line in page(name).splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip(" `") for cell in row.strip("|").split("|")) for row in rows]


# What must not be left out


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(page("README.md").splitlines()) <= 120


def test_every_setting_is_in_the_operators_hands() -> None:
    operations = page("docs/operations.md")
    for name in Settings.__struct_fields__:
        assert f"`{SETTING}{name.upper()}`" in operations


def commands(group: Any, above: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command with its long options."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            options = {opt for p in command.params for opt in p.opts if opt.startswith("--")}
            yield above + name, options - {"--help"}


def test_every_command_and_option_is_in_the_operators_hands() -> None:
    operations = page("docs/operations.md")
    for command, options in commands(typer.main.get_command(app)):
        assert re.search(rf"`{command}\b", operations), command
        for option in options:
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", operations), (command, option)


def test_every_error_code_and_metric_is_in_the_reference() -> None:
    reference = page("docs/reference.md")
    for code in all_codes():
        assert f"`{code}`" in reference
    for name in METRICS:
        assert f"`{PREFIX}{name}`" in reference


def test_every_log_event_is_explained() -> None:
    operations = page("docs/operations.md")
    for path in sources():
        text = path.read_text("utf-8")
        for event in re.findall(r"\blog\.(?:info|warning|error|exception)\(\s*\"(\w+)\"", text):
            assert f"`{event}`" in operations, (path, event)


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    reasons = page("docs/dependencies.md")
    for requirement in wanted:
        name = re.match(r"[\w-]+", requirement)
        assert name is not None
        assert re.search(rf"^\| {name[0]}\b", reasons, re.MULTILINE), name[0]


# The map


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def mapped(package: str) -> str:
    """The map's part on a package."""
    found = re.search(
        rf"^### {package}/.*?(?=^##)", page("docs/ARCHITECTURE.md"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_on_the_map(package: str) -> None:
    rooms = re.split(r"^\| \*\*([a-z/]+)/\*\* ", mapped(package), flags=re.MULTILINE)
    named = {package: rooms[0]}
    named |= {
        f"{package}/{room}": text for room, text in zip(rooms[1::2], rooms[2::2], strict=False)
    }
    for path in (ROOT / package).rglob("*.py"):
        if path.name != "__init__.py":
            folder = path.parent.relative_to(ROOT).as_posix()
            assert f"`{path.name}`" in named.get(folder, ""), path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_names_no_module_that_is_gone(package: str) -> None:
    there = {path.name for path in (ROOT / package).rglob("*.py")}
    assert set(re.findall(r"`(\w+\.py)`", mapped(package))) <= there


def defined(path: str) -> set[str]:
    """Names of the functions and classes of a module, `Class.method` too."""
    names = set()
    for node in ast.walk(ast.parse(page(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{f.name}" for f in node.body if isinstance(f, ast.FunctionDef)}
    return names


def test_the_functions_on_the_two_lines_exist() -> None:
    lines = " ".join(page("docs/ARCHITECTURE.md").split())
    named = re.findall(r"`((?:ledger|projections|api)/[\w/]+\.py)` `([\w.]+)`", lines)
    assert len(named) > 15
    for path, name in named:
        assert name in defined(path), (path, name)


# Links


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]*)(#[\w-]+)?\)", page(name)):
        path, anchor = target
        if "://" in path:
            continue
        there = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\s-]", "", h).strip().lower().replace(" ", "-") for h in headings}
            assert anchor.removeprefix("#") in slugs, target
