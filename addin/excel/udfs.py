"""The functions as xlwings serves them: the module that ``UDF Modules = addin.excel.udfs`` names.

Our add-in calls them through its own wrapper; the "Import Functions" of stock xlwings takes them too.
Arguments and results travel "raw", as xlwings' own conversions turn text, TRUE and some errors into numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

import xlwings

import addin.functions  # noqa: F401  (fills the registry)
from addin.excel.answers import excel_answer
from addin.excel.log import LogFile
from addin.excel.vba_words import CALLER, parameter_name
from addin.spec import REGISTRY, SpreadsheetFunction


def served(function: SpreadsheetFunction) -> Callable[..., list[list[Any]]]:
    """Return a function with the name, signature and help that xlwings looks for."""
    says = {CALLER: ""} if function.reads_names else {}
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in says]
    for argument in function.arguments:
        name = parameter_name(argument.name)
        default = None if argument.optional else Parameter.empty
        parameters.append(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default))
        says[name] = argument.says

    def call(*raw: Any) -> list[list[Any]]:
        if function.reads_names:
            return excel_answer(function.name, raw[1:], raw[0])
        return excel_answer(function.name, raw)

    call.__name__ = function.name
    call.__doc__ = function.says
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {}  # or xlwings would convert by them
    served = xlwings.ret("raw")(call)
    for name, text in says.items():
        served = xlwings.arg(name, "raw", doc=text)(served)
    return xlwings.func(category=function.category)(served)


logging.getLogger("addin").addHandler(LogFile(logging.ERROR))

globals().update({name: served(function) for name, function in REGISTRY.items()})
