"""The functions as LibreOffice wants them declared: a UNO interface, and texts for the function wizard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_type_hints
from xml.sax.saxutils import escape

from addin.spec import Argument, SpreadsheetFunction

SERVICE: Final = "org.pyalloc.addin.PyAlloc"

_IDL: Final = """\
module org {{ module pyalloc {{ module addin {{

interface XPyAlloc
{{
{methods}
}};

}}; }}; }};
"""

_CONFIGURATION: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<oor:component-data oor:package="org.openoffice.Office" oor:name="CalcAddIns"
    xmlns:oor="http://openoffice.org/2001/registry">
<node oor:name="AddInInfo"><node oor:name="{service}" oor:op="replace"><node oor:name="AddInFunctions">
{functions}
</node></node></node>
</oor:component-data>
"""


def returns_rows(function: SpreadsheetFunction) -> bool:
    """Return whether a function returns rows of cells and not a single value, by its annotation."""
    return get_type_hints(function.call).get("return") not in (float, int, bool, str)


def interface(functions: Iterable[SpreadsheetFunction]) -> str:
    """Return the UNO interface whose methods are the functions; LibreOffice takes its text as it stands."""
    return _IDL.format(methods="\n".join(map(_method, functions)))


def configuration(functions: Iterable[SpreadsheetFunction]) -> str:
    """Return names and help texts of the functions, for Calc's configuration."""
    return _CONFIGURATION.format(service=SERVICE, functions="\n".join(map(_function, functions)))


def _method(function: SpreadsheetFunction) -> str:
    # Rows through a plain `any` would show as #VALUE!.
    returned = "sequence< sequence<any> >" if returns_rows(function) else "any"
    # Calc fills in the document that calls, and None for an `any` that is left out.
    taken = ["com::sun::star::beans::XPropertySet document"] if function.reads_names else []
    taken += [f"any {_parameter(i)}" for i in range(len(function.arguments))]
    return f"    {returned} {function.name}( {', '.join(f'[in] {each}' for each in taken)} );"


def _parameter(i: int) -> str:
    return f"argument{i + 1}"  # an argument's own name might be a word of the language


def _function(function: SpreadsheetFunction) -> str:
    # The compatibility name is what stands in an .xlsx file, read and written.
    names = _text("DisplayName", function.name) + _text("CompatibilityName", function.name)
    says = _text("Description", f"{function.says} Returns: {function.returns}.")
    category = f'<prop oor:name="Category"><value>{escape(function.category)}</value></prop>'
    parameters = "\n".join(_described(i, argument) for i, argument in enumerate(function.arguments))
    return (
        f'<node oor:name="{function.name}" oor:op="replace">{names}\n{says}\n{category}\n'
        f'<node oor:name="Parameters">\n{parameters}\n</node></node>'
    )


def _described(i: int, argument: Argument) -> str:
    shown = f"[{argument.name}]" if argument.optional else argument.name
    texts = _text("DisplayName", shown) + _text("Description", argument.says)
    return f'<node oor:name="{_parameter(i)}" oor:op="replace">{texts}</node>'


def _text(name: str, text: str) -> str:
    return f'<prop oor:name="{name}"><value xml:lang="en-US">{escape(text)}</value></prop>'
