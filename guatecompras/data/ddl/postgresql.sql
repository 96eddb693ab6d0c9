-- The nine tables of the source contract for PostgreSQL. Views of the same names and columns serve as well.
-- Times are local wall-clock times of Guatemala without offset. The primary keys lead with nog: child rows are read
-- by nog, and by the dated column (indexed) where their nog is in no concurso.

CREATE TABLE concursos (
    nog bigint NOT NULL,
    descripcion text,
    entidad_compradora bigint,
    unidad_compradora bigint,
    tipo_entidad bigint,
    sub_tipo_entidad bigint,
    modalidad bigint,
    sub_modalidad bigint,
    tipo_concurso bigint,
    recepcion_ofertas text,
    categorias text,
    objeto text,
    objetos_adicionales text,
    numero_oferentes bigint,
    valor_estimado numeric(18,2),
    moneda text,
    fecha_publicacion timestamp,
    fecha_cro timestamp,
    estatus_concurso bigint,
    fecha_actualizacion timestamp,
    PRIMARY KEY (nog)
);
CREATE INDEX concursos_fecha_publicacion ON concursos (fecha_publicacion);
COMMENT ON TABLE concursos IS 'Una fila por concurso (NOG), con su estado actual';
COMMENT ON COLUMN concursos.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN concursos.descripcion IS 'Título del concurso';
COMMENT ON COLUMN concursos.entidad_compradora IS 'Número de la entidad compradora';
COMMENT ON COLUMN concursos.unidad_compradora IS 'Unidad compradora dentro de la entidad; 0 es la entidad misma';
COMMENT ON COLUMN concursos.tipo_entidad IS 'Tipo de entidad';
COMMENT ON COLUMN concursos.sub_tipo_entidad IS 'Subtipo de entidad';
COMMENT ON COLUMN concursos.modalidad IS 'Catálogo modalidades';
COMMENT ON COLUMN concursos.sub_modalidad IS 'Catálogo sub_modalidades; solo con la modalidad 6';
COMMENT ON COLUMN concursos.tipo_concurso IS '1 público, 2 restringido, 3 vinculado';
COMMENT ON COLUMN concursos.recepcion_ofertas IS 'electronica o papel';
COMMENT ON COLUMN concursos.categorias IS 'Catálogo categorias (1 a 14), separadas por comas';
COMMENT ON COLUMN concursos.objeto IS 'Categoría principal: bienes, servicios u obras';
COMMENT ON COLUMN concursos.objetos_adicionales IS 'Las otras categorías de las tres, separadas por comas';
COMMENT ON COLUMN concursos.numero_oferentes IS 'Número de oferentes, si se sabe sin las ofertas';
COMMENT ON COLUMN concursos.valor_estimado IS 'Valor estimado, si se tiene';
COMMENT ON COLUMN concursos.moneda IS 'Moneda del valor estimado (GTQ, USD, EUR)';
COMMENT ON COLUMN concursos.fecha_publicacion IS 'Publicación de la convocatoria; su mes local es el mes del concurso';
COMMENT ON COLUMN concursos.fecha_cro IS 'Cierre de recepción de ofertas';
COMMENT ON COLUMN concursos.estatus_concurso IS 'Estatus actual, catálogo estatus';
COMMENT ON COLUMN concursos.fecha_actualizacion IS 'Último cambio de cualquier dato de este NOG';

CREATE TABLE eventos (
    evento_id text NOT NULL,
    nog bigint NOT NULL,
    tipo text,
    estatus_concurso bigint,
    fecha_evento timestamp,
    fecha_registro timestamp,
    PRIMARY KEY (nog, evento_id)
);
CREATE INDEX eventos_fecha_evento ON eventos (fecha_evento);
COMMENT ON TABLE eventos IS 'Bitácora: una fila por cada hecho publicado de un NOG';
COMMENT ON COLUMN eventos.evento_id IS 'Identificador estable del evento';
COMMENT ON COLUMN eventos.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN eventos.tipo IS 'publicacion, modificacion, cambio_estatus, recepcion_ofertas, adjudicacion, inhabilitacion, contrato o anulacion';
COMMENT ON COLUMN eventos.estatus_concurso IS 'Estatus del concurso después del evento, catálogo estatus';
COMMENT ON COLUMN eventos.fecha_evento IS 'Cuándo ocurrió';
COMMENT ON COLUMN eventos.fecha_registro IS 'Cuándo se hizo público; como texto admite la séptima cifra de los segundos';

