"""What a firm does to the template in Excel: bands, bars, a logo, labels, cells and a sheet of its own."""

from __future__ import annotations

import re
from html import escape

from tests.workbooks.excel_save import LOGO, VIEW, ExcelFile, Page
from workbooks.template.book import Sizes
from workbooks.template.facts import Recipient

SAMPLE = Recipient("TPL-0001", "Template Heirs & Co")
"""Whom the template was made for; nobody else may ever read that name."""

BAND = "FFF1E6D2"
GEORGIA = "Georgia"
CURRENCY = "[$€-407]\\ #,##0.00"
"""How the firm writes amounts; its own files are in euro."""


def firms_own(data: bytes, sizes: Sizes) -> ExcelFile:
    """Return a workbook of these sizes with all that a firm may do to it."""
    file = ExcelFile(data)
    last_stock, last_line = 10 + sizes.stocks, 14 + sizes.lines
    holdings = file.pages["Holdings"]
    file.pages["Summary"].put("R2", "For clients of Alpine Partners")
    holdings.put("G14", "Anteil am Sleeve")
    file.edit("xl/styles.xml", lambda xml: xml.replace("Arial", GEORGIA))
    holdings.before = re.sub(r'width="34"(.*?) min="6"', r'width="41"\1 min="6"', holdings.before)
    holdings.before = holdings.before.replace(
        'activeCell="A1" sqref="A1"', f'activeCell="J{last_line}" sqref="J{last_line}"'
    )
    _band(file, "Stocks", range(11, last_stock + 1))
    _band(file, "Holdings", range(15, last_line + 1))
    _bar(file, f"I15:I{last_line}")
    _add_logo(file)
    _add_cells(file, last_line)
    _add_sheet(file, last_stock, last_line)
    return file


def _band(file: ExcelFile, title: str, rows: range) -> None:
    """Fill every other row of a table, and write the amounts of Holdings in euro."""
    page, styles, twins = file.pages[title], file.text("xl/styles.xml"), {}
    formats = re.search(r"<cellXfs count=.*?</cellXfs>", styles)
    fills = re.search(r"<fills count=.*?</fills>", styles)
    assert formats
    assert fills
    looks = re.findall(r"<xf [^>]*?/>|<xf .*?</xf>", formats[0])
    filled = fills[0].count("<fill>")
    for (row, column), cell in page.cells.items():
        if row not in rows:
            continue
        look = looks[cell.style]
        if (row - rows.start) % 2:
            look = re.sub(r'fillId="\d+"', f'fillId="{filled}"', look)
        if title == "Holdings" and column == 10:
            look = re.sub(r'numFmtId="\d+"', 'numFmtId="190"', look)
        number = twins.setdefault(look, len(looks) + len(twins))
        page.cells[row, column] = cell._replace(style=number)
    fill = f'<fill><patternFill patternType="solid"><fgColor rgb="{BAND}"/></patternFill></fill>'
    styles = styles.replace("</fills>", f"{fill}</fills>").replace(
        "</cellXfs>", f"{''.join(twins)}</cellXfs>"
    )
    euro = f'<numFmt numFmtId="190" formatCode="{CURRENCY}"/>'
    styles = styles.replace(euro, "").replace("</numFmts>", f"{euro}</numFmts>")
    for tag, count in (
        ("cellXfs", len(looks) + len(twins)),
        ("fills", filled + 1),
        ("numFmts", styles.count("<numFmt ")),
    ):
        styles = re.sub(rf'(<{tag} count=)"\d+"', rf'\1"{count}"', styles)
    file.parts["xl/styles.xml"] = styles.encode()


BAR_ID = "{DA7ABA51-AAAA-BBBB-0001-000000000001}"


def _bar(file: ExcelFile, area: str) -> None:
    """Show data bars, whose newer half lies in the extensions of the sheet."""
    page = file.pages["Holdings"]
    newer = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
    rule = (
        f'<conditionalFormatting sqref="{area}"><cfRule type="dataBar" priority="90"><dataBar>'
        '<cfvo type="min"/><cfvo type="max"/><color rgb="FF638EC6"/></dataBar><extLst>'
        f'<ext uri="{{B025F937-C7B1-47D3-B67F-A62EFF666E3E}}" xmlns:x14="{newer}"><x14:id>{BAR_ID}</x14:id>'
        "</ext></extLst></cfRule></conditionalFormatting>"
    )
    extension = (
        '<extLst><ext uri="{78C0D931-6437-407d-A8EE-F0AAD7539E65}" '
        f'xmlns:x14="{newer}"><x14:conditionalFormattings><x14:conditionalFormatting '
        'xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"><x14:cfRule type="dataBar" '
        f'id="{BAR_ID}"><x14:dataBar minLength="0" maxLength="100" gradient="0"><x14:cfvo type="autoMin"/>'
        f'<x14:cfvo type="autoMax"/></x14:dataBar></x14:cfRule><xm:sqref>{area}</xm:sqref>'
        "</x14:conditionalFormatting></x14:conditionalFormattings></ext></extLst>"
    )
    page.after = page.after.replace("<printOptions", f"{rule}<printOptions").replace(
        "</worksheet>", f"{extension}</worksheet>"
    )


