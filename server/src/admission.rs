//! How many connections there may be, in all and of each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Config;

/// Counts connections, in all and of each address.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// Counts as one connection until dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

/// Which bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowded {
    Full,
    Address(IpAddr),
}

impl Admission {
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        config: &Config,
    ) -> Result<Admitted, Crowded> {
        let address = address.map(network);
        let mut counts = self.lock();
        if counts.all >= config.connections {
            return Err(Crowded::Full);
        }
        if let Some(address) = address {
            let count = counts.of.entry(address).or_default();
            if *count >= config.connections_per_address {
                return Err(Crowded::Address(address));
            }
            *count += 1;
        }
        counts.all += 1;
        Ok(Admitted { admission: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        counts.all -= 1;
        if let Some(address) = self.address
            && let Some(count) = counts.of.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                counts.of.remove(&address);
            }
        }
    }
}

/// What counts as one address: one home or office has 2^64 addresses of IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_until_they_end() {
        let admission = Arc::new(Admission::default());
        let config = Config { connections: 3, connections_per_address: 2, ..Config::default() };
        let admit = |address: &str| admission.admit(Some(address.parse().unwrap()), &config);
        let first = admit("2001:db8::1").unwrap();
        let _second = admit("2001:db8::2").unwrap();
        let crowded = Crowded::Address("2001:db8::".parse().unwrap());
        assert_eq!(admit("2001:db8::3").unwrap_err(), crowded);
        let _third = admit("192.0.2.1").unwrap();
        assert_eq!(admit("192.0.2.1").unwrap_err(), Crowded::Full);
        drop(first);
        assert!(admit("::ffff:192.0.2.1").is_ok(), "an IPv4 address is one, however written");
    }
}