CREATE TABLE partes (
    nog bigint NOT NULL,
    esquema text NOT NULL,
    identificador text NOT NULL,
    nombre text,
    nit text,
    miembro_de text,
    direccion text,
    municipio text,
    departamento text,
    pais text,
    contacto_nombre text,
    contacto_correo text,
    contacto_telefono text,
    contacto_fax text,
    contactos_adicionales text,
    tipo_id text,
    tipo text,
    tipo_entidad_id text,
    tipo_entidad text,
    nivel_id text,
    nivel text,
    tipo_persona_id text,
    tipo_persona text,
    PRIMARY KEY (nog, esquema, identificador)
);
COMMENT ON TABLE partes IS 'Organizaciones tal como aparecen en un NOG';
COMMENT ON COLUMN partes.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN partes.esquema IS 'GT-CISP entidad, GT-GCUC unidad compradora, GT-NIT proveedor, GT-GCID proveedor extranjero';
COMMENT ON COLUMN partes.identificador IS 'Identificador dentro del esquema';
COMMENT ON COLUMN partes.nombre IS 'Nombre de la organización';
COMMENT ON COLUMN partes.nit IS 'NIT de una entidad (identificador adicional)';
COMMENT ON COLUMN partes.miembro_de IS 'Entidad a la que pertenece una unidad compradora';
COMMENT ON COLUMN partes.direccion IS 'Dirección';
COMMENT ON COLUMN partes.municipio IS 'Municipio';
COMMENT ON COLUMN partes.departamento IS 'Departamento';
COMMENT ON COLUMN partes.pais IS 'País';
COMMENT ON COLUMN partes.contacto_nombre IS 'Nombre del contacto';
COMMENT ON COLUMN partes.contacto_correo IS 'Correo electrónico del contacto';
COMMENT ON COLUMN partes.contacto_telefono IS 'Teléfono del contacto';
COMMENT ON COLUMN partes.contacto_fax IS 'Fax del contacto';
COMMENT ON COLUMN partes.contactos_adicionales IS 'Otros contactos: lista JSON de objetos con nombre, correo y telefono';
COMMENT ON COLUMN partes.tipo_id IS 'Tipo de organización, código';
COMMENT ON COLUMN partes.tipo IS 'Tipo de organización';
COMMENT ON COLUMN partes.tipo_entidad_id IS 'Tipo de entidad, código';
COMMENT ON COLUMN partes.tipo_entidad IS 'Tipo de entidad';
COMMENT ON COLUMN partes.nivel_id IS 'Nivel, código';
COMMENT ON COLUMN partes.nivel IS 'Nivel';
COMMENT ON COLUMN partes.tipo_persona_id IS 'Tipo de persona jurídica o individual, código';
COMMENT ON COLUMN partes.tipo_persona IS 'Tipo de persona jurídica o individual';

CREATE TABLE renglones (
    nog bigint NOT NULL,
    renglon_id text NOT NULL,
    orden bigint,
    descripcion text,
    unspsc text,
    cantidad numeric(18,4),
    unidad_medida text,
    precio_unitario numeric(18,2),
    moneda text,
    PRIMARY KEY (nog, renglon_id)
);
COMMENT ON TABLE renglones IS 'Bienes, servicios u obras que se piden en un NOG';
COMMENT ON COLUMN renglones.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN renglones.renglon_id IS 'Renglón dentro del NOG';
COMMENT ON COLUMN renglones.orden IS 'Posición del renglón';
COMMENT ON COLUMN renglones.descripcion IS 'Descripción de lo que se pide';
COMMENT ON COLUMN renglones.unspsc IS 'Código UNSPSC de 8 cifras';
COMMENT ON COLUMN renglones.cantidad IS 'Cantidad';
COMMENT ON COLUMN renglones.unidad_medida IS 'Unidad de medida';
COMMENT ON COLUMN renglones.precio_unitario IS 'Precio unitario, si se tiene';
COMMENT ON COLUMN renglones.moneda IS 'Moneda del precio (GTQ, USD, EUR)';

CREATE TABLE caracteristicas (
    nog bigint NOT NULL,
    renglon_id text NOT NULL,
    caracteristica_id text NOT NULL,
    orden bigint,
    nombre text,
    valor text,
    PRIMARY KEY (nog, renglon_id, caracteristica_id)
);
COMMENT ON TABLE caracteristicas IS 'Características de cada renglón';
COMMENT ON COLUMN caracteristicas.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN caracteristicas.renglon_id IS 'Renglón al que pertenece';
COMMENT ON COLUMN caracteristicas.caracteristica_id IS 'Característica dentro del renglón';
COMMENT ON COLUMN caracteristicas.orden IS 'Posición de la característica';
COMMENT ON COLUMN caracteristicas.nombre IS 'Nombre';
COMMENT ON COLUMN caracteristicas.valor IS 'Valor';

