//! What a guest imports and exports, with types, read from its bytes without compiling or running anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, GuestText};
use serde::{Deserialize, Serialize};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentValType};
use wasmparser::types::{EntityType, TypesRef};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::Protections;
use crate::explain::{Explanation, one};
use crate::functions::Functions;
use crate::guest::Guest;
use crate::sandbox::Sandbox;
use crate::validate::{self, Shape};

/// Most characters of a type's text: types can be nested so that their text doubles with each level.
const MAX_TYPE: usize = 2_000;
/// Most imports and exports that are listed.
const MAX_ITEMS: usize = 10_000;

/// What a guest is, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interface {
    /// Whether it is a component.
    pub component: bool,
    /// What it needs: `module::name` of a core module, `interface#function` of a component, with types.
    pub imports: BTreeMap<String, String>,
    /// What it offers, with types.
    pub exports: BTreeMap<String, String>,
}

/// What was found when a guest was looked at without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What it imports and exports, if its bytes could be read.
    pub interface: Interface,
    /// What stands against running it under this policy; empty if nothing does.
    pub objections: Vec<Explanation>,
    /// Roughly the least that compiling it costs, in nanoseconds of CPU time.
    pub compile_time: u64,
}

impl Verification {
    /// Whether nothing stands against running the guest.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.objections.is_empty()
    }
}

impl Sandbox {
    /// Looks at a guest without compiling or running it: size, digest, proposals, imports against what is granted.
    #[must_use]
    pub fn verify(&self, guest: &Guest) -> Verification {
        look(guest.bytes(), self.policy(), self.functions())
    }
}

/// Looks at a guest without compiling or running it.
///
/// ```
/// let policy = gauntlet_sandbox::Policy::default();
/// let empty = gauntlet_sandbox::verify(b"\0asm\x01\0\0\0", &policy);
/// assert!(empty.is_sound());
/// let nonsense = gauntlet_sandbox::verify(b"MZ", &policy);
/// assert_eq!(nonsense.objections[0].cause.to_string(), "refused-module");
/// ```
#[must_use]
pub fn verify(guest: &[u8], policy: &Policy) -> Verification {
    look(guest, policy, &Functions::default())
}

fn look(guest: &[u8], policy: &Policy, functions: &Functions) -> Verification {
    let protections = Protections::of(policy);
    let mut objections = Vec::new();
    let mut object = |cause: Cause, asked: String| {
        objections.push(one(&gauntlet_target::DenialSeen { cause, asked, limit: None, count: 1 }, policy));
    };
    let estimate = validate::compile_estimate(guest);
    let mut found = Interface::default();
    match validate::check(guest, None, policy, &protections) {
        Err(refused) => object(refused.ending.cause.unwrap_or(Cause::RefusedModule), refused.ending.detail),
        Ok(shape) => {
            found = interface(guest);
            for (key, cost) in [
                (gauntlet_record::LimitKey::CompileTime, estimate.time),
                (gauntlet_record::LimitKey::CompileMemory, estimate.memory),
            ] {
                if protections.limit(key).is_some_and(|cap| cost > cap) {
                    object(Cause::Limit(key), format!("compiling, estimated at {}", key.unit().show(cost)));
                }
            }
            for name in found.imports.keys() {
                let denied = policy.modules.deny.iter().any(|denied| denied.value == *name);
                let linked = match shape {
                    Shape::Module => {
                        let (module, function) = name.split_once("::").unwrap_or((name, ""));
                        module == crate::preview1::MODULE && crate::PREVIEW1_FUNCTIONS.contains(&function)
                            || functions.has(module, function)
                    }
                    Shape::Component => {
                        let (interface, function) = name.split_once('#').unwrap_or(("", name));
                        interface.starts_with("wasi:") && interface.contains("@0.2.")
                            || functions.has(interface, function)
                    }
                };
                if denied || !linked {
                    object(Cause::Denied(gauntlet_record::DenialKind::Import), name.clone());
                }
            }
        }
    }
    Verification { sha256: gauntlet_record::digest(guest), interface: found, objections, compile_time: estimate.time }
}

