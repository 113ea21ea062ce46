//! Names of the guarded client: resolved once, checked, and the connection made to what was checked.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::network::{Forbidden, Guard};

/// Resolves names with the system and drops the addresses that may not be reached.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    pub(crate) guard: Guard,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = permitted(&guard, &found)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be reached; a refusal when there are others only.
pub(crate) fn permitted(guard: &Guard, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, Forbidden> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for address in found {
        match guard.check(address.ip()) {
            Ok(()) => allowed.push(*address),
            Err(forbidden) => refused = Some(forbidden),
        }
    }
    match refused {
        Some(forbidden) if allowed.is_empty() => Err(forbidden),
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_addresses_only_the_public_ones_are_used() {
        let both: Vec<SocketAddr> =
            vec!["127.0.0.1:0".parse().unwrap(), "8.8.8.8:0".parse().unwrap()];
        let guard = Guard::default();
        assert_eq!(permitted(&guard, &both).unwrap(), both[1..]);
        assert_eq!(
            permitted(&guard, &both[..1]).unwrap_err().kind,
            "a loopback address"
        );
    }
}
