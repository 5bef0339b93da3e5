//! Components: a generated core module lifted into one, and components of any shape, most of which import what nobody has.

use arbitrary::Unstructured;
use gauntlet_policy::{Feature, Span};
use gauntlet_record::Ending;
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection,
    ComponentSectionId, ComponentTypeSection, ExportKind, InstanceSection, ModuleArg, PrimitiveValType, RawSection,
};

use super::{Asked, Bench, Bound, Depth, Health, Pair, Ran};
use crate::generators::core_module;
use crate::{Answer, Case};

pub(crate) const PAIR: Pair = Pair {
    id: "components",
    summary: "components, with a core module of any shape inside, or of any shape themselves",
    bytes: 2048,
    runs_guests: true,
    generate,
    run,
    health: &[
        Health { name: "lifted that are entered", part: "entered", whole: "lifted", bound: Bound::AtLeast(0.95) },
        Health { name: "of any shape that are made", part: "wild", whole: "wild-tries", bound: Bound::AtLeast(0.5) },
    ],
};

/// The function that a lifted component exports.
const RUN: &str = "run";

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let mut policy = bench.policy.clone();
    policy.features.set(Feature::ComponentModel, true, Span::default());
    let policy_text = bench.policy.text.clone();
    if u.ratio(1, 4)? {
        let config = wasm_smith::Config { max_imports: 4, ..core_module::config(bench.policy) };
        let wasm = wasm_smith::Component::new(config, u)?.to_bytes();
        return Ok(Case { wasm, policy: policy_text, calls: vec!["wild".into()] });
    }
    let instances = u.int_in_range(1..=3)?;
    let core = core_module::generate(bench.policy, u)?.wasm;
    let calls = vec![format!("lifted {instances}"), format!("argument {}", u.arbitrary::<u64>().unwrap_or(7))];
    Ok(Case { wasm: lift(&core, instances), policy: policy_text, calls })
}

/// A component that instantiates a core module so many times and exports the first one's `_start` as `run: func(u64) -> u64`.
fn lift(core: &[u8], instances: u32) -> Vec<u8> {
    let mut component = Component::new();
    component.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: core });
    let mut made = InstanceSection::new();
    for _ in 0..instances {
        made.instantiate(0, std::iter::empty::<(&str, ModuleArg)>());
    }
    component.section(&made);
    let mut types = ComponentTypeSection::new();
    types.function().params([("number", PrimitiveValType::U64)]).result(Some(PrimitiveValType::U64.into()));
    component.section(&types);
    let mut aliases = ComponentAliasSection::new();
    aliases.alias(Alias::CoreInstanceExport { instance: 0, kind: ExportKind::Func, name: "_start" });
    component.section(&aliases);
    let mut functions = CanonicalFunctionSection::new();
    functions.lift(0, 0, []);
    component.section(&functions);
    let mut exports = ComponentExportSection::new();
    exports.export(RUN, ComponentExportKind::Func, 0, None);
    component.section(&exports);
    component.finish()
}

fn run(bench: &Bench<'_>, case: &Case, depth: Depth) -> Ran {
    let mut policy = match bench.policy_of(case) {
        Ok(policy) => policy.into_owned(),
        Err(why) => return Ran::unreadable(why),
    };
    policy.features.set(Feature::ComponentModel, true, Span::default());
    let mut ran = Ran::default();
    let mut asked = Asked::new(&case.wasm, &policy);
    match case.calls.first().map(String::as_str) {
        Some("wild") => {
            ran.counts.add("wild-tries", 1);
            ran.counts.add("wild", u64::from(wasmparser::Parser::is_component(&case.wasm)));
        }
        Some(line) if line.starts_with("lifted ") => {
            ran.counts.add("lifted", 1);
            asked.entry = Some(RUN.into());
        }
        _ => return Ran::unreadable("a component is `wild` or `lifted N`"),
    }
    let lifted = asked.entry.is_some();
    let argument = case.calls.iter().find_map(|line| line.strip_prefix("argument ")?.parse::<u64>().ok()).unwrap_or(7);
    let mut job = asked.job();
    if lifted {
        job.arguments = vec![gauntlet_target::Value::U64(argument)];
    }
    let answer = Answer::of(bench.target, &job);
    if let Answer::Outcome(outcome) = &answer {
        let refused = outcome.ending.ending == Ending::Refused;
        ran.counts.add("entered", u64::from(lifted && !refused));
    }
    asked.judged(bench, &mut job, answer, depth, &mut ran);
    ran
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifted_module_is_a_valid_component() {
        let core =
            wat::parse_str("(module (func (export \"_start\") (param i64) (result i64) (local.get 0)))").unwrap();
        for instances in 1..4 {
            wasmparser::Validator::new().validate_all(&lift(&core, instances)).unwrap();
        }
    }
}
