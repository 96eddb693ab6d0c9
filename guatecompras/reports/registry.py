"""Which predefined reports there are, in the order in which they are shown."""

from collections.abc import Mapping

from guatecompras.reports import (
    concursos_adjudicados,
    concursos_anulados,
    concursos_desiertos,
    concursos_publicados,
    concursos_vigentes,
    contratos,
    numero_de_oferentes,
    ofertas_por_concurso,
    por_grupo,
    proveedores,
    tiempos,
)
from guatecompras.reports.report import Report

REPORTS: Mapping[str, Report] = {
    report.id: report
    for report in (
        concursos_publicados.REPORT,
        concursos_adjudicados.REPORT,
        concursos_desiertos.REPORT,
        concursos_anulados.REPORT,
        concursos_vigentes.REPORT,
        por_grupo.POR_ESTATUS,
        por_grupo.POR_MODALIDAD,
        por_grupo.POR_ENTIDAD,
        por_grupo.POR_CATEGORIA,
        por_grupo.POR_FAMILIA,
        por_grupo.POR_DEPARTAMENTO,
        proveedores.POR_MONTO,
        proveedores.POR_ENTIDAD,
        ofertas_por_concurso.REPORT,
        contratos.REPORT,
        tiempos.REPORT,
        numero_de_oferentes.REPORT,
    )
}
