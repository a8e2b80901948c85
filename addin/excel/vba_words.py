"""Words that a parameter cannot be called in VBA, or under xlwings."""

from __future__ import annotations

from typing import Final

CALLER: Final = "caller"
"""The parameter for which xlwings puts in the calling cell."""

_RESERVED: Final = frozenset(
    f"""
    abs addressof and any array as boolean byref byte byval call case cbool cbyte ccur cdate cdbl cdec cdecl
    cint circle clng clnglng clngptr close const csng cstr currency cvar cverr date debug decimal declare
    defbool defbyte defcur defdate defdbl defdec defint deflng deflnglng deflngptr defobj defsng defstr defvar
    dim do doevents double each else elseif empty end endif enum eqv erase event exit false fix for friend
    function get global gosub goto if imp implements in input inputb int integer is lbound len lenb let like
    lock long longlong longptr loop lset me mod new next not nothing null on open option optional or
    paramarray preserve print private pset public put raiseevent redim rem resume return rset scale seek
    select set sgn shared single spc static step stop string sub tab then to true type typeof ubound unlock
    until variant wend while with withevents write xor {CALLER}
    """.split()
)
"""The reserved identifiers of [MS-VBAL] 3.3.5.2, and the one of xlwings."""


def parameter_name(argument: str) -> str:
    """Return what an argument is called in Excel, where a reserved word ends in an underscore."""
    return f"{argument}_" if argument.casefold() in _RESERVED else argument
