"""A VBA project without Excel: what others' readers find in it is what was put in."""

from __future__ import annotations

import re
import warnings
import zipfile
from importlib.resources import files
from io import BytesIO
from random import Random

import compoundfiles
import olefile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addin.excel.compound_file import compound_file
from addin.excel.vba_compression import compressed
from addin.excel.vba_project import LONGEST_LINE, Module, ModuleKind, obfuscated, vba_project

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it was written for an older pyparsing
    from oletools.olevba import VBA_Parser, decompress_stream

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)
LINES = st.lists(TEXT, max_size=120).map("\n".join)


def streams_of(content, path):
    """Return every stream of a compound file by its path, as two strict readers agree."""
    with olefile.OleFileIO(BytesIO(content), raise_defects=olefile.DEFECT_POTENTIAL) as reader:
        assert reader.parsing_issues == []
        found = {"/".join(name): reader.openstream(name).read() for name in reader.listdir()}
    path.write_bytes(content)
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("error")
        with compoundfiles.CompoundFileReader(file) as reader:
            for name, inside in found.items():
                entity = reader.root
                for part in name.split("/"):
                    entity = entity[part]
                assert entity.size == len(inside)
                if inside:
                    with reader.open(entity) as stream:
                        assert stream.read() == inside
    return found


# --- compound files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 65, 99, 130])
@pytest.mark.parametrize("size", [0, 1, 64, 65, 4095, 4096, 4097])
def test_strict_readers_find_every_stream(count, size, tmp_path):
    inside = {f"Sheet{i}": bytes([i]) * size for i in range(count)}
    tree = {"VBA": {"dir": b"d" * 600, **inside}, "PROJECT": b"p" * 100, "PROJECTwm": b"w" * 5000}
    found = streams_of(compound_file(tree), tmp_path / "file.bin")
    assert found == {
        "PROJECT": tree["PROJECT"],
        "PROJECTwm": tree["PROJECTwm"],
        **{f"VBA/{name}": content for name, content in tree["VBA"].items()},
    }


@pytest.mark.parametrize("sectors", [126, 127, 128, 129, 255, 256, 257, 13_000])
def test_a_file_may_end_anywhere_in_its_allocation_table(sectors, tmp_path):
    content = bytes(sectors * 512)
    assert streams_of(compound_file({"big": content}), tmp_path / "file.bin") == {"big": content}


def test_what_a_file_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="more than a compound file of ours can hold"):
        compound_file({"big": bytes(8_000_000)})
    with pytest.raises(ValueError, match="has 32 characters"):
        compound_file({"n" * 32: b""})


# --- compression ----------------------------------------------------------------------------------------


@given(LINES)
def test_any_text_comes_back(text):
    content = text.encode("ascii") or b"x"
    assert bytes(decompress_stream(bytearray(compressed(content)))) == content


@pytest.mark.parametrize("content", [b"a", b"aaaa", b"x" * 4096, b"ab" * 2048 + b"z", b" " * 20_000])
def test_runs_come_back_across_chunks(content):
    packed = compressed(content)
    assert bytes(decompress_stream(bytearray(packed))) == content
    assert len(packed) < 8 + len(content) / 100


def test_the_module_of_xlwings_shrinks_to_less_than_half():
    content = files("xlwings").joinpath("xlwings_custom_addin.bas").read_bytes()
    packed = compressed(content)
    assert bytes(decompress_stream(bytearray(packed))) == content
    assert len(packed) < 0.5 * len(content)


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match="does not shrink"):
        compressed(Random(1).randbytes(4096))


# --- projects -------------------------------------------------------------------------------------------

MODULES = (
    Module("ThisWorkbook", kind=ModuleKind.WORKBOOK),
    Module("Sheet1", kind=ModuleKind.SHEET),
    Module("Functions", "Option Explicit\nPublic Function ONE() As Double\n    ONE = 1\nEnd Function"),
    Module("Other", "' nothing"),
)


