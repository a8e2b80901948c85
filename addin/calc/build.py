"""Build the extension for LibreOffice Calc: what the registry declares, and the two modules that it runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import addin.functions  # noqa: F401  (fills the registry)
from addin.calc.interface import SERVICE, configuration, interface
from addin.spec import REGISTRY
from pyalloc import __version__

OLDEST: Final = "25.2"
"""Release of LibreOffice from which .xlsx files keep the functions' names; 7.4 does not map them."""

FILE_NAME: Final = "pyalloc.oxt"
"""What the extension is called."""

_DESCRIPTION: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<description xmlns="http://openoffice.org/extensions/description/2006"
    xmlns:d="http://openoffice.org/extensions/description/2006"
    xmlns:l="http://libreoffice.org/extensions/description/2011">
<identifier value="org.pyalloc.addin"/>
<version value="{__version__}"/>
<display-name><name lang="en">pyalloc: dynamic asset allocation</name></display-name>
<dependencies><l:LibreOffice-minimal-version value="{OLDEST}" d:name="LibreOffice {OLDEST}"/></dependencies>
</description>
"""

_MANIFEST: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="http://openoffice.org/2001/manifest">
<manifest:file-entry manifest:full-path="XPyAlloc.idl"
    manifest:media-type="application/vnd.sun.star.uno-typelibrary;type=RDB"/>
<manifest:file-entry manifest:full-path="CalcAddIns.xcu"
    manifest:media-type="application/vnd.sun.star.configuration-data"/>
<manifest:file-entry manifest:full-path="pyalloc.components"
    manifest:media-type="application/vnd.sun.star.uno-components"/>
</manifest:manifest>
"""

_COMPONENTS: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<components xmlns="http://openoffice.org/2010/uno-components">
<component loader="com.sun.star.loader.Python" uri="./pyalloc_component.py">
<implementation name="{SERVICE}">
<service name="{SERVICE}"/><service name="com.sun.star.sheet.AddIn"/>
</implementation>
</component>
</components>
"""


def build_extension(out: Path) -> Path:
    """Write the extension, whose functions are answered by this Python, and return its path.

    The same functions and the same Python make the same bytes.

    Parameters
    ----------
    out : Path
        The folder; made if need be.
    """
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, text in _parts().items():
            part = ZipInfo(name)  # of 1980, lest the bytes differ from build to build
            part.external_attr = 0o644 << 16
            archive.writestr(part, text, ZIP_DEFLATED)
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / f".{FILE_NAME}.{os.getpid()}"
    unfinished.write_bytes(packed.getvalue())
    return unfinished.replace(out / FILE_NAME)


def _parts() -> Mapping[str, str]:
    functions = REGISTRY.values()
    settings = {
        "service": SERVICE,
        "functions": {function.name: function.reads_names for function in functions},
        # -P: nothing is imported from the folder in which LibreOffice happens to run.
        "worker": [sys.executable, "-P", "-m", "addin.calc.worker"],
    }
    return {
        "META-INF/manifest.xml": _MANIFEST,
        "description.xml": _DESCRIPTION,
        "XPyAlloc.idl": interface(functions),
        "CalcAddIns.xcu": configuration(functions),
        "pyalloc.components": _COMPONENTS,
        "pyalloc_component.py": _source("component.py"),
        "pythonpath/pyalloc_bridge.py": _source("bridge.py"),
        "settings.json": json.dumps(settings, indent=1),
    }


def _source(name: str) -> str:
    return files("addin.calc").joinpath(name).read_text(encoding="utf-8")
