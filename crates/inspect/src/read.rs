//! The pass over the bytes: each section is validated and looked at once, each function once, and nothing is kept that grows with them.

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentDefinedType, ComponentInstance,
    ComponentOuterAliasKind, ComponentType, ComponentTypeDeclaration, ConstExpr, CustomSectionReader, DataKind,
    ElementItems, ElementKind, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, GlobalType, Instance,
    InstanceTypeDeclaration, KnownCustom, MemoryType, Name, Operator, Parser, Payload, TableType, TypeRef,
    ValidPayload, Validator, ValidatorResources,
};

use crate::interface::{Interface, MAX_ITEMS, shown};
use crate::proposals::{self, Proposals};
use crate::suspicion::Watch;
use crate::{CustomSection, Data, Globals, Inspection, Kind, Memory, Nested, Producer, Start, Table, capability};

/// Largest module that is looked at, in bytes. Source: the largest that the validator takes.
pub(crate) const MAX_BYTES: usize = 1 << 30;
/// Deepest nesting of modules and components.
const MAX_DEPTH: usize = 64;
/// Most nested modules, memories, tables, custom sections and producers that are listed; all of them are counted.
pub(crate) const MAX_LISTED: usize = 1_000;
/// Most names of debug sections that are looked at.
const MAX_DEBUG_NAMES: usize = 100_000;

/// Bytes that are no sound wasm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {offset}")]
#[non_exhaustive]
pub struct Invalid {
    /// What the validator says; it may hold names that the guest chose, made safe.
    pub message: String,
    /// Where, in bytes from the start.
    pub offset: u64,
}

impl From<&wasmparser::Error> for Invalid {
    fn from(error: &wasmparser::Error) -> Self {
        Self { message: shown(error.message()), offset: error.offset() as u64 }
    }
}

/// Why bytes cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// It does not begin like wasm.
    #[error("not binary wasm: {0}")]
    NotWasm(&'static str),
    /// More bytes than are looked at.
    #[error("{0} bytes are more than are looked at")]
    TooLarge(u64),
    /// Modules within components within components, too deep.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// It does not validate, whatever is allowed.
    #[error("not sound wasm: {0}")]
    Invalid(Invalid),
}

impl From<wasmparser::Error> for InspectError {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid(Invalid::from(&error))
    }
}

/// What bytes are that are no wasm, by how they begin.
const STRANGERS: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "it is compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd"),
    (b"PK\x03\x04", "it is a zip archive"),
    (b"\x7fELF", "it is an ELF file, perhaps precompiled native code"),
    (b"MZ", "it is a Windows program"),
    (b"#!", "it is a script"),
    (b"(", "it is text; only binary wasm is looked at"),
    (b";;", "it is text; only binary wasm is looked at"),
    (b"\0asm", "its header is of no known version"),
];

/// What an instance of something takes when it is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weight {
    pub(crate) instances: u64,
    pub(crate) memory: u64,
    pub(crate) elements: u64,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.instances = self.instances.saturating_add(other.instances);
        self.memory = self.memory.saturating_add(other.memory);
        self.elements = self.elements.saturating_add(other.elements);
    }
}

/// A module or component that is being read.
#[derive(Default)]
struct Open {
    component: bool,
    /// Where it begins, in bytes.
    begin: usize,
    /// What an instance of it takes.
    weight: Weight,
    /// Of a component: what its modules and its components take, by their index.
    modules: Vec<Weight>,
    components: Vec<Weight>,
    imported_functions: u64,
    imported_globals: u64,
    functions: u64,
    memories: u64,
    tables: u64,
}

/// The state of the pass.
struct Reader<'b> {
    bytes: &'b [u8],
    found: Inspection,
    used: Proposals,
    watch: Watch,
    open: Vec<Open>,
    /// The outermost component's imports and exports, by name.
    imports: Vec<&'b str>,
    exports: Vec<&'b str>,
    allocations: FuncValidatorAllocations,
}

/// Bytes from which on the digest is worth a thread of its own: it takes a fifth of the time that validating does.
const LARGE: usize = 256 << 10;

