"""Charts: what a sheet asks for, and the openpyxl chart that Excel and LibreOffice draw alike."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from openpyxl.chart import (
    AreaChart,
    BarChart,
    DoughnutChart,
    LineChart,
    Reference,
    ScatterChart,
    Series,
)
from openpyxl.chart.axis import DateAxis
from openpyxl.chart.data_source import AxDataSource, NumFmt, NumRef, StrRef
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.legend import LegendEntry
from openpyxl.chart.marker import DataPoint, Marker
from openpyxl.chart.series import SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from workbooks.template.styles import FONT, GREY, INK, MUTED, RULE, YEAR

Kind = Literal["doughnut", "bars", "scatter", "area", "lines", "falls"]
Draw = Literal["fill", "line", "dashes", "dots", "point"]

_EMU_PER_POINT: Final = 12700
_FIRST_LINE: Final = 2.0
_OTHER_LINE: Final = 1.25
_TWO_YEARS: Final = 730.5  # days between labels of an axis of dates


class Line(NamedTuple):
    """One series: areas with their sheet, a title, and how it is drawn."""

    values: str
    categories: str
    title: str
    colour: str
    draw: Draw = "fill"
    label: Literal["l", "r", "t"] = "r"


class Chart(NamedTuple):
    """A chart from the first cell's corner to the last cell's; `says` is its text for who cannot see it."""

    kind: Kind
    first: str
    last: str
    lines: tuple[Line, ...]
    says: str
    colours: tuple[str, ...] = ()
    number_format: str = "0%"
    x_title: str = ""
    y_title: str = ""
    labels: bool = False
    dates: tuple[int, int] | None = None
    """First and last date of a horizontal axis of dates; none where that axis is not one."""


def draw(chart: Chart, target: Any) -> Any:
    """Return the openpyxl chart, whose areas lie in the workbook of the worksheet `target`."""
    made = {
        "doughnut": _doughnut,
        "bars": _bars,
        "scatter": _scatter,
        "area": _area,
        "lines": _lines,
        "falls": _falls,
    }[chart.kind](chart, target)
    made.anchor = TwoCellAnchor(editAs="twoCell", _from=_marker(chart.first), to=_marker(chart.last))
    made.roundedCorners = False
    made.graphical_properties = _nothing()
    made.plot_area.graphicalProperties = _nothing()
    return made


def _doughnut(chart: Chart, target: Any) -> DoughnutChart:
    made = DoughnutChart(holeSize=62)
    series = _series(chart.lines[0], target)
    for i, colour in enumerate(chart.colours):
        properties = GraphicalProperties(solidFill=colour)
        properties.line = LineProperties(solidFill="FFFFFF", w=int(1.5 * _EMU_PER_POINT))
        series.dPt.append(DataPoint(idx=i, spPr=properties))
    series.dLbls = _labels(shown=False)
    made.series.append(series)
    made.legend = None
    made.layout = Layout(manualLayout=ManualLayout(x=0.05, y=0.05, w=0.9, h=0.9))
    return made


def _bars(chart: Chart, target: Any) -> BarChart:
    made = BarChart()
    made.type, made.gapWidth, made.overlap = "bar", 45, None
    for line in chart.lines:
        series = _series(line, target)
        series.graphicalProperties = GraphicalProperties(solidFill=line.colour)
        series.invertIfNegative = False
        series.dLbls = _labels(shown=chart.labels, number_format="0.0%")
        made.series.append(series)
    _axis(made.x_axis, "", None)
    _axis(made.y_axis, "", chart.number_format)
    made.x_axis.scaling.orientation = "maxMin"
    made.x_axis.tickLblPos = "low"
    made.y_axis.delete = chart.labels
    if chart.labels:
        made.y_axis.majorGridlines = None
        made.legend = None
    else:
        _legend(made)
    return made


def _scatter(chart: Chart, target: Any) -> ScatterChart:
    made = ScatterChart()
    made.scatterStyle = "lineMarker"
    for i, line in enumerate(chart.lines):
        series = Series(
            Reference(target, range_string=line.values), Reference(target, range_string=line.categories)
        )
        series.tx = SeriesLabel(v=line.title)
        series.smooth = False
        series.graphicalProperties = GraphicalProperties()
        if line.draw == "line":
            series.graphicalProperties.line = LineProperties(
                solidFill=line.colour, w=int(1.75 * _EMU_PER_POINT)
            )
            series.marker = Marker(symbol="none")
        else:
            series.graphicalProperties.line = LineProperties(noFill=True)
            series.marker = Marker(symbol="circle", size=4 if line.draw == "dots" else 9)
            series.marker.graphicalProperties = GraphicalProperties(solidFill=line.colour)
            series.marker.graphicalProperties.line = LineProperties(solidFill="FFFFFF")
        series.dLbls = _labels(shown=False)
        if line.draw == "point":
            series.dLbls = _labels(shown=False)
            series.dLbls.showSerName, series.dLbls.position = True, line.label
        made.series.append(series)
        series.idx = series.order = i
    _axis(made.x_axis, chart.x_title, YEAR if chart.dates else chart.number_format)
    _axis(made.y_axis, chart.y_title, chart.number_format)
    if chart.dates:
        made.x_axis.scaling.min, made.x_axis.scaling.max = chart.dates
        made.x_axis.majorUnit = _TWO_YEARS
        made.x_axis.majorGridlines = None
        made.x_axis.tickLblPos = "low"
    _legend(made)
    made.legend.legendEntry = [
        LegendEntry(idx=i, delete=True) for i, line in enumerate(chart.lines) if line.draw == "point"
    ]
    return made


def _area(chart: Chart, target: Any) -> AreaChart:
    """Return parts of a whole through time, stacked to one; categories are dates in ascending order."""
    made = AreaChart(grouping="stacked")
    for line in chart.lines:
        series = _series(line, target)
        series.cat = AxDataSource(numRef=NumRef(f=line.categories))
        series.graphicalProperties = GraphicalProperties(solidFill=line.colour)
        made.series.append(series)
    _over_time(made, chart)
    made.y_axis.scaling.min, made.y_axis.scaling.max = 0.0, 1.0
    _legend(made)
    return made


def _lines(chart: Chart, target: Any) -> LineChart:
    """Return values by month; categories are dates in ascending order."""
    made = LineChart()
    for i, line in enumerate(chart.lines):
        series = _series(line, target)
        series.cat = AxDataSource(numRef=NumRef(f=line.categories))
        series.graphicalProperties = GraphicalProperties()
        width = _FIRST_LINE if i == 0 else _OTHER_LINE
        series.graphicalProperties.line = LineProperties(
            solidFill=line.colour,
            w=int(width * _EMU_PER_POINT),
            prstDash="sysDash" if line.draw == "dashes" else None,
        )
        series.marker = Marker(symbol="none")
        series.smooth = False
        made.series.append(series)
    _over_time(made, chart)
    _legend(made)
    return made


def _falls(chart: Chart, target: Any) -> AreaChart:
    """Return a single series of values of at most 0, filled from there down."""
    made = AreaChart(grouping="standard")
    [line] = chart.lines
    series = _series(line, target)
    series.cat = AxDataSource(numRef=NumRef(f=line.categories))
    series.graphicalProperties = GraphicalProperties(solidFill=line.colour)
    made.series.append(series)
    _over_time(made, chart)
    made.legend = None
    return made


def _over_time(made: Any, chart: Chart) -> None:
    """Give a chart an axis of dates, by years."""
    made.x_axis = DateAxis(crossAx=100, majorTimeUnit="years")
    made.y_axis.crossAx = 500
    _axis(made.x_axis, "", YEAR)
    _axis(made.y_axis, "", chart.number_format)
    made.x_axis.majorUnit, made.x_axis.baseTimeUnit = 2, "months"
    made.x_axis.tickLblPos = "low"


def _series(line: Line, target: Any) -> Any:
    series = Series(Reference(target, range_string=line.values))
    series.cat = _category_source(line.categories)
    series.tx = SeriesLabel(v=line.title)
    return series


def _category_source(area: str) -> Any:
    return AxDataSource(strRef=StrRef(f=area))


def _axis(axis: Any, title: str, number_format: str | None) -> None:
    # openpyxl writes no <delete>, and Excel then draws no axis.
    axis.delete = False
    axis.txPr = _text(8, MUTED)
    axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=RULE))
    axis.majorTickMark = "none"
    if number_format:
        axis.number_format = number_format
        axis.numFmt = NumFmt(formatCode=number_format, sourceLinked=False)
        if axis.majorGridlines is not None:
            axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill="E6E9ED"))
    if title:
        axis.title = title
        axis.title.tx.rich.p[0].pPr = ParagraphProperties(defRPr=_characters(8, GREY))
        for run in axis.title.tx.rich.p[0].r or []:
            run.rPr = _characters(8, GREY)
        axis.title.overlay = False


def _legend(made: Any) -> None:
    made.legend.position = "b"
    made.legend.txPr = _text(8, GREY)


def _labels(*, shown: bool, number_format: str | None = None) -> DataLabelList:
    """Return data labels with every flag stated: Excel shows what is left out."""
    return DataLabelList(
        showVal=shown,
        showSerName=False,
        showCatName=False,
        showLegendKey=False,
        showPercent=False,
        showBubbleSize=False,
        numFmt=number_format if shown else None,
        txPr=_text(8, INK),
    )


def _nothing() -> GraphicalProperties:
    return GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))


def _characters(size: float, colour: str) -> CharacterProperties:
    return CharacterProperties(sz=int(size * 100), b=False, solidFill=colour, latin=Font(typeface=FONT))


def _text(size: float, colour: str) -> RichText:
    paragraph = Paragraph(
        pPr=ParagraphProperties(defRPr=_characters(size, colour)), endParaRPr=_characters(size, colour)
    )
    return RichText(p=[paragraph])


def _marker(cell: str) -> AnchorMarker:
    letters, row = coordinate_from_string(cell)
    return AnchorMarker(col=column_index_from_string(letters) - 1, row=row - 1)
