"""A VBA project from its sources, without Excel: the bytes of ``vbaProject.bin``, by [MS-OVBA].

Only sources are written, no compiled code: Excel compiles them when it opens the file.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from addin.excel.compound_file import LONGEST_NAME, Storage, compound_file
from addin.excel.vba_compression import compressed

LONGEST_LINE: Final = 1023
"""Characters of a line that the editor accepts."""

_CODE_PAGE: Final = 1252
_LOCALE: Final = 0x0409
_NOT_COMPILED: Final = bytes.fromhex("CC61FFFF000000")
_HOST: Final = "&H00000001={3832D640-CF90-11CF-8E43-00A0C911005A};VBE;&H00000000"
_SEED: Final = 0x5A  # of the obfuscation; any byte will do
_REFERENCES: Final = {
    "stdole": r"*\G{00020430-0000-0000-C000-000000000046}#2.0#0"
    r"#C:\Windows\System32\stdole2.tlb#OLE Automation",
    "Office": r"*\G{2DF8D04C-5BFA-101B-BDE5-00AA0044DE52}#2.0#0"
    r"#C:\Program Files\Common Files\Microsoft Shared\OFFICE16\MSO.DLL#Microsoft Office 16.0 Object Library",
}
"""The libraries that Excel itself gives a new project; it finds them by their numbers, wherever they are."""


class ModuleKind(Enum):
    """What a module belongs to, with the class that a document's module has."""

    CODE = ""
    WORKBOOK = "00020819-0000-0000-C000-000000000046"
    SHEET = "00020820-0000-0000-C000-000000000046"


@dataclass(frozen=True)
class Module:
    """A module of a project.

    Attributes
    ----------
    name : str
    code : str
        Source text, the lines ``Attribute`` of the module itself left out.
    kind : ModuleKind
    """

    name: str
    code: str = ""
    kind: ModuleKind = ModuleKind.CODE

    @property
    def source(self) -> str:
        """Source text as the project holds it, lines ended as Windows ends them.

        Raises
        ------
        ValueError
            Where the editor could not hold it.
        """
        lines = [*self._attributes(), *self.code.splitlines()]
        for number, line in enumerate(lines, start=1):
            if len(line) > LONGEST_LINE or not line.isascii():
                raise ValueError(
                    f"{self.name}, line {number}: VBA takes {LONGEST_LINE} characters, plain letters only"
                )
        return "".join(f"{line}\r\n" for line in lines)

    def _attributes(self) -> list[str]:
        name = f'Attribute VB_Name = "{self.name}"'
        if self.kind is ModuleKind.CODE:
            return [name]
        return [
            name,
            f'Attribute VB_Base = "0{{{self.kind.value}}}"',
            "Attribute VB_GlobalNameSpace = False",
            "Attribute VB_Creatable = False",
            "Attribute VB_PredeclaredId = True",
            "Attribute VB_Exposed = True",
            "Attribute VB_TemplateDerived = False",
            "Attribute VB_Customizable = True",
        ]


def vba_project(name: str, modules: Sequence[Module]) -> bytes:
    """Return a project; the same modules make the same bytes.

    Raises
    ------
    ValueError
        Where two names are the same to VBA, or a name or a line is too long.
    """
    names = [name, *(module.name for module in modules)]
    if len({each.casefold() for each in names}) < len(names):
        raise ValueError(f"names of a project and its modules must differ, not {', '.join(names)}")
    if long := [each for each in names if len(each) > LONGEST_NAME]:
        raise ValueError(f"{long[0]} has {len(long[0])} characters: VBA takes {LONGEST_NAME}")
    streams: Storage = {
        "VBA": {
            "_VBA_PROJECT": _NOT_COMPILED,
            "dir": compressed(_directory(name, modules)),
            **{module.name: compressed(module.source.encode("ascii")) for module in modules},
        },
        "PROJECT": _properties(name, modules).encode("ascii"),
        "PROJECTwm": _name_map(modules),
    }
    return compound_file(streams)


