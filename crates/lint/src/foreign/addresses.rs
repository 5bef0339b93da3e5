//! Addresses of foreign files in the spelling of our grants: `host:port`.

use super::part::Carry;

/// Ports that a scheme stands for.
const SCHEMES: &[(&str, &str)] = &[
    ("http", "80"),
    ("https", "443"),
    ("redis", "6379"),
    ("rediss", "6379"),
    ("mysql", "3306"),
    ("postgres", "5432"),
    ("postgresql", "5432"),
    ("mqtt", "1883"),
    ("mqtts", "8883"),
];

/// `scheme://host:port/path`, taken apart.
pub(super) struct Url<'t> {
    /// The scheme, if one is written.
    pub(super) scheme: Option<&'t str>,
    /// The host, brackets included.
    pub(super) host: &'t str,
    /// The length of a range of addresses, if one is written.
    pub(super) length: Option<&'t str>,
    /// The port, if one is written.
    pub(super) port: Option<&'t str>,
}

impl<'t> Url<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        // A user and a password are no part of the address.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let (before, behind) = rest.split_once('/').map_or((rest, ""), |(before, behind)| (before, behind));
        let (bits, behind_bits) = behind.split_once(':').map_or((behind, None), |(bits, port)| (bits, Some(port)));
        let is_length = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bracket = before.starts_with('[').then(|| before.find(']').map_or(before.len(), |at| at + 1));
        let (host, port) = match bracket {
            Some(end) => (&before[..end], before[end..].strip_prefix(':')),
            None if before.matches(':').count() > 1 => (before, None),
            None => before.split_once(':').map_or((before, None), |(host, port)| (host, Some(port))),
        };
        let port = port.or(if is_length { behind_bits } else { None }).map(|port| port.trim_end_matches('/'));
        Self { scheme, host, length: is_length.then_some(bits), port }
    }

    /// The port that is meant: the one that is written, or the one of the scheme.
    pub(super) fn meant_port(&self) -> Option<&'t str> {
        let of_scheme = |scheme: &str| SCHEMES.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port);
        self.port.or_else(|| self.scheme.and_then(of_scheme))
    }

    /// The address in our spelling. A host that is `*` on every port is the whole network.
    pub(super) fn address(&self) -> String {
        let range = self.length.map_or(String::new(), |bits| format!("/{bits}"));
        match self.meant_port() {
            Some("*") | None if self.host == "*" => "*".to_owned(),
            Some(port) => format!("{}{range}:{port}", self.host),
            None => format!("{}{range}", self.host),
        }
    }

    /// Whether our executor can hold it: one host and one port, or everything.
    pub(super) fn carry(&self) -> Carry {
        let address = self.address();
        if address == "*" {
            return Carry::Same;
        }
        if self.host.contains(['*', '?', '{']) {
            return Carry::Not("our policies grant hosts by their whole name, not by a pattern");
        }
        if self.length.is_some() {
            return Carry::Not("our policies grant hosts, not ranges of addresses");
        }
        match self.meant_port() {
            Some(port) if port.parse::<u16>().is_ok() => Carry::Same,
            Some(_) => Carry::Not("our policies grant one port at a time"),
            None => Carry::As(format!("{}:443", self.host), "it names no port; 443 is taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_spelled_as_ours() {
        for (text, address) in [
            ("https://api.example.com", "api.example.com:443"),
            ("https://api.example.com/v1?x#y", "api.example.com:443"),
            ("http://a.example:8080", "a.example:8080"),
            ("*://*:*", "*"),
            ("https://*", "*:443"),
            ("redis://cache", "cache:6379"),
            ("postgres://me:pw@db.internal", "db.internal:5432"),
            ("tcp://x", "x"),
            ("api.example.com", "api.example.com"),
            ("*", "*"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("http://10.0.0.0/8:80", "10.0.0.0/8:80"),
            ("http://[::1]:80", "[::1]:80"),
            ("", ""),
        ] {
            assert_eq!(Url::of(text).address(), address, "{text}");
        }
        for odd in ["://", "[", "[]:", "@", "a@b@c:1/2:3", ":", "/", "x://y://z"] {
            let _ = Url::of(odd).address();
        }
    }
}
