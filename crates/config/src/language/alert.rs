//! Who is told.

use super::{Absence::Means, Choice, Field, Kind, Object, formats};

/// Who is told.
pub(super) static ALERT: Object = Object {
    id: "alert",
    name: "an alert",
    doc: "Who is told when a rollout goes on, holds for a person or is rolled back: a webhook, or people by mail. It is sent again until it is taken, and never on the way of a request.",
    misplaced: &[
        ("url", "write 'webhook' or 'smtp'"),
        ("slack", "write 'webhook': what is posted is JSON as Slack reads it"),
        ("email", "write 'smtp', 'from' and 'to'"),
        ("mail", "write 'smtp', 'from' and 'to'"),
        ("smtps", "write 'smtp: smtps://HOST'"),
        ("starttls", "write 'tls: required'"),
        ("password", "write it into a file and name that with 'password_file'"),
    ],
    fields: &[
        Field {
            key: "webhook",
            kind: Kind::Text(&formats::WEBHOOK_URL),
            absence: Means("an error, unless there is `smtp`"),
            doc: "Where JSON is posted to; Slack and what is compatible with it understand it. Logs show its host only.",
        },
        Field {
            key: "smtp",
            kind: Kind::Text(&formats::SMTP_URL),
            absence: Means("an error, unless there is `webhook`"),
            doc: "The server that mail is handed to; its port is 25 unless written. With `smtps` there is TLS from the first byte, and the port is 465. Not beside `webhook`: make two entries of it.",
        },
        Field {
            key: "tls",
            kind: Kind::Choice(&[
                Choice {
                    word: "opportunistic",
                    doc: "with STARTTLS and any certificate if the server offers it, else in clear text",
                },
                Choice {
                    word: "required",
                    doc: "with STARTTLS and a trusted certificate that names the host, or not at all",
                },
                Choice { word: "none", doc: "in clear text" },
            ]),
            absence: Means("`opportunistic`; TLS is there already with `smtps`"),
            doc: "How mail goes to the server. Beyond this host and a private network `required` or `smtps` is the choice. Not beside `smtps`.",
        },
        Field {
            key: "ca",
            kind: Kind::Text(&formats::FILE),
            absence: Means("the authorities that browsers trust"),
            doc: "A PEM file with the authorities that are trusted in their place, for `required` and `smtps`. It is read each time something is sent, by the node that sends it.",
        },
        Field {
            key: "user",
            kind: Kind::Text(&formats::MAIL_USER),
            absence: Means("the server takes mail without a password"),
            doc: "Who logs in. Only with `password_file`, and with `required` or `smtps`: a password is not sent in clear text.",
        },
        Field {
            key: "password_file",
            kind: Kind::Text(&formats::FILE),
            absence: Means("an error beside `user`"),
            doc: "The file with the password, without the white space around it. It is read each time something is sent, by the node that sends it.",
        },
        Field {
            key: "from",
            kind: Kind::Text(&formats::MAILBOX),
            absence: Means("an error beside `smtp`"),
            doc: "Who the mail is from.",
        },
        Field {
            key: "to",
            kind: Kind::OneOrMany(&Kind::Text(&formats::MAILBOX)),
            absence: Means("an error beside `smtp`"),
            doc: "Who it is for.",
        },
    ],
};