def _add_logo(file: ExcelFile) -> None:
    """Put a picture onto the first page."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    picture = (
        "<oneCellAnchor><from><col>18</col><colOff>0</colOff><row>0</row><rowOff>0</rowOff></from>"
        '<ext cx="360000" cy="360000"/><pic><nvPicPr><cNvPr id="90" name="Logo"/><cNvPicPr/></nvPicPr>'
        f'<blipFill><a:blip xmlns:r="{office}" r:embed="rId90"/><a:stretch><a:fillRect/></a:stretch>'
        '</blipFill><spPr><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></spPr></pic><clientData/>'
        "</oneCellAnchor></wsDr>"
    )
    link = f'<Relationship Id="rId90" Type="{office}/image" Target="../media/image1.png"/></Relationships>'
    file.edit("xl/drawings/drawing1.xml", lambda xml: xml.replace("</wsDr>", picture))
    file.edit("xl/drawings/_rels/drawing1.xml.rels", lambda xml: xml.replace("</Relationships>", link))
    file.parts["xl/media/image1.png"] = LOGO


def _add_cells(file: ExcelFile, last: int) -> None:
    """Add cells beside and below what is ours."""
    file.pages["Summary"].put("X3", 2500.0, "budget*0.01")
    file.pages["Summary"].put("X4", "  kept with its spaces ")
    holdings = file.pages["Holdings"]
    holdings.put(f"I{last + 2}", "Control total")
    holdings.put(f"J{last + 2}", 250_000.0, f"SUM(J15:J{last})")
    for i in range(3):
        area = f"J{last + 4}:J{last + 6}" if i == 0 else ""
        formula = f"LARGE(J15:J{last},ROW(A1:A3))" if i == 0 else ""
        holdings.put(f"J{last + 4 + i}", 1.0, formula, area)


def _add_sheet(file: ExcelFile, last_stock: int, last: int) -> None:
    """Add a sheet with text, formulas that read ours, a list to choose from and a chart."""
    head = file.pages["Notes"].before
    area = f"Holdings!$I$15:$I${last}"
    after = (
        '<dataValidations count="1"><dataValidation type="list" allowBlank="1" sqref="E2"><formula1>'
        f"Holdings!$E$15:$E${last}</formula1></dataValidation></dataValidations>"
        '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
        '<drawing xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId1"/>'
        "</worksheet>"
    )
    page = Page(re.sub("<cols>.*</cols>", "", head), after)
    file.pages[VIEW] = page
    page.put("A1", f"House view: Holdings!J{last} is read below")
    page.put("B2", SAMPLE.client_name, "client_name")
    page.put("B3", 1.0, f"SUM(Stocks!$AF$11:$AF${last_stock})")
    page.put("B4", 60.0, "COUNTA(Holdings!$E:$E)")
    page.put("B5", 123.0, f"Holdings!J{last}")
    page.put("B6", 250_000.0, f"Holdings!J{last + 2}")
    page.put("B7", "the last is 123", f'"Holdings!J{last} is "&TEXT(Holdings!J{last},"0.00")')
    page.put("B8", 1.0, f"SUMPRODUCT('Holdings'!$I$15:$I${last}*1)")
    for row in range(10, 14):
        page.put(f"B{row}", float(row), f"Holdings!J{row + 5}*100+Holdings!J${last}")
    number = len(file.pages)
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    start = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    for name, kind, target in (
        (f"worksheets/_rels/sheet{number}.xml.rels", "drawing", "drawings/drawing9.xml"),
        ("drawings/_rels/drawing9.xml.rels", "chart", "charts/chart9.xml"),
    ):
        link = f'<Relationship Id="rId1" Type="{links}/{kind}" Target="/xl/{target}"/></Relationships>'
        file.parts[f"xl/{name}"] = (start + link).encode()
    drawing = file.text("xl/drawings/drawing2.xml")
    file.parts["xl/drawings/drawing9.xml"] = drawing.encode()
    chart = file.text("xl/charts/chart1.xml")
    chart = re.sub(r"<f>[^<]*</f>(?=<numCache>)", f"<f>{area}</f>", chart)
    names = f"<lvl><pt idx='0'><v>{escape(SAMPLE.client_name)}</v></pt></lvl>"
    both = f"<multiLvlStrCache><ptCount val='1'/>{names}</multiLvlStrCache>"
    categories = f"<multiLvlStrRef><f>Holdings!$C$15:$E${last}</f>{both}</multiLvlStrRef>"
    chart = re.sub("<strRef>.*?</strRef>", categories, chart)
    shown = f"<ptCount val='1'/><pt idx='0'><v>{escape(SAMPLE.client_name)}</v></pt>"
    title = f"<tx><strRef><f>'{VIEW}'!$B$2</f><strCache>{shown}</strCache></strRef></tx>"
    file.parts["xl/charts/chart9.xml"] = re.sub("<tx>.*?</tx>", title, chart, count=1).encode()
