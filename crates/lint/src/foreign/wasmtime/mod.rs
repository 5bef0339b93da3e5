//! What the `wasmtime` command is told: by its options, or by the file that `--config` names. Both spell the same options.
//!
//! Source: `crates/cli-flags/src/lib.rs` and `src/common.rs` of bytecodealliance/wasmtime at 49.0.0-dev; the options before release 14
//! from pull request 6925 of the same.

pub(super) mod command;
pub(super) mod config;

use gauntlet_policy::{Feature, Reader, Scope, Span, Spanned};
use gauntlet_record::LimitKey;

use super::part::{Carry, Part};
use crate::rules;

/// Stands for every variable of the caller.
pub(crate) const EVERY_VARIABLE: &str = "*";

/// Options that take a number of the limit's base unit.
const LIMITS: &[(&str, LimitKey)] = &[
    ("fuel", LimitKey::Fuel),
    ("timeout", LimitKey::Deadline),
    ("max-memory-size", LimitKey::Memory),
    ("max-table-elements", LimitKey::TableElements),
    ("max-instances", LimitKey::Instances),
    ("max-wasm-stack", LimitKey::Stack),
];
/// Limits that do not hold unless they are asked for. The stack has one of 512 KiB.
const NONE_BY_DEFAULT: &[LimitKey] =
    &[LimitKey::Fuel, LimitKey::Deadline, LimitKey::Memory, LimitKey::TableElements, LimitKey::Instances];
/// Services of the host that are opened by name.
const SERVICES: &[&str] = &["http", "nn", "threads", "keyvalue", "config", "tls", "listenfd"];

/// An option and where it stands.
struct Setting<'t> {
    /// `-W` (of the engine) or `-S` (of the system interface).
    wasi: bool,
    /// Its name.
    name: &'t str,
    /// Its value; none is `true`.
    value: Option<&'t str>,
    /// Where the whole of it stands.
    span: Span,
}

/// What the options say, as they are read.
#[derive(Default)]
struct Settings {
    /// The limits that an option names, also those whose value only a shell knows.
    named: Vec<LimitKey>,
}

impl Settings {
    fn take(&mut self, setting: &Setting<'_>, reader: &mut Reader, part: &mut Part) {
        let on = !matches!(setting.value, Some("n" | "no" | "false"));
        if setting.wasi {
            self.take_wasi(setting, on, part);
        } else if let Some((_, key)) = LIMITS.iter().find(|(name, _)| *name == setting.name) {
            self.limit(*key, setting, reader, part);
        } else {
            Self::take_wasm(setting, on, part);
        }
    }

    fn take_wasm(setting: &Setting<'_>, on: bool, part: &mut Part) {
        let span = setting.span;
        match setting.name {
            "all-proposals" if on => {
                // Those that no release has settled stand for all of them.
                for feature in [Feature::Threads, Feature::StackSwitching] {
                    part.policy.features.set(feature, true, span);
                }
                part.left("all proposals", "our policies name each proposal", span);
                part.remark(rules::FEATURE_WILDCARD, format!("`{}` is on", setting.name), span);
            }
            "shared-memory" if on => {
                part.policy.features.set(Feature::Threads, true, span);
                part.import.features.set(Feature::Threads, true, span);
            }
            "unknown-imports-default" | "unknown-imports-trap" if on => {
                part.policy.modules.unknown_imports =
                    Spanned { value: setting.name == "unknown-imports-default", span };
                part.left(format!("`{}`", setting.name), "our executor refuses imports that it does not know", span);
            }
            name => {
                if let Some(feature) = Feature::ALL.iter().find(|feature| feature.as_str() == name) {
                    part.policy.features.set(*feature, on, span);
                    part.import.features.set(*feature, on, span);
                }
            }
        }
    }

    fn take_wasi(&mut self, setting: &Setting<'_>, on: bool, part: &mut Part) {
        let span = setting.span;
        let at = |value: &str| Spanned { value: value.to_owned(), span };
        match setting.name {
            "inherit-network" if on => {
                // It opens listening, too; that everything is open is one finding, not three.
                part.network(Scope::Connect, at("*"), Carry::Same);
                part.left("listening", "our executor lets no guest listen", span);
            }
            "allow-ip-name-lookup" if on => {
                part.network(Scope::Resolve, at("*"), Carry::Not("our executor looks names up before the run"));
            }
            "tcplisten" => {
                let address = setting.value.unwrap_or("*");
                part.network(Scope::Listen, at(address), Carry::Not("our executor lets no guest listen"));
            }
            "inherit-env" if on => {
                let why = "nothing is inherited here; write out the variables that the guest needs";
                part.variable(at(EVERY_VARIABLE), at(""), Carry::Not(why));
            }
            name if on && SERVICES.contains(&name) => {
                part.left(format!("`{name}`"), "our executor offers no such service", span);
            }
            _ => {}
        }
    }

    fn limit(&mut self, key: LimitKey, setting: &Setting<'_>, reader: &mut Reader, part: &mut Part) {
        self.named.push(key);
        let text = setting.value.unwrap_or_default();
        if text.contains(['$', '`']) {
            part.left(format!("`{}`", setting.name), "only the shell knows its value", setting.span);
            return;
        }
        let number = if key == LimitKey::Deadline { time(text) } else { text.replace('_', "").parse().ok() };
        match number {
            Some(number) => part.limit(key, number, setting.span),
            None => {
                let message = format!("`{}` is no quantity", setting.name);
                reader.fault("not-a-quantity", message, "The host refuses it.", setting.span);
            }
        }
    }

    /// Says which limits nothing holds.
    fn finish(&self, at: Span, part: &mut Part) {
        part.limits_at(at);
        let bounded = self.named.contains(&LimitKey::Memory);
        for key in NONE_BY_DEFAULT.iter().filter(|key| !self.named.contains(key)) {
            // They take memory of the host past the limit on memory. Where there is none, that is the finding.
            if matches!(key, LimitKey::TableElements | LimitKey::Instances) && !bounded {
                part.left(format!("no limit on {key}"), "the strict default holds instead", at);
            } else {
                part.no_limit(*key, at);
            }
        }
    }
}

/// `5`, `5s`, `250ms`: in nanoseconds.
fn time(text: &str) -> Option<u64> {
    const UNITS: &[(&str, u64)] =
        &[("", 1_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    digits.parse::<u64>().ok()?.checked_mul(*scale)
}
