//! What an address of a network grant names: `host:port`, a name, a range, or anything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use gauntlet_policy::{NetworkGrant, Policy, Scope};

/// Services that hand credentials to whoever asks from inside a cloud machine.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];
const METADATA_NAMES: &[&str] = &["metadata.google.internal", "metadata.goog", "metadata", "instance-data"];

/// A range of addresses; one address is a range of full length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    ip: IpAddr,
    prefix: u8,
}

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address<'p> {
    /// The host part, as it was written, brackets and a range's length left out.
    pub(crate) host: &'p str,
    /// What stands behind the last colon.
    pub(crate) port: Option<&'p str>,
    /// The addresses it covers, if it names them by number, in whatever spelling.
    pub(crate) block: Option<Block>,
}

impl<'p> Address<'p> {
    pub(crate) fn of(text: &'p str) -> Self {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (text, length) = match text.split_once('/') {
            Some((before, after)) => (before, Some(after)),
            None => (text, None),
        };
        let (host, mut port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']').unwrap_or((rest, ""));
            (host, after.strip_prefix(':'))
        } else if text.matches(':').count() > 1 {
            (text, None)
        } else {
            text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
        };
        let mut prefix = None;
        if let Some(length) = length {
            let (bits, behind) = length.split_once(':').map_or((length, None), |(bits, port)| (bits, Some(port)));
            prefix = bits.parse::<u8>().ok();
            port = port.or(behind);
        }
        Self { host, port, block: Block::of(host, prefix) }
    }

    /// Whether it names everything.
    pub(crate) fn is_any(&self) -> bool {
        matches!(self.host, "" | "*") || self.block.is_some_and(|block| block.prefix == 0 || block.is_all_ipv4())
    }

    /// Whether it covers a metadata service.
    pub(crate) fn covers_metadata(&self) -> bool {
        let name = self.host.trim_end_matches('.').to_lowercase();
        METADATA_NAMES.contains(&name.as_str())
            || self.block.is_some_and(|block| METADATA.iter().any(|ip| block.covers(*ip)))
    }

    /// Whether it names the machine itself.
    pub(crate) fn is_loopback(&self) -> bool {
        let name = self.host.trim_end_matches('.').to_lowercase();
        let number =
            self.block.is_some_and(|block| block.ip.is_loopback() || (block.ip.is_unspecified() && block.prefix > 0));
        name == "localhost" || name.ends_with(".localhost") || number
    }

    /// Whether it names a private or link-local network.
    pub(crate) fn is_private(&self) -> bool {
        self.block.is_some_and(|block| match block.ip {
            IpAddr::V4(ip) => {
                ip.is_private() || ip.is_link_local() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
            }
            IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
        })
    }

    /// Whether it is a range so wide that nobody can know who is in it.
    pub(crate) fn is_wide(&self) -> bool {
        self.block.is_some_and(|block| block.prefix > 0 && block.prefix < if block.ip.is_ipv4() { 16 } else { 32 })
    }

    /// Whether the host is a number that other readers may take for another one.
    pub(crate) fn is_odd(&self) -> bool {
        let canonical = match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => true,
            Ok(IpAddr::V6(ip)) => ip.to_ipv4_mapped().is_none(),
            Err(_) => false,
        };
        self.block.is_some() && !canonical
    }

    /// The host in small letters, without the dot of the root.
    pub(crate) fn name(&self) -> String {
        self.host.trim_end_matches('.').to_lowercase()
    }

    /// Whether its name is one of some names or lies below one.
    pub(crate) fn is_below(&self, names: &[&str]) -> bool {
        let own = self.name();
        let below = |name: &&str| own.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        self.block.is_none() && names.iter().any(|name| below(&name))
    }

    /// The port, if it is one number.
    pub(crate) fn port_number(&self) -> Option<u16> {
        self.port.and_then(|port| port.parse().ok())
    }
}

impl Block {
    fn of(host: &str, prefix: Option<u8>) -> Option<Self> {
        let ip = number(host)?;
        if let (IpAddr::V4(_), Some(bits), Ok(mapped)) = (ip, prefix, host.parse::<Ipv6Addr>()) {
            // A range of IPv4-mapped addresses: `::ffff:0:0/96` is the whole of IPv4.
            return Some(match bits.checked_sub(96) {
                Some(prefix) => Self { ip, prefix: prefix.min(32) },
                None => Self { ip: IpAddr::V6(mapped), prefix: bits },
            });
        }
        let full = if ip.is_ipv4() { 32 } else { 128 };
        Some(Self { ip, prefix: prefix.unwrap_or(full).min(full) })
    }

    /// Whether it is a range of IPv6 that stands for addresses of IPv4: translated, tunnelled, or the old compatible form.
    pub(crate) fn embeds_ipv4(self) -> bool {
        let IpAddr::V6(ip) = self.ip else { return false };
        match ip.segments() {
            [0, 0, 0, 0, 0, 0, high, low] => high != 0 || low > 1,
            [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..] => true,
            _ => false,
        }
    }

