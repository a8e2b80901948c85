"""The Calc extension declares what the registry holds, and is the same bytes each time it is built."""

from __future__ import annotations

import ast
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

import addin.functions  # noqa: F401  (fills the registry)
from addin.calc.build import build_extension
from addin.calc.interface import returns_rows
from addin.spec import REGISTRY, Number, spreadsheet_function

OOR = "{http://openoffice.org/2001/registry}"


def parts(folder: Path) -> dict[str, str]:
    """Return what a newly built extension contains."""
    with zipfile.ZipFile(build_extension(folder)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return parts(tmp_path_factory.mktemp("built"))


def declared(interface: str) -> dict[str, tuple[str, int]]:
    """Return what each method of an interface returns, and how many arguments it takes."""
    methods = re.findall(r"^    (any|sequence< sequence<any> >) (\w+)\((.*)\);$", interface, re.MULTILINE)
    return {name: (returned, arguments.count("[in] any")) for returned, name, arguments in methods}


def configured(configuration: str) -> dict[str, Element]:
    """Return the node of each function in Calc's configuration."""
    [functions] = fromstring(configuration).iterfind(f".//*[@{OOR}name='AddInFunctions']")
    return {node.attrib[f"{OOR}name"]: node for node in functions}


def text(node: Element, name: str) -> str | None:
    """Return a text of a node itself, not of what is in it."""
    return node.findtext(f"./prop[@{OOR}name='{name}']/value")


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = build_extension(tmp_path / "first"), build_extension(tmp_path / "new" / "second")
    assert first.read_bytes() == second.read_bytes()
    assert list(first.parent.iterdir()) == [first]


def test_every_function_is_declared_with_its_arguments(extension: dict[str, str]) -> None:
    assert declared(extension["XPyAlloc.idl"]) == {
        name: ("sequence< sequence<any> >" if returns_rows(function) else "any", len(function.arguments))
        for name, function in REGISTRY.items()
    }


def test_only_what_reads_names_is_given_the_document(extension: dict[str, str]) -> None:
    lines = [line for line in extension["XPyAlloc.idl"].splitlines() if "XPropertySet" in line]
    readers = [name for name, function in REGISTRY.items() if function.reads_names]
    assert [re.search(r"(\w+)\( \[in\] com::sun", line)[1] for line in lines] == readers  # type: ignore[index]


@pytest.mark.parametrize("name", REGISTRY)
def test_the_function_wizard_shows_what_the_registry_says(name: str, extension: dict[str, str]) -> None:
    function, node = REGISTRY[name], configured(extension["CalcAddIns.xcu"])[name]
    assert text(node, "DisplayName") == text(node, "CompatibilityName") == name
    assert function.says in str(text(node, "Description"))
    shown = [(text(each, "DisplayName"), text(each, "Description")) for each in node.iterfind("./node/node")]
    assert shown == [(f"[{a.name}]" if a.optional else a.name, a.says) for a in function.arguments]


@pytest.fixture
def toy() -> Iterator[str]:
    """Declare a function as functions.py does, with words that mean something in IDL and XML."""

    @spreadsheet_function("DYNALLOC_TOY", returns="A & B", example="=DYNALLOC_TOY(2)")
    def dynalloc_toy(string: Annotated[Number, 'Less than "<"']) -> list[list[float]]:
        """Twice a number."""
        return [[2.0 * string]]

    yield "DYNALLOC_TOY"
    del REGISTRY["DYNALLOC_TOY"]


def test_a_function_added_to_the_registry_is_in_the_extension(toy: str, tmp_path: Path) -> None:
    extension = parts(tmp_path)
    assert declared(extension["XPyAlloc.idl"])[toy] == ("sequence< sequence<any> >", 1)
    node = configured(extension["CalcAddIns.xcu"])[toy]
    assert text(node, "Description") == "Twice a number. Returns: A & B."
    assert [text(each, "Description") for each in node.iterfind("./node/node")] == ['Less than "<"']
    assert toy in json.loads(extension["settings.json"])["functions"]


def test_an_older_libreoffice_is_refused_by_the_extension_itself(extension: dict[str, str]) -> None:
    description = fromstring(extension["description.xml"])
    [needed] = description.iterfind(".//{*}LibreOffice-minimal-version")
    assert needed.attrib["value"] == "25.2"


def test_the_manifest_names_parts_that_are_there(extension: dict[str, str]) -> None:
    listed = re.findall(r'full-path="([^"]+)"', extension["META-INF/manifest.xml"])
    [component] = re.findall(r'uri="\./([^"]+)"', extension["pyalloc.components"])
    assert {*listed, component} <= set(extension)


def test_calls_are_answered_by_the_python_that_built_it(extension: dict[str, str]) -> None:
    assert json.loads(extension["settings.json"])["worker"][0] == sys.executable


@pytest.mark.parametrize("name", ["pyalloc_component.py", "pythonpath/pyalloc_bridge.py"])
def test_what_libreoffice_runs_needs_nothing_but_python_itself(name: str, extension: dict[str, str]) -> None:
    tree = ast.parse(extension[name], feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    given = {"uno", "unohelper", "com", "org", "pyalloc_bridge"}  # by LibreOffice, and by the extension
    assert {module.partition(".")[0] for module in imported} <= sys.stdlib_module_names | given
