//! Addresses and networks.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::{read::FromText, report::Complaint};

impl FromText for SocketAddr {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        text.parse().map_err(|_| {
            let complaint = Complaint::new("write an IP address and a port");
            let port = text.strip_prefix([':']).unwrap_or(text).parse::<u16>();
            let host = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
            match (port, host) {
                (Ok(port), _) => {
                    complaint.hint(format!("write 127.0.0.1:{port}, or 0.0.0.0:{port} for every interface"))
                }
                (_, Some(("localhost", port))) => complaint.hint(format!("write 127.0.0.1:{port}")),
                (_, Some(("*", port))) => complaint.hint(format!("write 0.0.0.0:{port}")),
                _ if text.parse::<IpAddr>().is_ok() => complaint.hint("the port is missing"),
                (_, Some((ip, port))) if ip.parse::<IpAddr>().is_ok() => {
                    complaint.hint(format!("write [{ip}]:{port}"))
                }
                _ => complaint.hint("for example 127.0.0.1:8080 or [::1]:8080"),
            }
        })
    }
}

/// A network; one address is a network of its own.
pub(crate) struct Network(pub(crate) IpNet);

impl FromText for Network {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(address)));
        }
        let net = text.parse::<IpNet>().map_err(|_| {
            Complaint::new("write an IP address or a network")
                .hint("for example 10.0.0.0/8, 192.168.1.7 or ::1")
        })?;
        if net.trunc() != net {
            let message = format!("it has bits beyond the first {}", net.prefix_len());
            return Err(Complaint::new(message).hint(format!("write {}", net.trunc())));
        }
        Ok(Self(net))
    }
}
