//! Where the process listens.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{state, text::file::FilePath};
use crate::{
    plan::{Admin, Listener, ListenerTls, Ofrep, State},
    read::Fields,
    report::{Problems, Read, Reported},
    source::{Span, Spanned},
};

/// Every address of the process.
pub(super) struct Addresses {
    pub(super) listeners: Vec<Listener>,
    pub(super) admin: Admin,
    pub(super) probes: Option<SocketAddr>,
    pub(super) ofrep: Option<Ofrep>,
}

pub(super) fn addresses(root: &Fields<'_>, base: &Path, state: Result<&State, &Reported>) -> Read<Addresses> {
    let mut taken = Taken { problems: root.problems(), places: Vec::new() };
    let (objects, whole) = root.objects("listen");
    let listeners = objects.into_iter().map(|fields| listener(fields, base, &mut taken)).collect::<Vec<_>>();
    let admin = root.object("admin").and_then(|fields| admin(fields, base, state, &mut taken));
    let probes = root
        .maybe_object("probes")
        .and_then(|fields| fields.map(|fields| probes(fields, &mut taken)).transpose());
    let ofrep = root
        .maybe_object("ofrep")
        .and_then(|fields| fields.map(|fields| ofrep(fields, base, &mut taken)).transpose());
    if let (Ok(admin), Ok(Some(ofrep))) = (&admin, &ofrep) {
        own_token(root, admin, ofrep);
    }
    whole?;
    let listeners = listeners.into_iter().collect::<Read<_>>()?;
    Ok(Addresses { listeners, admin: admin?, probes: probes?, ofrep: ofrep? })
}

/// Where the admin API is, whatever the rest of the file says.
pub(super) fn admin_alone(root: &Fields<'_>, base: &Path, state: Result<&State, &Reported>) -> Read<Admin> {
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
    state: Result<&State, &Reported>,
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
        None => beside(&state::token_stem(state.map_err(|reported| *reported)?, base)),
    };
    Ok(Admin { listen: listen?.value, token_file })
}

/// The path with `.admin-token` appended.
fn beside(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".admin-token");
    PathBuf::from(name)
}

fn probes(fields: &Fields<'_>, taken: &mut Taken<'_>) -> Read<SocketAddr> {
    fields.text::<SocketAddr>("listen").map(|address| taken.take(&address))
}

fn ofrep(fields: &Fields<'_>, base: &Path, taken: &mut Taken<'_>) -> Read<Ofrep> {
    let listen = fields.text::<SocketAddr>("listen");
    let token_file = fields.maybe_text::<FilePath>("token_file");
    let rate = fields.get("requests_per_second");
    if let Ok(listen) = &listen {
        taken.take(listen);
        if !listen.value.ip().is_loopback() && fields.is_absent("token_file") {
            let message = format!(
                "flags would be served on {}, which is not loopback, to everybody who can reach it",
                listen.value
            );
            let hint = "listen on 127.0.0.1, or write 'token_file: FILE': applications then send the token";
            fields.problems().add(listen.span, message, Some(hint.to_owned()));
        }
    }
    Ok(Ofrep {
        listen: listen?.value,
        token_file: token_file?.map(|path| path.value.below(base)),
        requests_per_second: rate?,
    })
}

/// Refuses one token for both: whoever may ask for flags could move users between systems.
fn own_token(root: &Fields<'_>, admin: &Admin, ofrep: &Ofrep) {
    let Ok(Some(fields)) = root.maybe_object("ofrep") else { return };
    if ofrep.token_file.as_deref() == Some(admin.token_file.as_path()) {
        let span = fields.place("token_file").unwrap_or(fields.span());
        let message =
            "applications would hold the token of the admin API, with which one moves users between systems";
        root.problems().add(span, message, Some("name another file".to_owned()));
    }
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
