//! Guests written in lines: what is declared and what is done, each line a step, and what of it is known before it runs.
//!
//! ```text
//! memory 1 4           a memory of one page that declares at most four
//! table 10             a table of ten elements
//! grow memory 0 3      by three pages
//! grow table 0 100     by a hundred elements
//! loop 5000            turns of a loop
//! recurse 200          calls within calls
//! count                adds one to a global and takes what it is then
//! mark                 takes what stands in memory 0, and leaves something there
//! import env nope      a function that is not called
//! use simd             an instruction of a proposal
//! pad 4096             bytes in a custom section
//! spin                 a loop without end
//! trap                 `unreachable`
//! ```
//!
//! The guest exports `_start`, which takes and returns an `i64`: 20 bits of work, 24 of table elements held, 20 of pages held.

mod wasm;

use std::fmt;
use std::str::FromStr;

use arbitrary::Unstructured;
use gauntlet_policy::{Limit, Policy};
use gauntlet_record::LimitKey;

use crate::Expected;

/// Most steps of a program.
const MAX_STEPS: usize = 64;
/// Proposals that a program may use.
const USES: &[&str] = &["simd", "tail-call", "threads", "memory64", "wide-arithmetic", "multi-value", "sign-extension"];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A memory: pages, and at most so many.
    Memory(u32, Option<u32>),
    /// A table: elements.
    Table(u32),
    /// Growth of a memory: its number, pages.
    GrowMemory(u32, u32),
    /// Growth of a table: its number, elements.
    GrowTable(u32, u32),
    /// Turns of a loop.
    Loop(u32),
    /// Calls within calls.
    Recurse(u32),
    /// A global counts.
    Count,
    /// What stood in memory, and is left there.
    Mark,
    /// An import: module and name.
    Import(String, String),
    /// An instruction of a proposal.
    Use(String),
    /// Bytes in a custom section.
    Pad(u32),
    /// A loop without end.
    Spin,
    /// `unreachable`.
    Trap,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(least, None) => write!(f, "memory {least}"),
            Self::Memory(least, Some(most)) => write!(f, "memory {least} {most}"),
            Self::Table(least) => write!(f, "table {least}"),
            Self::GrowMemory(at, by) => write!(f, "grow memory {at} {by}"),
            Self::GrowTable(at, by) => write!(f, "grow table {at} {by}"),
            Self::Loop(turns) => write!(f, "loop {turns}"),
            Self::Recurse(depth) => write!(f, "recurse {depth}"),
            Self::Count => write!(f, "count"),
            Self::Mark => write!(f, "mark"),
            Self::Import(module, name) => write!(f, "import {module} {name}"),
            Self::Use(feature) => write!(f, "use {feature}"),
            Self::Pad(bytes) => write!(f, "pad {bytes}"),
            Self::Spin => write!(f, "spin"),
            Self::Trap => write!(f, "trap"),
        }
    }
}

/// A line that is no step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no step of a program")]
pub struct NoStep(pub String);

impl FromStr for Step {
    type Err = NoStep;

    fn from_str(line: &str) -> Result<Self, NoStep> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let no = || NoStep(line.chars().take(80).collect());
        let number = |word: &str| word.parse::<u32>().map_err(|_| no());
        Ok(match words.as_slice() {
            ["memory", least] => Self::Memory(number(least)?, None),
            ["memory", least, most] => Self::Memory(number(least)?, Some(number(most)?)),
            ["table", least] => Self::Table(number(least)?),
            ["grow", "memory", at, by] => Self::GrowMemory(number(at)?, number(by)?),
            ["grow", "table", at, by] => Self::GrowTable(number(at)?, number(by)?),
            ["loop", turns] => Self::Loop(number(turns)?),
            ["recurse", depth] => Self::Recurse(number(depth)?),
            ["count"] => Self::Count,
            ["mark"] => Self::Mark,
            ["import", module, name] => Self::Import((*module).to_owned(), (*name).to_owned()),
            ["use", feature] if USES.contains(feature) => Self::Use((*feature).to_owned()),
            ["pad", bytes] => Self::Pad(number(bytes)?.min(1 << 24)),
            ["spin"] => Self::Spin,
            ["trap"] => Self::Trap,
            _ => return Err(no()),
        })
    }
}

/// The lines of a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program(pub Vec<Step>);

