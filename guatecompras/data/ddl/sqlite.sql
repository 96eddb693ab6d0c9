-- The nine tables of the source contract for SQLite.
-- Times are text, local wall-clock times of Guatemala without offset: YYYY-MM-DD HH:MM:SS[.fffffff]. Amounts are text
-- too: SQLite would keep them as binary floating point. The primary keys lead with nog: child rows are read by nog,
-- and by the dated column (indexed) where their nog is in no concurso.

-- Una fila por concurso (NOG), con su estado actual
CREATE TABLE concursos (
    nog INTEGER NOT NULL,
    descripcion TEXT,
    entidad_compradora INTEGER,
    unidad_compradora INTEGER,
    tipo_entidad INTEGER,
    sub_tipo_entidad INTEGER,
    modalidad INTEGER,
    sub_modalidad INTEGER,
    tipo_concurso INTEGER,
    recepcion_ofertas TEXT,
    categorias TEXT,
    objeto TEXT,
    objetos_adicionales TEXT,
    numero_oferentes INTEGER,
    valor_estimado TEXT,
    moneda TEXT,
    fecha_publicacion TEXT,
    fecha_cro TEXT,
    estatus_concurso INTEGER,
    fecha_actualizacion TEXT,
    PRIMARY KEY (nog)
);
CREATE INDEX concursos_fecha_publicacion ON concursos (fecha_publicacion);

-- Bitácora: una fila por cada hecho publicado de un NOG
CREATE TABLE eventos (
    evento_id TEXT NOT NULL,
    nog INTEGER NOT NULL,
    tipo TEXT,
    estatus_concurso INTEGER,
    fecha_evento TEXT,
    fecha_registro TEXT,
    PRIMARY KEY (nog, evento_id)
);
CREATE INDEX eventos_fecha_evento ON eventos (fecha_evento);

-- Organizaciones tal como aparecen en un NOG
CREATE TABLE partes (
    nog INTEGER NOT NULL,
    esquema TEXT NOT NULL,
    identificador TEXT NOT NULL,
    nombre TEXT,
    nit TEXT,
    miembro_de TEXT,
    direccion TEXT,
    municipio TEXT,
    departamento TEXT,
    pais TEXT,
    contacto_nombre TEXT,
    contacto_correo TEXT,
    contacto_telefono TEXT,
    contacto_fax TEXT,
    contactos_adicionales TEXT,
    tipo_id TEXT,
    tipo TEXT,
    tipo_entidad_id TEXT,
    tipo_entidad TEXT,
    nivel_id TEXT,
    nivel TEXT,
    tipo_persona_id TEXT,
    tipo_persona TEXT,
    PRIMARY KEY (nog, esquema, identificador)
);

-- Bienes, servicios u obras que se piden en un NOG
CREATE TABLE renglones (
    nog INTEGER NOT NULL,
    renglon_id TEXT NOT NULL,
    orden INTEGER,
    descripcion TEXT,
    unspsc TEXT,
    cantidad TEXT,
    unidad_medida TEXT,
    precio_unitario TEXT,
    moneda TEXT,
    PRIMARY KEY (nog, renglon_id)
);

-- Características de cada renglón
CREATE TABLE caracteristicas (
    nog INTEGER NOT NULL,
    renglon_id TEXT NOT NULL,
    caracteristica_id TEXT NOT NULL,
    orden INTEGER,
    nombre TEXT,
    valor TEXT,
    PRIMARY KEY (nog, renglon_id, caracteristica_id)
);

-- Ofertas presentadas en un NOG
CREATE TABLE ofertas (
    nog INTEGER NOT NULL,
    oferta_id TEXT NOT NULL,
    proveedor TEXT,
    monto TEXT,
    moneda TEXT,
    fecha TEXT,
    estado TEXT,
    PRIMARY KEY (nog, oferta_id)
);
CREATE INDEX ofertas_fecha ON ofertas (fecha);

-- Adjudicaciones de un NOG
CREATE TABLE adjudicaciones (
    nog INTEGER NOT NULL,
    adjudicacion_id TEXT NOT NULL,
    proveedor TEXT,
    monto TEXT,
    moneda TEXT,
    fecha_adjudicacion TEXT,
    estado TEXT,
    fecha_estado TEXT,
    PRIMARY KEY (nog, adjudicacion_id)
);
CREATE INDEX adjudicaciones_fecha_adjudicacion ON adjudicaciones (fecha_adjudicacion);

-- Contratos que nacen de una adjudicación
CREATE TABLE contratos (
    nog INTEGER NOT NULL,
    contrato_id TEXT NOT NULL,
    adjudicacion_id TEXT,
    numero_contrato TEXT,
    fecha_suscripcion TEXT,
    fecha_registro TEXT,
    vigencia_inicio TEXT,
    vigencia_fin TEXT,
    monto TEXT,
    moneda TEXT,
    estado TEXT,
    PRIMARY KEY (nog, contrato_id)
);
CREATE INDEX contratos_fecha_suscripcion ON contratos (fecha_suscripcion);

-- Documentos de un NOG o de uno de sus contratos
CREATE TABLE documentos (
    nog INTEGER NOT NULL,
    documento_id TEXT NOT NULL,
    contrato_id TEXT,
    tipo TEXT,
    titulo TEXT,
    url TEXT,
    extension TEXT,
    fecha_publicacion TEXT,
    PRIMARY KEY (nog, documento_id)
);
CREATE INDEX documentos_fecha_publicacion ON documentos (fecha_publicacion);
