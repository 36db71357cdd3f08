//! Where the process listens.

use super::{
    Absence::{Default, Means, Refused},
    Field, Kind, Object, formats,
};

/// An address for clients.
pub(super) static LISTENER: Object = Object {
    id: "listener",
    name: "a listener",
    doc: "An address where clients connect. Without TLS it speaks HTTP/1.1, and HTTP/2 with prior knowledge.",
    misplaced: &[
        ("cert", "certificate and key stand under 'tls: { cert: FILE, key: FILE }'"),
        ("key", "certificate and key stand under 'tls: { cert: FILE, key: FILE }'"),
    ],
    fields: &[
        Field {
            key: "address",
            kind: Kind::Text(&formats::ADDRESS),
            absence: Refused,
            doc: "Where to listen. Port 0 lets the system choose.",
        },
        Field {
            key: "tls",
            kind: Kind::Object(&LISTENER_TLS),
            absence: Means("cleartext"),
            doc: "Serves TLS 1.2 and 1.3 with ALPN `h2` and `http/1.1`.",
        },
    ],
};

static LISTENER_TLS: Object = Object {
    id: "listener_tls",
    name: "the TLS of a listener",
    doc: "PEM files of a TLS listener. Relative paths start at the config file's directory.",
    misplaced: &[],
    fields: &[
        Field {
            key: "cert",
            kind: Kind::Text(&formats::FILE),
            absence: Refused,
            doc: "The certificate chain, leaf first.",
        },
        Field { key: "key", kind: Kind::Text(&formats::FILE), absence: Refused, doc: "The private key." },
    ],
};

/// The admin API.
pub(super) static ADMIN: Object = Object {
    id: "admin",
    name: "the admin section",
    doc: "The admin API. Whoever holds its token can move users between systems.",
    misplaced: &[],
    fields: &[
        Field {
            key: "listen",
            kind: Kind::Text(&formats::ADDRESS),
            absence: Default("127.0.0.1:9901"),
            doc: "Where to listen.",
        },
        Field {
            key: "token_file",
            kind: Kind::Text(&formats::FILE),
            absence: Means(
                "the path of `state` with `.admin-token` appended; `./banyan.admin-token` if that is a PostgreSQL",
            ),
            doc: "The file with the bearer token. It is created at the first start, readable by its owner only.",
        },
        Field {
            key: "allow_remote",
            kind: Kind::Bool,
            absence: Default("false"),
            doc: "Permits an address that is not loopback. The admin API speaks no TLS, so its token would cross the network readable: put it behind something that encrypts.",
        },
    ],
};

/// The probes.
pub(super) static PROBES: Object = Object {
    id: "probes",
    name: "the probes section",
    doc: "Probes and metrics on an address of their own. They need no token.",
    misplaced: &[],
    fields: &[Field {
        key: "listen",
        kind: Kind::Text(&formats::ADDRESS),
        absence: Default("127.0.0.1:9902"),
        doc: "Where to listen.",
    }],
};
