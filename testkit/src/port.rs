//! Ports that parallel test processes do not take from one another.

use std::{
    env,
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// Below 32768, where Linux takes the ports of outgoing connections and of listeners on port 0: so nobody comes upon
/// one of these by chance between the time it is chosen and the time a server listens there.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// A port of the loopback address for a server that must be told its port, reserved among all test processes of this
/// machine for as long as this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// The lock ends with the file's last handle, also when the process is killed.
    _lock: File,
}

impl Port {
    /// Reserves a port that nobody listens on.
    ///
    /// # Errors
    /// When the lock files cannot be written, or no port is free.
    pub fn reserve() -> io::Result<Self> {
        let dir = env::temp_dir().join("banyan-test-ports");
        fs::create_dir_all(&dir)?;
        // Processes start at different places, so that they rarely try the same one.
        let count = u32::from(RANGE.end - RANGE.start);
        let start = std::process::id().wrapping_mul(61) % count;
        for step in 0..count {
            let offset = u16::try_from((start + step) % count).unwrap_or_default();
            let number = RANGE.start + offset;
            let lock = File::create(dir.join(number.to_string()))?;
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free"))
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// The loopback address with this port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn reserved_ports_differ_while_they_live() {
        let ports: Vec<_> = (0..20).map(|_| Port::reserve().unwrap()).collect();
        let numbers: BTreeSet<_> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
    }

    #[test]
    fn a_port_in_use_is_not_given_out() {
        let port = Port::reserve().unwrap();
        let listener = TcpListener::bind(port.address()).unwrap();
        let number = port.number();
        drop(port);
        assert!((0..5).all(|_| Port::reserve().unwrap().number() != number));
        drop(listener);
    }
}