CREATE TABLE ofertas (
    nog bigint NOT NULL,
    oferta_id text NOT NULL,
    proveedor text,
    monto numeric(18,2),
    moneda text,
    fecha timestamp,
    estado text,
    PRIMARY KEY (nog, oferta_id)
);
CREATE INDEX ofertas_fecha ON ofertas (fecha);
COMMENT ON TABLE ofertas IS 'Ofertas presentadas en un NOG';
COMMENT ON COLUMN ofertas.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN ofertas.oferta_id IS 'Oferta dentro del NOG';
COMMENT ON COLUMN ofertas.proveedor IS 'Proveedor: GT-NIT-… o GT-GCID-…';
COMMENT ON COLUMN ofertas.monto IS 'Monto; 0.00 en datos antiguos significa desconocido';
COMMENT ON COLUMN ofertas.moneda IS 'Moneda del monto (GTQ, USD, EUR)';
COMMENT ON COLUMN ofertas.fecha IS 'Cuándo se presentó';
COMMENT ON COLUMN ofertas.estado IS 'valida, descalificada o retirada';

CREATE TABLE adjudicaciones (
    nog bigint NOT NULL,
    adjudicacion_id text NOT NULL,
    proveedor text,
    monto numeric(18,2),
    moneda text,
    fecha_adjudicacion timestamp,
    estado text,
    fecha_estado timestamp,
    PRIMARY KEY (nog, adjudicacion_id)
);
CREATE INDEX adjudicaciones_fecha_adjudicacion ON adjudicaciones (fecha_adjudicacion);
COMMENT ON TABLE adjudicaciones IS 'Adjudicaciones de un NOG';
COMMENT ON COLUMN adjudicaciones.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN adjudicaciones.adjudicacion_id IS 'Adjudicación dentro del NOG';
COMMENT ON COLUMN adjudicaciones.proveedor IS 'Proveedor: GT-NIT-… o GT-GCID-…';
COMMENT ON COLUMN adjudicaciones.monto IS 'Monto; 0.00 en datos antiguos significa desconocido';
COMMENT ON COLUMN adjudicaciones.moneda IS 'Moneda del monto (GTQ, USD, EUR)';
COMMENT ON COLUMN adjudicaciones.fecha_adjudicacion IS 'Cuándo se adjudicó';
COMMENT ON COLUMN adjudicaciones.estado IS 'habilitado o inhabilitado';
COMMENT ON COLUMN adjudicaciones.fecha_estado IS 'Último cambio del estado';

CREATE TABLE contratos (
    nog bigint NOT NULL,
    contrato_id text NOT NULL,
    adjudicacion_id text,
    numero_contrato text,
    fecha_suscripcion timestamp,
    fecha_registro timestamp,
    vigencia_inicio timestamp,
    vigencia_fin timestamp,
    monto numeric(18,2),
    moneda text,
    estado text,
    PRIMARY KEY (nog, contrato_id)
);
CREATE INDEX contratos_fecha_suscripcion ON contratos (fecha_suscripcion);
COMMENT ON TABLE contratos IS 'Contratos que nacen de una adjudicación';
COMMENT ON COLUMN contratos.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN contratos.contrato_id IS 'Contrato dentro del NOG';
COMMENT ON COLUMN contratos.adjudicacion_id IS 'Adjudicación de la que nace';
COMMENT ON COLUMN contratos.numero_contrato IS 'Número del contrato';
COMMENT ON COLUMN contratos.fecha_suscripcion IS 'Cuándo se suscribió';
COMMENT ON COLUMN contratos.fecha_registro IS 'Cuándo se hizo público';
COMMENT ON COLUMN contratos.vigencia_inicio IS 'Inicio de la vigencia';
COMMENT ON COLUMN contratos.vigencia_fin IS 'Fin de la vigencia';
COMMENT ON COLUMN contratos.monto IS 'Monto; 0.00 en datos antiguos significa desconocido';
COMMENT ON COLUMN contratos.moneda IS 'Moneda del monto (GTQ, USD, EUR)';
COMMENT ON COLUMN contratos.estado IS 'vigente, terminado o anulado';

CREATE TABLE documentos (
    nog bigint NOT NULL,
    documento_id text NOT NULL,
    contrato_id text,
    tipo text,
    titulo text,
    url text,
    extension text,
    fecha_publicacion timestamp,
    PRIMARY KEY (nog, documento_id)
);
CREATE INDEX documentos_fecha_publicacion ON documentos (fecha_publicacion);
COMMENT ON TABLE documentos IS 'Documentos de un NOG o de uno de sus contratos';
COMMENT ON COLUMN documentos.nog IS 'Número de Operación Guatecompras';
COMMENT ON COLUMN documentos.documento_id IS 'Documento dentro del NOG';
COMMENT ON COLUMN documentos.contrato_id IS 'Contrato al que pertenece; sin valor, es del concurso';
COMMENT ON COLUMN documentos.tipo IS 'Tipo, con las palabras de Guatecompras';
COMMENT ON COLUMN documentos.titulo IS 'Título';
COMMENT ON COLUMN documentos.url IS 'Dirección de descarga';
COMMENT ON COLUMN documentos.extension IS 'Extensión del archivo';
COMMENT ON COLUMN documentos.fecha_publicacion IS 'Cuándo se publicó';