def macros_of(content, path):
    """Return the source of every module as olevba finds it."""
    path.write_bytes(content)
    parser = VBA_Parser(str(path))
    found = {name.rpartition(".")[0]: code for _, _, name, code in parser.extract_macros()}
    parser.close()
    return found


def test_olevba_gives_back_every_module_exactly(tmp_path):
    found = macros_of(vba_project("Project", MODULES), tmp_path / "vbaProject.bin")
    assert found == {module.name: module.source for module in MODULES}


@given(LINES)
def test_olevba_gives_back_any_source(text):
    module = Module("Functions", text)
    content = vba_project("Project", [module])
    with olefile.OleFileIO(BytesIO(content)) as reader:
        packed = reader.openstream("VBA/Functions").read()
    assert bytes(decompress_stream(bytearray(packed))) == module.source.encode()


def test_a_project_is_a_sound_compound_file(tmp_path):
    found = streams_of(vba_project("Project", MODULES), tmp_path / "vbaProject.bin")
    assert set(found) == {
        "PROJECT",
        "PROJECTwm",
        "VBA/_VBA_PROJECT",
        "VBA/dir",
        *(f"VBA/{module.name}" for module in MODULES),
    }


def test_two_builds_have_the_same_bytes():
    assert vba_project("Project", MODULES) == vba_project("Project", list(MODULES))


def test_lines_end_as_windows_ends_them():
    for module in MODULES:
        assert module.source.endswith("\r\n")
        assert "\n" not in module.source.replace("\r\n", "")


@pytest.mark.parametrize("code", ["x" * (LONGEST_LINE + 1), "' Σ"])
def test_a_line_that_the_editor_cannot_hold_is_refused(code):
    with pytest.raises(ValueError, match="Functions, line 3: "):
        _ = Module("Functions", f"' first\n{code}").source


@pytest.mark.parametrize(
    ("name", "modules"),
    [("Other", MODULES), ("project", [Module("Project")]), ("P", [Module("A"), Module("a")])],
)
def test_names_that_are_the_same_to_vba_are_refused(name, modules):
    with pytest.raises(ValueError, match="must differ"):
        vba_project(name, modules)


def test_a_long_name_is_refused():
    with pytest.raises(ValueError, match="has 32 characters"):
        vba_project("Project", [Module("m" * 32)])


# --- what Excel itself wrote ----------------------------------------------------------------------------


def revealed(hidden):
    """Return key and data of what [MS-OVBA] 2.4.3.3 hides."""
    seed, second, third, *rest = bytes.fromhex(hidden)
    del second
    key = seed ^ third
    before, last, last_but_one = key, third, seed ^ 2
    data = bytearray()
    for byte in rest:
        shown = byte ^ (last_but_one + before & 0xFF)
        data.append(shown)
        before, last, last_but_one = shown, byte, last
    data = data[(seed & 6) // 2 :]
    assert int.from_bytes(data[:4], "little") == len(data) - 4
    return key, bytes(data[4:])


def excels_own():
    """Return the properties of a project that Excel wrote, from a workbook that xlwings brings along."""
    package = zipfile.ZipFile(BytesIO(files("xlwings").joinpath("quickstart_standalone.xlsm").read_bytes()))
    with olefile.OleFileIO(BytesIO(package.read("xl/vbaProject.bin"))) as reader:
        return dict(re.findall(r'(\w+)="(.*?)"', reader.openstream("PROJECT").read().decode("latin-1")))


@pytest.mark.parametrize("field", ["CMG", "DPB", "GC"])
def test_a_project_hides_what_excel_hides(field):
    theirs = excels_own()
    key, data = revealed(theirs[field])
    assert key == sum(theirs["ID"].encode()) & 0xFF
    for seed in (0x00, 0x5A, 0xA7, int(theirs[field][:2], 16)):
        assert revealed(obfuscated(data, theirs["ID"], seed)) == (key, data)
    with olefile.OleFileIO(BytesIO(vba_project("Project", MODULES))) as reader:
        ours = dict(re.findall(r'(\w+)="(.*?)"', reader.openstream("PROJECT").read().decode("ascii")))
    assert revealed(ours[field])[1] == data