impl Program {
    /// Reads lines.
    ///
    /// # Errors
    ///
    /// If a line is no step.
    pub fn read<'l>(lines: impl IntoIterator<Item = &'l str>) -> Result<Self, NoStep> {
        lines.into_iter().take(MAX_STEPS).map(str::parse).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().map(Step::to_string).collect()
    }

    /// Makes a program that stays within a policy's limits, goes to them, or past them.
    ///
    /// # Errors
    ///
    /// If the bytes are used up.
    pub fn generate(policy: &Policy, u: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let limit = |key, most: u64| match policy.limits.get(key) {
            Limit::Share(..) | Limit::Unlimited(_) => most,
            Limit::Default | Limit::At(..) => policy.limits.resolve(key, 0).unwrap_or(most).min(most),
        };
        let pages = limit(LimitKey::Memory, 16 << 20) / 65_536;
        let elements = limit(LimitKey::TableElements, 100_000);
        let fuel = limit(LimitKey::Fuel, 2_000_000);
        let stack = limit(LimitKey::Stack, 1 << 20) / 16;
        let depth = policy.limits.resolve(LimitKey::CallDepth, 0).unwrap_or(stack).min(stack);
        // Around a ceiling: half of it, just at it, just beyond, and twice. Small things most of the time.
        let around = |u: &mut Unstructured<'_>, ceiling: u64| -> arbitrary::Result<u32> {
            let number = match u.int_in_range(0..=7)? {
                0..=3 => u.int_in_range(0..=ceiling.min(8))?,
                4 => ceiling / 2,
                5 => ceiling,
                6 => ceiling + 1 + u.int_in_range(0..=3)?,
                _ => ceiling * 2 + 1,
            };
            Ok(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let mut steps = Vec::new();
        let (mut memories, mut tables) = (0, 0);
        // Two that are each within the limit and together beyond it: limits hold for the sum.
        if u.ratio(1, 4)? {
            let most = |ceiling: u64| u32::try_from(ceiling * 2 / 3 + 1).unwrap_or(u32::MAX);
            if policy.features.allows(gauntlet_policy::Feature::MultiMemory) && u.arbitrary()? {
                memories = 2;
                steps.extend([Step::Memory(most(pages).min(4096), None), Step::Memory(0, None)]);
                steps.push(Step::GrowMemory(1, most(pages).min(4096)));
            } else {
                tables = 2;
                steps.extend([Step::Table(most(elements).min(1_000_000)), Step::Table(0)]);
                steps.push(Step::GrowTable(1, most(elements).min(1_000_000)));
            }
        }
        for _ in 0..u.int_in_range(1..=8)? {
            steps.push(match u.int_in_range(0..=23)? {
                0..=2 => {
                    memories += 1;
                    let least = around(u, pages)?.min(4096);
                    let most =
                        if u.ratio(1, 3)? { Some(least.saturating_add(around(u, pages)?).min(65_536)) } else { None };
                    Step::Memory(least, most)
                }
                3..=4 => {
                    tables += 1;
                    Step::Table(around(u, elements)?.min(1_000_000))
                }
                5..=8 if memories > 0 => {
                    Step::GrowMemory(u.int_in_range(0..=memories - 1)?, around(u, pages)?.min(4096))
                }
                9..=10 if tables > 0 => {
                    Step::GrowTable(u.int_in_range(0..=tables - 1)?, around(u, elements)?.min(1_000_000))
                }
                5..=12 => Step::Loop(around(u, fuel)?.min(4_000_000)),
                13..=15 => Step::Recurse(around(u, depth)?.min(131_072)),
                16..=18 => Step::Count,
                19..=20 => Step::Mark,
                21 if u.ratio(1, 2)? => Step::Import("env".into(), (*u.choose(&["nope", "memory", "abort"])?).into()),
                22 if u.ratio(1, 2)? => Step::Use((*u.choose(USES)?).into()),
                23 => Step::Pad(around(u, limit(LimitKey::ModuleSize, 8192))?.min(16_384)),
                _ => Step::Count,
            });
        }
        Ok(Self(steps))
    }

    /// What is known of a run before it: with `argument`, under `policy`, in an instance of its own.
    #[must_use]
    pub fn expected(&self, argument: u64, policy: &Policy) -> Expected {
        let mut seen = Expected { work: argument & 0xff, honest: true, steps: 0, depth: 0, pages: 0, elements: 0 };
        let (mut memories, mut tables): (Vec<(u64, u64)>, Vec<u64>) = (Vec::new(), Vec::new());
        let (mut count, mut marked) = (0, false);
        for step in &self.0 {
            match step {
                Step::Memory(least, most) => memories.push(((*least).into(), most.unwrap_or(65_536).into())),
                Step::Table(least) => tables.push((*least).into()),
                _ => {}
            }
        }
        for step in &self.0 {
            match step {
                Step::GrowMemory(at, by) => {
                    if let Some((held, most)) = memories.get_mut(*at as usize)
                        && *held + u64::from(*by) <= *most
                    {
                        *held += u64::from(*by);
                    }
                }
                Step::GrowTable(at, by) => {
                    if let Some(held) = tables.get_mut(*at as usize) {
                        *held += u64::from(*by);
                    }
                }
                Step::Loop(turns) => {
                    seen.steps += u64::from(*turns);
                    seen.work += u64::from(*turns);
                }
                Step::Recurse(depth) => {
                    seen.steps += u64::from(*depth);
                    seen.work += u64::from(*depth);
                    seen.depth = seen.depth.max((*depth).into());
                }
                Step::Count => {
                    count += 1;
                    seen.work += count;
                }
                Step::Mark => {
                    if memories.first().is_some_and(|(_, _)| self.first_memory() > 0) {
                        seen.work += u64::from(marked);
                        marked = true;
                    }
                }
                Step::Import(..) | Step::Use(_) | Step::Pad(_) | Step::Spin | Step::Trap => seen.honest = false,
                Step::Memory(..) | Step::Table(_) => {}
            }
        }
        seen.work &= 0xf_ffff;
        seen.pages = memories.iter().map(|(held, _)| held).sum();
        seen.elements = tables.iter().sum();
        let within = |held: u64, key, share: u64| policy.limits.resolve(key, 0).is_none_or(|most| held <= most / share);
        seen.honest &= within(seen.pages * 65_536, LimitKey::Memory, 1)
            && within(seen.elements, LimitKey::TableElements, 1)
            // Growth costs fuel by what it adds.
            && within(seen.steps.max(1) * 40 + seen.elements + seen.pages + 2000, LimitKey::Fuel, 1)
            && within(seen.depth * 512 + 16_384, LimitKey::Stack, 1)
            && within(seen.depth + 8, LimitKey::CallDepth, 1)
            && within(4, LimitKey::Instances, 1)
            && within(2048, LimitKey::ModuleSize, 1)
            && memories.len() <= 1
            && tables.len() <= 1
            && policy.modules.sha256.is_empty()
            && policy.modules.signed_by.is_empty();
        seen
    }

    fn first_memory(&self) -> u32 {
        self.0.iter().find_map(|step| if let Step::Memory(least, _) = step { Some(*least) } else { None }).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{Validator, WasmFeatures};

    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn every_program_is_a_valid_module_and_reads_back_from_its_lines() {
        let policy = Policy::parse("p", "version: 1\nlimits: { memory: 1MiB, fuel: 10_000, stack: 64KiB }\n").unwrap();
        let mut kinds = std::collections::BTreeSet::new();
        for case in 0..400 {
            let bytes = SplitMix64::of(5, case).bytes(256);
            let program = Program::generate(&policy, &mut Unstructured::new(&bytes)).unwrap();
            let wasm = program.wasm();
            Validator::new_with_features(WasmFeatures::all())
                .validate_all(&wasm)
                .unwrap_or_else(|error| panic!("{error}: {:?}\n{}", program.lines(), wasmprinter_free(&wasm)));
            let lines = program.lines();
            kinds.extend(lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()));
            assert_eq!(Program::read(lines.iter().map(String::as_str)).unwrap(), program);
        }
        assert!(kinds.len() >= 10, "{kinds:?}");
    }

    fn wasmprinter_free(wasm: &[u8]) -> String {
        format!("{} bytes", wasm.len())
    }

    #[test]
    fn garbage_is_no_step() {
        for line in ["", "memory", "memory x", "grow memory 0", "use magic", "loop -1", "spin 3", "import env"] {
            assert!(line.parse::<Step>().is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_known_before_follows_from_the_lines() {
        let policy = Policy::default();
        let program = Program::read([
            "memory 1 2",
            "grow memory 0 1",
            "grow memory 0 1",
            "count",
            "count",
            "loop 10",
            "mark",
            "mark",
        ])
        .unwrap();
        let expected = program.expected(0x3_05, &policy);
        assert_eq!((expected.work, expected.pages, expected.steps, expected.honest), (5 + 1 + 2 + 10 + 1, 2, 10, true));
        assert!(!Program::read(["loop 90_000_000".replace('_', "").as_str()]).unwrap().expected(0, &policy).honest);
        assert!(!Program::read(["import env nope"]).unwrap().expected(0, &policy).honest);
    }
}
