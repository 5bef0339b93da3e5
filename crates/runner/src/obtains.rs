//! Whether an attack obtained what it wanted: a pure function of what the host measured.

use gauntlet_corpus::{Channel, Injection, Obtains, Packet, Quantity, Region};
use gauntlet_record::Measured;

use crate::snapshot::{OUTSIDE, READ_ONLY};

/// A reference takes at least so many bytes of a table.
const TABLE_ELEMENT: u64 = 8;

/// Whether the host measured what an attack wants; `None` if the host could not look.
#[must_use]
pub fn obtained(wanted: &Obtains, measured: &Measured) -> Option<bool> {
    match wanted {
        Obtains::Above(quantity, bound) => amount(*quantity, measured).map(|amount| amount > *bound),
        Obtains::Canary(channel) => Some(measured.canaries.iter().any(|seen| seen == channel_name(*channel))),
        Obtains::Changed(region) => {
            let start = match region {
                Region::Outside => OUTSIDE,
                Region::ReadOnly => READ_ONLY,
            };
            Some(measured.changed.iter().any(|change| change.as_str().starts_with(start)))
        }
        Obtains::Packet(packet) => {
            let name = match packet {
                Packet::Tcp => "tcp",
                Packet::Udp => "udp",
                Packet::Dns => "dns",
            };
            Some(measured.packets.iter().any(|seen| seen == name))
        }
        Obtains::HostDeath => Some(measured.host_death.is_some()),
        Obtains::Report(injection) => Some(measured.reports.iter().any(|seen| seen == injection_name(*injection))),
        Obtains::RanMarker => Some(measured.ran),
    }
}

/// How much of a resource was measured, in its base unit.
fn amount(quantity: Quantity, measured: &Measured) -> Option<u64> {
    match quantity {
        Quantity::CpuTime => measured.cpu_time,
        Quantity::WallTime => measured.wall_time,
        Quantity::Memory => measured.memory,
        Quantity::TableElements => measured.memory.map(|bytes| bytes / TABLE_ELEMENT),
        Quantity::Output => measured.output,
        Quantity::Files => measured.files,
        Quantity::Disk => measured.disk,
        Quantity::OpenFiles => measured.open_files,
        Quantity::Threads => measured.threads,
        Quantity::Processes => measured.processes,
        Quantity::IoCalls => measured.io_calls,
        Quantity::ReportBytes => measured.report_bytes,
    }
}

/// How a record names a channel.
pub(crate) const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Stdout => "stdout",
        Channel::Stderr => "stderr",
        Channel::Files => "files",
        Channel::Network => "network",
        Channel::Report => "report",
    }
}

/// How a record names what must not stand in a report.
#[must_use]
pub const fn injection_name(injection: Injection) -> &'static str {
    match injection {
        Injection::RawControl => "raw-control",
        Injection::Markup => "markup",
        Injection::CiCommand => "ci-command",
        Injection::Forged => "forged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::GuestText;

    #[test]
    fn a_quantity_has_to_be_above_the_bound() {
        let mut measured = Measured { memory: Some(64), ..Measured::default() };
        assert_eq!(obtained(&Obtains::Above(Quantity::Memory, 64), &measured), Some(false));
        assert_eq!(obtained(&Obtains::Above(Quantity::Memory, 63), &measured), Some(true));
        assert_eq!(obtained(&Obtains::Above(Quantity::TableElements, 7), &measured), Some(true));
        measured.memory = None;
        assert_eq!(obtained(&Obtains::Above(Quantity::Memory, 0), &measured), None);
    }

    #[test]
    fn a_change_counts_for_its_own_region() {
        let measured = Measured { changed: vec![GuestText::name("read-only: readonly/x")], ..Measured::default() };
        assert_eq!(obtained(&Obtains::Changed(Region::ReadOnly), &measured), Some(true));
        assert_eq!(obtained(&Obtains::Changed(Region::Outside), &measured), Some(false));
    }

    #[test]
    fn each_channel_counts_for_itself() {
        let measured = Measured { canaries: vec!["stderr".into()], packets: vec!["udp".into()], ..Measured::default() };
        assert_eq!(obtained(&Obtains::Canary(Channel::Stderr), &measured), Some(true));
        assert_eq!(obtained(&Obtains::Canary(Channel::Stdout), &measured), Some(false));
        assert_eq!(obtained(&Obtains::Packet(Packet::Udp), &measured), Some(true));
        assert_eq!(obtained(&Obtains::Packet(Packet::Tcp), &measured), Some(false));
    }
}