/// Imports and exports of bytes; nothing of bytes that are not wasm.
pub(crate) fn interface(guest: &[u8]) -> Interface {
    let mut found = Interface { component: Parser::is_component(guest), ..Interface::default() };
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let Ok(types) = validator.validate_all(guest) else { return found };
    let types = types.as_ref();
    if !found.component {
        for (module, name, kind) in types.core_imports().into_iter().flatten().take(MAX_ITEMS) {
            found.imports.insert(shown(&format!("{module}::{name}")), core_type(types, &kind));
        }
        for (name, kind) in types.core_exports().into_iter().flatten().take(MAX_ITEMS) {
            found.exports.insert(shown(name), core_type(types, &kind));
        }
        return found;
    }
    // The parser goes down into what a component holds; only what the outermost one imports and exports is its interface.
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(guest) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ComponentImportSection(section)) if depth == 0 => {
                for import in section.into_iter().flatten().take(MAX_ITEMS) {
                    let name = import.name.name;
                    if let Some(item) = types.component_item_for_import(name) {
                        items(types, name, &item.ty, &mut found.imports);
                    }
                }
            }
            Ok(Payload::ComponentExportSection(section)) if depth == 0 => {
                for export in section.into_iter().flatten().take(MAX_ITEMS) {
                    let name = export.name.name;
                    if let Some(item) = types.component_item_for_export(name) {
                        items(types, name, &item.ty, &mut found.exports);
                    }
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}

fn shown(name: &str) -> String {
    // Names are the guest's: as a key they stay what they are, unless they would steer a terminal.
    if name.chars().all(|c| !c.is_control()) && name.len() <= 512 {
        name.to_owned()
    } else {
        GuestText::name(name).as_str().to_owned()
    }
}

fn core_type(types: TypesRef<'_>, kind: &EntityType) -> String {
    match kind {
        EntityType::Func(id) | EntityType::FuncExact(id) | EntityType::Tag(id) => {
            let word = if matches!(kind, EntityType::Tag(_)) { "tag" } else { "func" };
            let Some(signature) = types.get(*id).map(|kind| &kind.composite_type.inner) else { return word.to_owned() };
            let wasmparser::CompositeInnerType::Func(signature) = signature else { return word.to_owned() };
            let list =
                |kinds: &[wasmparser::ValType]| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let text = format!("{word}({}) -> ({})", list(signature.params()), list(signature.results()));
            text.chars().take(MAX_TYPE).collect()
        }
        EntityType::Table(table) => format!("table {} {}", table.initial, table.element_type),
        EntityType::Memory(memory) => {
            let most = memory.maximum.map_or(String::new(), |most| format!("..{most}"));
            format!("memory {}{most}{}", memory.initial, if memory.memory64 { " i64" } else { "" })
        }
        EntityType::Global(global) => {
            format!("global {}{}", if global.mutable { "mut " } else { "" }, global.content_type)
        }
    }
}

/// Adds an item of a component; of an instance, each of its functions.
fn items(types: TypesRef<'_>, name: &str, kind: &ComponentEntityType, to: &mut BTreeMap<String, String>) {
    match kind {
        ComponentEntityType::Instance(id) => {
            for (function, item) in types.get(*id).map(|instance| &instance.exports).into_iter().flatten() {
                if let ComponentEntityType::Func(_) = item.ty
                    && to.len() < MAX_ITEMS
                {
                    to.insert(shown(&format!("{name}#{function}")), component_type(types, &item.ty));
                }
            }
        }
        // A type by itself is nothing to call; what uses it shows it.
        ComponentEntityType::Type { .. } => {}
        ComponentEntityType::Func(_)
        | ComponentEntityType::Module(_)
        | ComponentEntityType::Value(_)
        | ComponentEntityType::Component(_) => {
            to.insert(shown(name), component_type(types, kind));
        }
    }
}

fn component_type(types: TypesRef<'_>, kind: &ComponentEntityType) -> String {
    let mut text = Text { types, out: String::new() };
    match kind {
        ComponentEntityType::Func(id) => {
            let Some(function) = types.get(*id) else { return "func".to_owned() };
            text.add("func(");
            for (i, (name, kind)) in function.params.iter().enumerate() {
                let _ = write!(text.out, "{}{name}: ", if i > 0 { ", " } else { "" });
                text.value(kind);
            }
            text.add(")");
            if let Some(result) = &function.result {
                text.add(" -> ");
                text.value(result);
            }
        }
        ComponentEntityType::Module(_) => text.add("module"),
        ComponentEntityType::Value(kind) => text.value(kind),
        ComponentEntityType::Type { .. } => text.add("type"),
        ComponentEntityType::Instance(_) => text.add("instance"),
        ComponentEntityType::Component(_) => text.add("component"),
    }
    if text.out.len() > MAX_TYPE {
        text.out = text.out.chars().take(MAX_TYPE).collect();
        text.out.push_str("..");
    }
    text.out
}

/// A type's text, as long as it may get.
struct Text<'t> {
    types: TypesRef<'t>,
    out: String,
}