/// Looks at bytes, with their digest.
pub(crate) fn read(bytes: &[u8]) -> Result<Inspection, InspectError> {
    let digest = || gauntlet_record::digest(bytes);
    let (found, digest) = std::thread::scope(|scope| {
        let large = (LARGE..=MAX_BYTES).contains(&bytes.len());
        let thread = large.then(|| std::thread::Builder::new().spawn_scoped(scope, digest).ok()).flatten();
        let found = pass(bytes);
        (found, thread.and_then(|thread| thread.join().ok()))
    });
    let mut found = found?;
    found.sha256 = digest.unwrap_or_else(|| gauntlet_record::digest(bytes));
    Ok(found)
}

fn pass(bytes: &[u8]) -> Result<Inspection, InspectError> {
    if bytes.len() > MAX_BYTES {
        return Err(InspectError::TooLarge(bytes.len() as u64));
    }
    let component = Parser::is_component(bytes);
    if !component && !Parser::is_core_wasm(bytes) {
        let known = STRANGERS.iter().find(|(begin, _)| bytes.starts_with(begin));
        let other = if bytes.is_empty() { "it is empty" } else { "it begins like nothing that is known here" };
        return Err(InspectError::NotWasm(known.map_or(other, |(_, what)| *what)));
    }
    let mut reader = Reader {
        bytes,
        found: Inspection { size: bytes.len() as u64, ..Inspection::default() },
        used: Proposals::default(),
        watch: Watch::default(),
        open: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
        allocations: FuncValidatorAllocations::default(),
    };
    crate::nesting::check(bytes).map_err(InspectError::Invalid)?;
    reader.found.kind = if component { Kind::Component } else { Kind::Module };
    let mut validator = Validator::new_with_features(proposals::all());
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => reader.function(function, &body)?,
            ValidPayload::End(types) => {
                let Some(done) = reader.open.pop() else { continue };
                if reader.open.is_empty() {
                    reader.end(&done);
                    reader.found.interface = if component {
                        Interface::of_component(types.as_ref(), &reader.imports, &reader.exports)
                    } else {
                        Interface::of_module(types.as_ref())
                    };
                } else {
                    reader.end_nested(done, &payload);
                }
            }
            ValidPayload::Ok | ValidPayload::Parser(_) => reader.section(payload)?,
        }
    }
    Ok(reader.finish())
}

impl<'b> Reader<'b> {
    fn current(&mut self) -> Option<&mut Open> {
        self.open.last_mut()
    }