# --- the directory of a project -------------------------------------------------------------------------


def _directory(name: str, modules: Sequence[Module]) -> bytes:
    """Return the records that say what the project consists of."""
    project = [
        _number(0x01, 3),  # Windows, 64 bit; 32 bit opens it too
        _number(0x02, _LOCALE),
        _number(0x14, _LOCALE),
        _record(0x03, struct.pack("<H", _CODE_PAGE)),
        _record(0x04, name.encode("ascii")),
        _text(0x05, 0x40, ""),
        _record(0x06) + _record(0x3D),
        _number(0x07, 0),
        _number(0x08, 0),
        struct.pack("<HIIH", 0x09, 4, 1, 0),
        _text(0x0C, 0x3C, ""),
    ]
    references = [_reference(library, where) for library, where in _REFERENCES.items()]
    counted = _record(0x0F, struct.pack("<H", len(modules))) + _record(0x13, b"\xff\xff")
    return b"".join([*project, *references, counted, *map(_module, modules), _record(0x10)])


def _reference(library: str, where: str) -> bytes:
    body = struct.pack("<I", len(where)) + where.encode("ascii") + bytes(6)
    return _text(0x16, 0x3E, library) + _record(0x0D, body)


def _module(module: Module) -> bytes:
    return b"".join(
        [
            _text(0x19, 0x47, module.name),
            _text(0x1A, 0x32, module.name),
            _text(0x1C, 0x48, ""),
            _number(0x31, 0),  # where the source begins in its stream, as there is nothing else
            _number(0x1E, 0),
            _record(0x2C, b"\xff\xff"),
            _record(0x21 if module.kind is ModuleKind.CODE else 0x22),
            _record(0x2B),
        ]
    )


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HI", kind, len(body)) + body


def _number(kind: int, value: int) -> bytes:
    return _record(kind, struct.pack("<I", value))


def _text(kind: int, wide: int, text: str) -> bytes:
    """Return a text in bytes, then in UTF-16."""
    return _record(kind, text.encode("ascii")) + _record(wide, text.encode("utf-16-le"))


# --- its properties -------------------------------------------------------------------------------------


def _properties(name: str, modules: Sequence[Module]) -> str:
    """Return the text that the editor reads first: modules, protection (none) and windows (closed)."""
    own = f"{{{uuid.uuid5(uuid.NAMESPACE_DNS, name)}}}".upper()
    lines = [
        f'ID="{own}"',
        *(
            f"Module={module.name}"
            if module.kind is ModuleKind.CODE
            else f"Document={module.name}/&H00000000"
            for module in modules
        ),
        f'Name="{name}"',
        'HelpContextID="0"',
        'VersionCompatible32="393222000"',
        f'CMG="{obfuscated(bytes(4), own)}"',
        f'DPB="{obfuscated(bytes(1), own)}"',
        f'GC="{obfuscated(bytes([0xFF]), own)}"',
        *("", "[Host Extender Info]", _HOST),
        *("", "[Workspace]"),
        *(f"{module.name}=0, 0, 0, 0, C" for module in modules),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def obfuscated(data: bytes, project_id: str, seed: int = _SEED) -> str:
    """Return data as the editor hides it, each byte over its neighbours: [MS-OVBA] 2.4.3.2."""
    key = sum(project_id.encode("ascii")) & 0xFF
    hidden = [seed, seed ^ 2, seed ^ key]
    before = key
    for byte in (*bytes([seed]) * ((seed & 6) // 2), *struct.pack("<I", len(data)), *data):
        hidden.append(byte ^ (hidden[-2] + before & 0xFF))
        before = byte
    return bytes(hidden).hex().upper()


def _name_map(modules: Iterable[Module]) -> bytes:
    """Return every module's name in bytes and in UTF-16."""
    names = (module.name for module in modules)
    return b"".join(n.encode("ascii") + b"\0" + n.encode("utf-16-le") + b"\0\0" for n in names) + b"\0\0"
