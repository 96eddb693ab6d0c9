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
    por_categoria,
    por_departamento,
    por_entidad,
    por_estatus,
    por_familia_unspsc,
    por_modalidad,
    proveedores_por_entidad,
    proveedores_por_monto,
    tiempos,
)
from guatecompras.reports.report import Report

REPORTS: Mapping[str, Report] = {
    module.REPORT.id: module.REPORT
    for module in (
        concursos_publicados,
        concursos_adjudicados,
        concursos_desiertos,
        concursos_anulados,
        concursos_vigentes,
        por_estatus,
        por_modalidad,
        por_entidad,
        por_categoria,
        por_familia_unspsc,
        por_departamento,
        proveedores_por_monto,
        proveedores_por_entidad,
        ofertas_por_concurso,
        contratos,
        tiempos,
        numero_de_oferentes,
    )
}
