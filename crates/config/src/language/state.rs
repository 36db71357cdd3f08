//! What several gateways share, and what they say to people.

use super::{
    Absence::{Default, Means, Refused},
    Field, Kind, Object, formats,
};

/// A PostgreSQL as the store.
pub(super) static STATE: Object = Object {
    id: "state",
    name: "the state section",
    doc: "A PostgreSQL that keeps what must survive, for one gateway or for many that share it. In short its URL.",
    misplaced: &[
        ("url", "write 'postgres'"),
        ("file", "write the path alone, such as 'state: ./banyan.db'"),
        ("sqlite", "write the path alone, such as 'state: ./banyan.db'"),
        ("password", "write it into a file and name that with 'password_file'"),
    ],
    fields: &[
        Field {
            key: "postgres",
            kind: Kind::Text(&formats::POSTGRES_URL),
            absence: Refused,
            doc: "Where it is: `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`. A path, percent-encoded, in the place of the host is the folder of its socket. A server that is not on this machine has to speak TLS and to show a certificate for its name, unless behind the database stands `?sslmode=disable` (in the clear: for a private network or a tunnel), `require` (encrypted; who answers is not checked) or `verify-ca`; `sslrootcert` is the whole path of a file with the authority's certificate, without which that of the public web are taken (docs/stores.md). `application_name` and `target_session_attrs` may stand there as well. Characters that have a meaning in a URL are percent-encoded in a password. Reports and logs leave it out; who may read the file, may read it. Banyan makes its tables in a schema `banyan`.",
        },
        Field {
            key: "password_file",
            kind: Kind::Text(&formats::FILE),
            absence: Means("the password of the URL, if any"),
            doc: "A file with the password, which is read at the start; an end of line behind it is no part of it. Not with a password in the URL.",
        },
    ],
};

/// Flags for applications.
pub(super) static OFREP: Object = Object {
    id: "ofrep",
    name: "the ofrep section",
    doc: "Flags for applications, by the OpenFeature Remote Evaluation Protocol, so that an application and the gateway choose the same side. `{}` is all defaults.",
    misplaced: &[
        ("address", "write 'listen'"),
        ("token", "write it into a file and name that with 'token_file'"),
        ("rate", "write 'requests_per_second'"),
    ],
    fields: &[
        Field {
            key: "listen",
            kind: Kind::Text(&formats::ADDRESS),
            absence: Default("127.0.0.1:8016"),
            doc: "Where to listen. An address that is not loopback needs `token_file`; it speaks no TLS, so put it behind something that encrypts.",
        },
        Field {
            key: "token_file",
            kind: Kind::Text(&formats::FILE),
            absence: Means("nobody is asked for a token"),
            doc: "The file with the bearer token that applications send. It is created at the first start, readable by its owner only.",
        },
        Field {
            key: "requests_per_second",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 1_000_000 },
                hint: "for none, leave 'ofrep' out",
            },
            absence: Default("10000"),
            doc: "How many requests are answered; those beyond get 429 with `Retry-After`.",
        },
    ],
};