impl Text<'_> {
    fn add(&mut self, text: &str) {
        if self.out.len() <= MAX_TYPE {
            self.out.push_str(text);
        }
    }

    fn list<'k>(&mut self, word: &str, kinds: impl Iterator<Item = (String, Option<&'k ComponentValType>)>) {
        self.add(word);
        for (i, (name, kind)) in kinds.enumerate() {
            self.add(if i > 0 { ", " } else { "<" });
            self.add(&name);
            if let Some(kind) = kind {
                if !name.is_empty() {
                    self.add(": ");
                }
                self.value(kind);
            }
            if self.out.len() > MAX_TYPE {
                return;
            }
        }
        self.add(">");
    }

    fn value(&mut self, kind: &ComponentValType) {
        if self.out.len() > MAX_TYPE {
            return;
        }
        let id = match kind {
            ComponentValType::Primitive(primitive) => return self.add(&primitive.to_string()),
            ComponentValType::Type(id) => *id,
        };
        let types = self.types;
        let Some(defined) = types.get(id) else { return self.add("?") };
        let unnamed = String::new;
        match defined {
            ComponentDefinedType::Primitive(primitive) => self.add(&primitive.to_string()),
            ComponentDefinedType::Record(record) => {
                self.list("record", record.fields.iter().map(|(name, kind)| (name.to_string(), Some(kind))));
            }
            ComponentDefinedType::Variant(variant) => {
                self.list("variant", variant.cases.iter().map(|(name, case)| (name.to_string(), case.ty.as_ref())));
            }
            ComponentDefinedType::List { element, .. } => {
                self.list("list", std::iter::once((unnamed(), Some(element))))
            }
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                self.list(&format!("list{length}"), std::iter::once((unnamed(), Some(element))));
            }
            ComponentDefinedType::Map { key, value, .. } => {
                self.list("map", [(unnamed(), Some(key)), (unnamed(), Some(value))].into_iter());
            }
            ComponentDefinedType::Tuple(tuple) => {
                self.list("tuple", tuple.types.iter().map(|kind| (unnamed(), Some(kind))));
            }
            ComponentDefinedType::Flags(names) => self.list("flags", names.iter().map(|name| (name.to_string(), None))),
            ComponentDefinedType::Enum(names) => self.list("enum", names.iter().map(|name| (name.to_string(), None))),
            ComponentDefinedType::Option { ty, .. } => self.list("option", std::iter::once((unnamed(), Some(ty)))),
            ComponentDefinedType::Result { ok, err, .. } => {
                self.list("result", [("ok".to_owned(), ok.as_ref()), ("err".to_owned(), err.as_ref())].into_iter());
            }
            ComponentDefinedType::Own(id) => self.resource("own", (*id).into()),
            ComponentDefinedType::Borrow(id) => self.resource("borrow", (*id).into()),
            ComponentDefinedType::Future { .. } => self.add("future"),
            ComponentDefinedType::Stream { .. } => self.add("stream"),
        }
    }

    fn resource(&mut self, word: &str, _: ComponentAnyTypeId) {
        // A resource has a name only where it is exported; what matters to a caller is that it is one.
        self.add(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Interface {
        interface(&wat::parse_str(text).unwrap())
    }

    #[test]
    fn a_modules_interface_is_read_with_types() {
        let found = of(r#"(module
            (import "env" "log" (func (param i32 i32)))
            (memory (export "memory") 1 2)
            (global (export "version") i32 (i32.const 1))
            (func (export "add") (param i32 i64) (result f32) unreachable))"#);
        assert_eq!(found.imports["env::log"], "func(i32, i32) -> ()");
        assert_eq!(found.exports["add"], "func(i32, i64) -> (f32)");
        assert_eq!(found.exports["memory"], "memory 1..2");
        assert_eq!(found.exports["version"], "global i32");
    }

    #[test]
    fn a_components_interface_is_read_with_types() {
        let found = of(r#"(component
            (import "acme:log/log@1.0.0" (instance (export "say" (func (param "t" string)))))
            (core module $m (memory (export "memory") 1) (func (export "f") (param i32 i32) (result i32) unreachable)
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $i (instantiate $m))
            (type $p' (record (field "x" u8) (field "y" (list string))))
            (export $p "point" (type $p'))
            (func (export "f") (param "o" (option (tuple u8 char))) (result (result (error string)))
              (canon lift (core func $i "g") (memory $i "memory")))
            )"#
        .replace(
            "(func (export \"f\") (param i32 i32) (result i32) unreachable)",
            "(func (export \"g\") (param i32 i32 i32) (result i32) unreachable)",
        )
        .as_str());
        assert_eq!(found.imports["acme:log/log@1.0.0#say"], "func(t: string)");
        assert_eq!(found.exports["f"], "func(o: option<tuple<u8, char>>) -> result<ok, err: string>");
        assert!(found.component);
    }

    #[test]
    fn a_type_whose_text_doubles_with_each_level_is_cut() {
        let mut text =
            "(component (core module $m (func (export \"f\") (param i32)))(core instance $i (instantiate $m))"
                .to_owned();
        text.push_str("(type $t0 (option u8))");
        for level in 1..8 {
            let _ = write!(text, "(type $t{level} (tuple {}))", format!("$t{} ", level - 1).repeat(5));
        }
        text.push_str("(import \"f\" (func (param \"t\" $t7))))");
        let found = of(&text);
        assert!(found.imports["f"].len() <= MAX_TYPE + 2);
    }

    #[test]
    fn objections_name_imports_and_features() {
        let guest = wat::parse_str(r#"(module (import "env" "f" (func)) (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#).unwrap();
        let policy =
            Policy::parse("t", "version: 1\nmodules: { deny: [ \"wasi_snapshot_preview1::fd_write\" ] }\n").unwrap();
        let seen = verify(&guest, &policy);
        assert_eq!(seen.objections.len(), 2);
        assert_eq!(verify(&guest, &Policy::default()).objections.len(), 1);
        let memory64 = b"\0asm\x01\0\0\0\x05\x03\x01\x04\x01";
        assert_eq!(verify(memory64, &Policy::default()).objections[0].needed, "features");
    }
}