    /// Whether it is a group of machines and not one: multicast, or the broadcast address.
    pub(crate) const fn is_group(self) -> bool {
        match self.ip {
            IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_multicast(),
        }
    }

    /// Whether it is one address.
    pub(crate) const fn is_single(self) -> bool {
        self.prefix == if self.ip.is_ipv4() { 32 } else { 128 }
    }

    /// Whether every address of IPv4 is in it.
    fn is_all_ipv4(self) -> bool {
        match self.ip {
            IpAddr::V4(_) => self.prefix == 0,
            IpAddr::V6(_) => self.prefix <= 96 && self.covers(IpAddr::V6(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped())),
        }
    }

    /// Whether it stands for every interface.
    pub(crate) const fn is_unspecified(self) -> bool {
        self.ip.is_unspecified()
    }

    fn covers(self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix);
                mine.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix);
                mine.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The grants of a policy that name addresses, taken apart.
pub(crate) fn all(policy: &Policy) -> impl Iterator<Item = (&NetworkGrant, Address<'_>)> {
    policy.grants.network.iter().map(|grant| (grant, Address::of(&grant.address.value)))
}

/// Those of them that let the guest connect.
pub(crate) fn connects(policy: &Policy) -> impl Iterator<Item = (&NetworkGrant, Address<'_>)> {
    all(policy).filter(|(grant, _)| grant.scope == Scope::Connect)
}

/// Those of them that let the guest listen.
pub(crate) fn listens(policy: &Policy) -> impl Iterator<Item = (&NetworkGrant, Address<'_>)> {
    all(policy).filter(|(grant, _)| grant.scope == Scope::Listen)
}

/// An address by number, in any spelling that some resolver takes: `127.1`, `0x7f000001`, `0177.0.0.1`, `::ffff:127.0.0.1`, `127.0.0.1.`.
fn number(host: &str) -> Option<IpAddr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if let Ok(ip) = host.parse::<Ipv6Addr>() {
        return Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4));
    }
    let parts: Vec<u64> = host.split('.').map(part).collect::<Option<_>>()?;
    let (last, rest) = parts.split_last()?;
    if rest.len() > 3 || rest.iter().any(|part| *part > 255) || *last >= 1 << (8 * (4 - rest.len())) {
        return None;
    }
    let high = rest.iter().enumerate().map(|(i, part)| part << (8 * (3 - i))).sum::<u64>();
    u32::try_from(high + last).ok().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
}

fn part(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    if digits.is_empty() || digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |text| {
            let address = Address::of(text);
            (address.host, address.port)
        };
        assert_eq!(parts("api.example.com:443"), ("api.example.com", Some("443")));
        assert_eq!(parts("[::1]:80"), ("::1", Some("80")));
        assert_eq!(parts("::1"), ("::1", None));
        assert_eq!(parts("10.0.0.0/8:443"), ("10.0.0.0", Some("443")));
        assert_eq!(parts("https://x.example:1/path"), ("x.example", Some("1")));
        assert_eq!(parts("*"), ("*", None));
        for odd in ["", ":", "[", "[]:", "/", "//", "://", "a:b:c/999"] {
            let _ = Address::of(odd);
        }
    }

    #[test]
    fn every_spelling_of_loopback_is_loopback() {
        for text in [
            "127.0.0.1:80",
            "127.1:80",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "[::ffff:127.0.0.1]:80",
            "[::1]:80",
            "LOCALHOST.:1",
            "0.0.0.0:80",
        ] {
            assert!(Address::of(text).is_loopback(), "{text}");
        }
        for text in ["128.0.0.1:80", "example.com:80", "localhost.example:80", "0.0.0.0/0"] {
            assert!(!Address::of(text).is_loopback(), "{text}");
        }
        assert!(
            Address::of("127.1").is_odd()
                && Address::of("[::ffff:1.2.3.4]").is_odd()
                && !Address::of("127.0.0.1").is_odd()
        );
    }

    #[test]
    fn ranges_cover_what_they_hold() {
        assert!(Address::of("169.254.0.0/16").covers_metadata());
        assert!(Address::of("[fd00:ec2::254]:80").covers_metadata());
        assert!(!Address::of("169.253.0.0/16").covers_metadata());
        for any in ["::/0", "0.0.0.0/0", "[::ffff:0:0]/96", "::ffff:0:0/96:443", "::/64"] {
            assert!(Address::of(any).is_any(), "{any}");
        }
        assert!(!Address::of("[::ffff:8.8.8.0]/120").is_any());
        assert!(Address::of("[::ffff:169.254.0.0]/112").covers_metadata());
        assert!(Address::of("8.0.0.0/8").is_wide() && !Address::of("8.8.0.0/16").is_wide());
        assert!(Address::of("100.64.0.1").is_private() && !Address::of("100.128.0.1").is_private());
    }
}
