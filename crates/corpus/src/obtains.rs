//! `obtains`: what an attack wants, as one predicate of a closed list.

use gauntlet_policy::document::{Node, Value};
use gauntlet_policy::{Reader, Spanned, parse_quantity};
use gauntlet_record::Unit;

use crate::model::{Channel, Injection, Obtains, Packet, Quantity, Region};

const QUANTITIES: &[(&str, Quantity, Unit)] = &[
    ("cpu-time", Quantity::CpuTime, Unit::Time),
    ("wall-time", Quantity::WallTime, Unit::Time),
    ("memory", Quantity::Memory, Unit::Bytes),
    ("table-elements", Quantity::TableElements, Unit::Count),
    ("output", Quantity::Output, Unit::Bytes),
    ("files", Quantity::Files, Unit::Count),
    ("disk", Quantity::Disk, Unit::Bytes),
    ("open-files", Quantity::OpenFiles, Unit::Count),
    ("threads", Quantity::Threads, Unit::Count),
    ("processes", Quantity::Processes, Unit::Count),
    ("io-calls", Quantity::IoCalls, Unit::Count),
    ("report-bytes", Quantity::ReportBytes, Unit::Bytes),
];

/// Reads `obtains`: the predicate, and the same for reports.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<(Obtains, String)> {
    let mut keys: Vec<&str> = QUANTITIES.iter().map(|(key, ..)| *key).collect();
    keys.extend(["canary", "changed", "packet", "host-death", "report", "ran"]);
    let Value::Mapping(all) = &node.value else {
        reader.wrong(node, "`obtains` has to be a mapping of one predicate");
        return None;
    };
    if all.len() != 1 {
        reader.fault(
            "one-predicate",
            "`obtains` is exactly one predicate",
            "Split the attack, one folder for each.",
            node.span,
        );
    }
    let entry = reader.entries("obtains", node, &keys).into_iter().next()?;
    let (key, value) = (entry.key.value.as_str(), &entry.value);
    let said = |value: Spanned<Obtains>, word: &str| Some((value.value, format!("{key}: {word}")));
    let text = reader.text(key, value)?.value;
    match key {
        "canary" => {
            let words = [
                ("stdout", Obtains::Canary(Channel::Stdout)),
                ("stderr", Obtains::Canary(Channel::Stderr)),
                ("files", Obtains::Canary(Channel::Files)),
                ("network", Obtains::Canary(Channel::Network)),
                ("report", Obtains::Canary(Channel::Report)),
            ];
            said(reader.word(key, value, &words)?, &text)
        }
        "changed" => {
            let words =
                [("outside", Obtains::Changed(Region::Outside)), ("read-only", Obtains::Changed(Region::ReadOnly))];
            said(reader.word(key, value, &words)?, &text)
        }
        "packet" => {
            let words = [
                ("tcp", Obtains::Packet(Packet::Tcp)),
                ("udp", Obtains::Packet(Packet::Udp)),
                ("dns", Obtains::Packet(Packet::Dns)),
            ];
            said(reader.word(key, value, &words)?, &text)
        }
        "report" => {
            let words = [
                ("raw-control", Obtains::Report(Injection::RawControl)),
                ("markup", Obtains::Report(Injection::Markup)),
                ("ci-command", Obtains::Report(Injection::CiCommand)),
                ("forged", Obtains::Report(Injection::Forged)),
            ];
            said(reader.word(key, value, &words)?, &text)
        }
        "ran" => said(reader.word(key, value, &[("marker", Obtains::RanMarker)])?, &text),
        "host-death" => {
            reader.word(key, value, &[("true", ())])?;
            Some((Obtains::HostDeath, key.to_owned()))
        }
        _ => {
            let (_, quantity, unit) = QUANTITIES.iter().find(|(name, ..)| *name == key)?;
            let Some(number) = text.strip_prefix('>').map(str::trim_start) else {
                let fix = "Write it like `\"> 64MiB\"`: more than the host would ever see without the attack.";
                reader.fault("not-a-comparison", format!("`{key}` is `{text}`"), fix, value.span);
                return None;
            };
            match parse_quantity(number, *unit) {
                Ok(above) => Some((Obtains::Above(*quantity, above), format!("{key} > {number}"))),
                Err(error) => {
                    reader.fault("not-a-quantity", format!("`obtains.{key}`: {error}"), "", value.span);
                    None
                }
            }
        }
    }
}
