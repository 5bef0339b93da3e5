//! What a guest imports and exports, with types, read from its bytes without compiling or running anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gauntlet_record::{GuestText, is_printable};
use serde::{Deserialize, Serialize};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentValType};
use wasmparser::types::{EntityType, TypesRef};

/// Most characters of a type's text: types can be nested so that their text doubles with each level.
const MAX_TYPE: usize = 2_000;
/// Most imports and exports that are listed.
pub(crate) const MAX_ITEMS: usize = 10_000;
/// Longest name that is kept whole, in bytes.
const MAX_NAME: usize = 512;

/// What a guest is, seen from outside.
///
/// At most 10 000 imports and exports are listed, and the text of a type is cut at 2 000 characters.
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

impl Interface {
    /// Imports and exports of bytes; nothing of bytes that are not sound wasm.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        crate::inspect(bytes).map(|inspection| inspection.interface).unwrap_or_default()
    }

    /// The interface of a core module.
    pub(crate) fn of_module(types: TypesRef<'_>) -> Self {
        let mut found = Self::default();
        for (module, name, kind) in types.core_imports().into_iter().flatten().take(MAX_ITEMS) {
            found.imports.insert(shown(&format!("{module}::{name}")), core_type(types, &kind));
        }
        for (name, kind) in types.core_exports().into_iter().flatten().take(MAX_ITEMS) {
            found.exports.insert(shown(name), core_type(types, &kind));
        }
        found
    }

    /// The interface of a component, whose outermost imports and exports have these names.
    pub(crate) fn of_component(types: TypesRef<'_>, imports: &[&str], exports: &[&str]) -> Self {
        let mut found = Self { component: true, ..Self::default() };
        for name in imports {
            if let Some(item) = types.component_item_for_import(name) {
                items(types, name, &item.ty, &mut found.imports);
            }
        }
        for name in exports {
            if let Some(item) = types.component_item_for_export(name) {
                items(types, name, &item.ty, &mut found.exports);
            }
        }
        found
    }
}

/// A guest's name as it is kept: what it is, unless it is too long or would steer a terminal.
pub(crate) fn shown(name: &str) -> String {
    if name.len() <= MAX_NAME && name.chars().all(is_printable) {
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
        Interface::of(&wat::parse_str(text).unwrap())
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
}