    fn section(&mut self, payload: Payload<'b>) -> Result<(), InspectError> {
        match payload {
            Payload::Version { encoding, range, .. } => {
                if self.open.len() >= MAX_DEPTH {
                    return Err(InspectError::TooDeep);
                }
                let component = encoding == Encoding::Component;
                if component {
                    self.used.add(Proposals::COMPONENT_MODEL);
                }
                self.watch.depth = self.watch.depth.max(self.open.len() + 1);
                self.open.push(Open { component, begin: range.start, ..Open::default() });
            }
            Payload::TypeSection(section) => {
                for group in section {
                    let group = group?;
                    if group.is_explicit_rec_group() {
                        self.used.add(Proposals::GC);
                    }
                    group.types().for_each(|kind| self.used.sub_type(kind));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.watch.name(import.module);
                    self.watch.name(import.name);
                    self.import(import.ty);
                }
            }
            Payload::FunctionSection(section) => {
                let count = u64::from(section.count());
                self.found.functions.defined = self.found.functions.defined.saturating_add(count);
                if let Some(open) = self.current() {
                    open.functions += count;
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table?;
                    if let wasmparser::TableInit::Expr(expression) = &table.init {
                        self.used.add(Proposals::FUNCTION_REFERENCES);
                        self.constant(expression)?;
                    }
                    self.table(&table.ty, false);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory(memory?, false);
                }
            }
            Payload::TagSection(_) => self.used.add(Proposals::EXCEPTIONS),
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global?;
                    self.constant(&global.init_expr)?;
                    self.global(&global.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    self.watch.name(export?.name);
                }
            }
            Payload::StartSection { func, .. } => {
                let outermost = self.open.len() == 1;
                if outermost || self.found.start.is_none() {
                    self.found.start = Some(Start { function: func, nested: !outermost });
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element?;
                    match &element.kind {
                        ElementKind::Active { table_index, offset_expr } => {
                            if table_index.is_some_and(|table| table > 0) {
                                self.used.add(Proposals::REFERENCE_TYPES);
                            }
                            self.constant(offset_expr)?;
                        }
                        ElementKind::Declared => self.used.add(Proposals::REFERENCE_TYPES),
                        ElementKind::Passive => self.used.add(Proposals::BULK_MEMORY),
                    }
                    match element.items {
                        ElementItems::Functions(items) => self.found.data.elements += u64::from(items.count()),
                        ElementItems::Expressions(kind, items) => {
                            self.used.reference(kind);
                            self.found.data.elements += u64::from(items.count());
                            for item in items {
                                self.constant(&item?)?;
                            }
                        }
                    }
                }
            }
            // Without it, data can only be laid out at the start.
            Payload::DataCountSection { .. } => self.used.add(Proposals::BULK_MEMORY),
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?;
                    match &data.kind {
                        DataKind::Passive => self.used.add(Proposals::BULK_MEMORY),
                        DataKind::Active { offset_expr, .. } => self.constant(offset_expr)?,
                    }
                    let Data { segments, bytes, .. } = &mut self.found.data;
                    *segments += 1;
                    *bytes = bytes.saturating_add(data.data.len() as u64);
                }
            }
            Payload::CustomSection(section) => self.custom(&section),
            Payload::ComponentTypeSection(section) => {
                for kind in section {
                    self.component_type(&kind?);
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    self.canonical(&function?);
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let (Instance::Instantiate { module_index, .. }, Some(open)) = (instance?, self.current()) {
                        let made = open.modules.get(module_index as usize).copied();
                        open.weight.add(made.unwrap_or(Weight { instances: 1, ..Weight::default() }));
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if let (ComponentInstance::Instantiate { component_index, .. }, Some(open)) =
                        (instance?, self.current())
                    {
                        let made = open.components.get(component_index as usize).copied();
                        open.weight.add(made.unwrap_or_default());
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    self.watch.name(import.name.name);
                    if self.open.len() == 1 && self.imports.len() < MAX_ITEMS {
                        self.imports.push(import.name.name);
                    }
                    self.stands_for(match import.ty {
                        wasmparser::ComponentTypeRef::Module(_) => Some(ComponentOuterAliasKind::CoreModule),
                        wasmparser::ComponentTypeRef::Component(_) => Some(ComponentOuterAliasKind::Component),
                        _ => None,
                    });
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.watch.name(export.name.name);
                    if self.open.len() == 1 && self.exports.len() < MAX_ITEMS {
                        self.exports.push(export.name.name);
                    }
                    // An export stands in its index space once more.
                    let index = export.index as usize;
                    if let Some(open) = self.current() {
                        match export.kind {
                            wasmparser::ComponentExternalKind::Module => {
                                let again = open.modules.get(index).copied().unwrap_or_default();
                                open.modules.push(again);
                            }
                            wasmparser::ComponentExternalKind::Component => {
                                let again = open.components.get(index).copied().unwrap_or_default();
                                open.components.push(again);
                            }
                            _ => {}
                        }
                    }
                }
            }
            // Nested ones are announced here and read next; the rest holds nothing that is told.
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, kind: TypeRef) {
        match kind {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                self.found.functions.imported += u64::from(self.open.len() == 1);
                if let Some(open) = self.current() {
                    open.imported_functions += 1;
                }
            }
            TypeRef::Table(table) => self.table(&table, true),
            TypeRef::Memory(memory) => self.memory(memory, true),
            TypeRef::Global(global) => {
                self.found.globals.imported += u64::from(self.open.len() == 1);
                if let Some(open) = self.current() {
                    open.imported_globals += 1;
                }
                self.used.value(global.content_type);
            }
            TypeRef::Tag(_) => self.used.add(Proposals::EXCEPTIONS),
        }
    }

    fn global(&mut self, kind: &GlobalType) {
        let Globals { defined, mutable, .. } = &mut self.found.globals;
        *defined += 1;
        *mutable += u64::from(kind.mutable);
        self.used.value(kind.content_type);
    }

    /// Notes a table; the outermost module's own imports count for what it needs, since somebody has to give them.
    fn table(&mut self, table: &TableType, imported: bool) {
        self.used.table(table);
        let outermost = self.open.len() == 1;
        let Some(open) = self.open.last_mut() else { return };
        open.tables += 1;
        if open.tables > 1 {
            self.used.add(Proposals::REFERENCE_TYPES);
        }
        if imported && !outermost {
            return;
        }
        open.weight.elements = open.weight.elements.saturating_add(table.initial);
        self.found.table_count += 1;
        if self.found.tables.len() < MAX_LISTED {
            let elements = shown(&table.element_type.to_string());
            let (minimum, maximum) = (table.initial, table.maximum);
            self.found.tables.push(Table { elements, minimum, maximum, table64: table.table64, imported });
        }
    }

    fn memory(&mut self, memory: MemoryType, imported: bool) {
        self.used.memory(&memory);
        let outermost = self.open.len() == 1;
        let Some(open) = self.open.last_mut() else { return };
        open.memories += 1;
        if open.memories > 1 {
            self.used.add(Proposals::MULTI_MEMORY);
        }
        if imported && !outermost {
            return;
        }
        let bytes = |pages: u64| pages.saturating_mul(u64::from(memory.page_size()));
        let minimum = bytes(memory.initial);
        open.weight.memory = open.weight.memory.saturating_add(minimum);
        self.found.memory_count += 1;
        if self.found.memories.len() < MAX_LISTED {
            self.found.memories.push(Memory {
                minimum,
                maximum: memory.maximum.map(bytes),
                shared: memory.shared,
                memory64: memory.memory64,
                imported,
            });
        }
    }

    /// Looks at the instructions of a constant expression.
    fn constant(&mut self, expression: &ConstExpr<'_>) -> Result<(), InspectError> {
        let imported = self.open.last().map_or(0, |open| open.imported_globals);
        let mut operators = expression.get_operators_reader();
        while !operators.eof() {
            let at = operators.original_position();
            self.used.instruction(self.bytes.get(at..).unwrap_or_default());
            // Before garbage collection, only what was imported was constant.
            if let Operator::GlobalGet { global_index } = operators.read()?
                && u64::from(global_index) >= imported
            {
                self.used.add(Proposals::GC);
            }
        }
        Ok(())
    }

    /// Validates a function while looking at what it uses.
    fn function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), InspectError> {
        let mut validator = function.into_validator(std::mem::take(&mut self.allocations));
        let mut locals = 0_u64;
        for local in body.get_locals_reader()? {
            let (count, kind) = local?;
            locals = locals.saturating_add(u64::from(count));
            self.used.value(kind);
        }
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader)?;
        let mut reader = body.get_binary_reader_for_operators()?;
        let mut used = self.used;
        let mut deepest = 0;
        while !reader.eof() {
            let at = reader.original_position();
            if used.instruction(&self.bytes[at..]) {
                deepest = deepest.max(validator.control_stack_height());
            }
            reader.visit_operator(&mut validator.visitor(at))??;
        }
        reader.finish_expression(&validator.visitor(reader.original_position()))?;
        self.used = used;
        let range = body.range();
        self.found.functions.code = self.found.functions.code.saturating_add(range.len() as u64);
        self.watch.function(range.len() as u64, locals, deepest);
        self.allocations = validator.into_allocations();
        Ok(())
    }

    fn custom(&mut self, section: &CustomSectionReader<'b>) {
        self.watch.name(section.name());
        let size = section.data().len() as u64;
        self.watch.custom = self.watch.custom.saturating_add(size);
        self.found.custom_section_count += 1;
        if self.found.custom_sections.len() < MAX_LISTED {
            self.found.custom_sections.push(CustomSection { name: shown(section.name()), size });
        }
        if matches!(section.name(), "sourceMappingURL" | "external_debug_info") {
            self.watch.elsewhere = true;
        }
        // Debug sections need not be sound: what cannot be read of them is left out.
        match section.as_known() {
            KnownCustom::Producers(fields) => {
                for field in fields.into_iter().map_while(Result::ok) {
                    for value in field.values.into_iter().map_while(Result::ok) {
                        self.watch.name(value.name);
                        self.watch.name(value.version);
                        if self.found.producers.len() < MAX_LISTED {
                            self.found.producers.push(Producer {
                                field: shown(field.name),
                                name: shown(value.name),
                                version: shown(value.version),
                            });
                        }
                    }
                }
            }
            KnownCustom::Name(names) => {
                for name in names.map_while(Result::ok) {
                    match name {
                        Name::Module { name, .. } => self.watch.name(name),
                        Name::Function(map) => {
                            let names = map.into_iter().map_while(Result::ok).take(MAX_DEBUG_NAMES);
                            names.for_each(|naming| self.watch.name(naming.name));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn component_type(&mut self, kind: &ComponentType<'_>) {
        let asynchronous = match kind {
            ComponentType::Defined(ComponentDefinedType::Future(_) | ComponentDefinedType::Stream(_)) => true,
            ComponentType::Func(function) => function.async_,
            ComponentType::Component(declarations) => {
                for declaration in declarations {
                    if let ComponentTypeDeclaration::Type(kind) = declaration {
                        self.component_type(kind);
                    }
                }
                false
            }
            ComponentType::Instance(declarations) => {
                for declaration in declarations {
                    if let InstanceTypeDeclaration::Type(kind) = declaration {
                        self.component_type(kind);
                    }
                }
                false
            }
            ComponentType::Defined(_) | ComponentType::Resource { .. } => false,
        };
        if asynchronous {
            self.used.add(Proposals::COMPONENT_MODEL_ASYNC);
        }
    }

    fn canonical(&mut self, function: &CanonicalFunction) {
        let option = |options: &[CanonicalOption]| {
            options.iter().any(|option| matches!(option, CanonicalOption::Async | CanonicalOption::Callback(_)))
        };
        let asynchronous = match function {
            CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => option(options),
            CanonicalFunction::ResourceNew { .. }
            | CanonicalFunction::ResourceDrop { .. }
            | CanonicalFunction::ResourceRep { .. } => false,
            _ => true,
        };
        if asynchronous {
            self.used.add(Proposals::COMPONENT_MODEL_ASYNC);
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::Outer { kind, count, index } => {
                let outer = (*count as usize).checked_add(1).and_then(|up| self.open.len().checked_sub(up));
                let outer = outer.and_then(|place| self.open.get(place));
                let found = outer.map_or((None, None), |outer| {
                    (outer.modules.get(*index as usize).copied(), outer.components.get(*index as usize).copied())
                });
                let Some(open) = self.current() else { return };
                match kind {
                    ComponentOuterAliasKind::CoreModule => open.modules.push(found.0.unwrap_or_default()),
                    ComponentOuterAliasKind::Component => open.components.push(found.1.unwrap_or_default()),
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
                }
            }
            ComponentAlias::InstanceExport { kind, .. } => self.stands_for(match kind {
                wasmparser::ComponentExternalKind::Module => Some(ComponentOuterAliasKind::CoreModule),
                wasmparser::ComponentExternalKind::Component => Some(ComponentOuterAliasKind::Component),
                _ => None,
            }),
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
    }

    /// Something whose inside is not seen from here takes its place in the index space.
    fn stands_for(&mut self, kind: Option<ComponentOuterAliasKind>) {
        let Some(open) = self.current() else { return };
        match kind {
            Some(ComponentOuterAliasKind::CoreModule) => {
                open.modules.push(Weight { instances: 1, ..Weight::default() });
            }
            Some(ComponentOuterAliasKind::Component) => open.components.push(Weight::default()),
            Some(ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type) | None => {}
        }
    }

    fn end(&mut self, done: &Open) {
        let mut weight = done.weight;
        if !done.component {
            weight.instances = 1;
        }
        self.found.minimum.memory = weight.memory;
        self.found.minimum.table_elements = weight.elements;
        self.found.minimum.instances = weight.instances;
    }

    fn end_nested(&mut self, done: Open, payload: &Payload<'_>) {
        let end = if let Payload::End(at) = payload { *at } else { done.begin };
        self.found.nested_count += 1;
        if self.found.nested.len() < MAX_LISTED {
            self.found.nested.push(Nested {
                kind: if done.component { Kind::Component } else { Kind::Module },
                depth: self.open.len() as u64,
                offset: done.begin as u64,
                size: end.saturating_sub(done.begin) as u64,
                functions: done.functions,
                imported_functions: done.imported_functions,
                memories: done.memories,
            });
        }
        let Some(parent) = self.open.last_mut() else { return };
        if done.component {
            parent.components.push(done.weight);
        } else {
            parent.modules.push(Weight { instances: 1, ..done.weight });
        }
    }

    fn finish(self) -> Inspection {
        let mut found = self.found;
        found.features = self.used.names();
        for import in found.interface.imports.keys() {
            let (capability, linked) = capability::of(import);
            found.capabilities.entry(capability).or_default().push(import.clone());
            if !linked {
                found.unlinked.push(import.clone());
            }
        }
        found.suspicions = self.watch.suspicions(&found);
        found
    }
}
