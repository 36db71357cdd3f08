//! Where the process listens.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::text::file::FilePath;
use crate::{
    plan::{Admin, Listener, ListenerTls},
    read::Fields,
    report::{Problems, Read},
    source::{Span, Spanned},
};

/// Every address of the process.
pub(super) struct Addresses {
    pub(super) listeners: Vec<Listener>,
    pub(super) admin: Admin,
    pub(super) probes: Option<SocketAddr>,
}

pub(super) fn addresses(
    root: &Fields<'_>,
    base: &Path,
    state: Result<&Path, &crate::report::Reported>,
) -> Read<Addresses> {
    let mut taken = Taken { problems: root.problems(), places: Vec::new() };
    let (objects, whole) = root.objects("listen");
    let listeners = objects.into_iter().map(|fields| listener(fields, base, &mut taken)).collect::<Vec<_>>();
    let admin = root.object("admin").and_then(|fields| admin(fields, base, state, &mut taken));
    let probes = root
        .maybe_object("probes")
        .and_then(|fields| fields.map(|fields| probes(fields, &mut taken)).transpose());
    whole?;
    let listeners = listeners.into_iter().collect::<Read<_>>()?;
    Ok(Addresses { listeners, admin: admin?, probes: probes? })
}

/// Where the admin API is, whatever the rest of the file says.
pub(super) fn admin_alone(
    root: &Fields<'_>,
    base: &Path,
    state: Result<&Path, &crate::report::Reported>,
) -> Read<Admin> {
    let mut taken = Taken { problems: root.problems(), places: Vec::new() };
    root.object("admin").and_then(|fields| admin(fields, base, state, &mut taken))
}

fn listener(fields: &Fields<'_>, base: &Path, taken: &mut Taken<'_>) -> Read<Listener> {
    let address = fields.text::<SocketAddr>("address").map(|address| taken.take(&address));
    let tls =
        fields.maybe_object("tls").and_then(|fields| fields.map(|fields| tls(fields, base)).transpose());
    Ok(Listener { address: address?, tls: tls? })
}

fn tls(fields: &Fields<'_>, base: &Path) -> Read<ListenerTls> {
    let (cert, key) = (fields.text::<FilePath>("cert"), fields.text::<FilePath>("key"));
    Ok(ListenerTls { cert: cert?.placed(base), key: key?.placed(base) })
}

fn admin(
    fields: &Fields<'_>,
    base: &Path,
    state: Result<&Path, &crate::report::Reported>,
    taken: &mut Taken<'_>,
) -> Read<Admin> {
    let listen = fields.text::<SocketAddr>("listen");
    let token_file = fields.maybe_text::<FilePath>("token_file");
    let allow_remote = fields.get::<bool>("allow_remote");
    if let Ok(listen) = &listen {
        taken.take(listen);
        if !listen.value.ip().is_loopback() && allow_remote == Ok(false) {
            let message = format!(
                "the admin API would listen on {}, which is not loopback: it speaks no TLS, so its token would cross the network readable",
                listen.value
            );
            let hint =
                "listen on 127.0.0.1, or write 'allow_remote: true' if something in front of it encrypts";
            fields.problems().add(listen.span, message, Some(hint.to_owned()));
        }
    }
    let token_file = match token_file? {
        Some(path) => path.value.below(base),
        None => beside(state.map_err(|reported| *reported)?),
    };
    Ok(Admin { listen: listen?.value, token_file })
}

/// The state path with `.admin-token` appended.
fn beside(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".admin-token");
    PathBuf::from(name)
}

fn probes(fields: &Fields<'_>, taken: &mut Taken<'_>) -> Read<SocketAddr> {
    fields.text::<SocketAddr>("listen").map(|address| taken.take(&address))
}

/// Addresses that have a use. Listeners share ports between workers, so the system itself would not refuse a second use.
struct Taken<'p> {
    problems: &'p Problems,
    places: Vec<(SocketAddr, Span)>,
}

impl Taken<'_> {
    fn take(&mut self, address: &Spanned<SocketAddr>) -> SocketAddr {
        let Spanned { value, span } = *address;
        if let Some((other, first)) = self.places.iter().find(|(other, _)| collide(*other, value)) {
            let message = format!("{value} is taken: {other} has a use already");
            let hint = Some("choose another port".to_owned());
            self.problems.add_related(span, message, hint, (*first, "first used here"));
        }
        self.places.push((value, span));
        value
    }
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let same_family = a.is_ipv4() == b.is_ipv4();
    let wildcard = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || same_family && wildcard)
}
