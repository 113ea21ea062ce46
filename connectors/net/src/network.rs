//! Networks, and which of them an address from outside may not lead to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IP network, written `127.0.0.0/8` or `fd00::/8`; an address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// A text that is not an IP network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a network such as `127.0.0.0/8` or `fd00::/8`")]
pub struct NotANetwork(String);

/// An address that lies where addresses from outside may not lead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {kind}")]
pub struct Forbidden {
    /// The address.
    pub address: IpAddr,
    /// What kind of address it is, with its article: `a loopback address`.
    pub kind: &'static str,
}

/// Says which addresses the guarded client may connect to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    allow: Vec<Network>,
}

impl Guard {
    pub(crate) fn new(allow: Vec<Network>) -> Self {
        Self { allow }
    }

    /// Refuses every address that is not a public one, unless the operator allows it.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        if self.allow.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        match kind(address) {
            Some(kind) => Err(Forbidden { address, kind }),
            None => Ok(()),
        }
    }
}

impl Network {
    /// Whether the address lies in this network. An IPv4-mapped IPv6 address lies where the
    /// IPv4 address lies.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical(), address) {
            (IpAddr::V4(base), IpAddr::V4(address), _) => same_v4(base, address, self.prefix),
            (IpAddr::V6(base), _, IpAddr::V6(address)) => same_v6(base, address, self.prefix),
            _ => false,
        }
    }
}

fn same_v4(base: Ipv4Addr, address: Ipv4Addr, prefix: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    (base.to_bits() ^ address.to_bits()) & mask == 0
}

fn same_v6(base: Ipv6Addr, address: Ipv6Addr, prefix: u8) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    (base.to_bits() ^ address.to_bits()) & mask == 0
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.trim().parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.trim().parse().map_err(|_| wrong())?,
            None => longest,
        };
        if prefix > longest {
            return Err(wrong());
        }
        Ok(Self { base, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// What an address is when it is not a public one.
///
/// # Source
/// The IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates), and
/// the multicast blocks. Forms that carry an IPv4 address inside are refused whole.
fn kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => find(&SPECIAL_V4, |base, prefix| same_v4(base, address, prefix)),
        IpAddr::V6(address) => find(&SPECIAL_V6, |base, prefix| same_v6(base, address, prefix)),
    }
}

fn find<A: Copy>(
    special: &[(A, u8, &'static str)],
    same: impl Fn(A, u8) -> bool,
) -> Option<&'static str> {
    let found = special
        .iter()
        .find(|(base, prefix, _)| same(*base, *prefix));
    found.map(|(_, _, kind)| *kind)
}

const SPECIAL_V4: [(Ipv4Addr, u8, &str); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an unspecified address"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback address"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (
        Ipv4Addr::new(100, 64, 0, 0),
        10,
        "an address behind a carrier's NAT",
    ),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a protocol assignment"),
    (
        Ipv4Addr::new(192, 0, 2, 0),
        24,
        "an address for documentation",
    ),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        "an address for documentation",
    ),
    (
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        "an address for documentation",
    ),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay"),
    (
        Ipv4Addr::new(198, 18, 0, 0),
        15,
        "an address for benchmarks",
    ),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
];

const SPECIAL_V6: [(Ipv6Addr, u8, &str); 16] = [
    (Ipv6Addr::UNSPECIFIED, 128, "an unspecified address"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address"),
    (Ipv6Addr::UNSPECIFIED, 96, "an IPv4-compatible address"),
    (
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
        96,
        "an IPv4-mapped address",
    ),
    (
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0),
        96,
        "an IPv4-translated address",
    ),
    (
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0),
        96,
        "a NAT64 address",
    ),
    (
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0),
        48,
        "a NAT64 address",
    ),
    (
        Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0),
        63,
        "a discard address",
    ),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        "a protocol assignment",
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        "an address for documentation",
    ),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "an address for documentation",
    ),
    (
        Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0),
        16,
        "a 6to4 address",
    ),
    (
        Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
        7,
        "a private address",
    ),
    (
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
        10,
        "a link-local address",
    ),
    (
        Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0),
        10,
        "a site-local address",
    ),
    (
        Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
        8,
        "a multicast address",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, address: &str) -> bool {
        guard.check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        let guard = Guard::default();
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "127.255.0.9",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!check(&guard, address), "{address} was let through");
        }
    }

    #[test]
    fn public_addresses_are_let_through() {
        let guard = Guard::default();
        for address in [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.128.0.1",
            "193.147.152.1",
            "223.255.0.1",
            "2a00:1450::1",
            "2606:4700::1111",
            "2001:200::1",
        ] {
            assert!(check(&guard, address), "{address} was refused");
        }
    }

    #[test]
    fn what_the_operator_allows_is_let_through_in_either_form() {
        let guard = Guard::new(vec![
            "127.0.0.0/8".parse().unwrap(),
            "fd00::/8".parse().unwrap(),
        ]);
        assert!(check(&guard, "127.0.0.1"));
        assert!(check(&guard, "::ffff:127.0.0.1"));
        assert!(check(&guard, "fd12::1"));
        assert!(!check(&guard, "::1"));
        assert!(!check(&guard, "::ffff:10.0.0.1"));
        assert!(!check(&guard, "64:ff9b::7f00:1"));
    }

    #[test]
    fn networks_are_read_and_written() {
        for text in ["127.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/8"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        assert_eq!(
            "10.1.2.3".parse::<Network>().unwrap().to_string(),
            "10.1.2.3/32"
        );
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "localhost",
            "10.0.0/8",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text} was accepted");
        }
        let everything: Network = "0.0.0.0/0".parse().unwrap();
        assert!(everything.contains("8.8.8.8".parse().unwrap()));
    }
}
