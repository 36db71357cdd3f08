//! The kinds of text.

use super::Format;

/// `IP:PORT`.
pub(crate) static ADDRESS: Format = Format {
    name: "an IP address with a port",
    examples: &["127.0.0.1:8080", "0.0.0.0:443", "[::1]:8080"],
    pattern: r"^([0-9.]+|\[[0-9A-Fa-f:.%]+\]):[0-9]+$",
};

/// A network or one address.
pub(crate) static NETWORK: Format = Format {
    name: "an IP address or network",
    examples: &["10.0.0.0/8", "::1", "192.168.1.7"],
    pattern: r"^[0-9A-Fa-f:.]+(/[0-9]+)?$",
};

/// A file.
pub(crate) static FILE: Format = Format {
    name: "a file path",
    examples: &["./banyan.db", "/etc/banyan/tls/key.pem"],
    pattern: r"^[^\u0000-\u001f\u007f]+$",
};

/// Where access lines go.
pub(crate) static ACCESS: Format = Format {
    name: "off, stdout or a file path",
    examples: &["stdout", "off", "/var/log/banyan/access.log"],
    pattern: r"^[^\u0000-\u001f\u007f]+$",
};

/// A tracing filter.
pub(crate) static LOG_FILTER: Format = Format {
    name: "a log filter",
    examples: &["info", "warn,banyan_gateway=debug"],
    pattern: r"^[A-Za-z0-9_:=, -]+$",
};

/// An upstream's address.
pub(crate) static ENDPOINT: Format = Format {
    name: "an http or https URL without a path",
    examples: &["http://127.0.0.1:7001", "https://users.internal", "http://[::1]:7001/"],
    pattern: r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+/?$",
};

/// A trace collector.
pub(crate) static COLLECTOR: Format = Format {
    name: "an http or https URL",
    examples: &["http://127.0.0.1:4318", "https://collector.example.com/otlp"],
    pattern: r"^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
};

/// The path of a health check.
pub(crate) static URL_PATH: Format =
    Format { name: "a URL path", examples: &["/ready", "/health?deep=1"], pattern: r"^/[!-~]*$" };

/// A unit or an upstream.
pub(crate) static NAME: Format = Format {
    name: "a name",
    examples: &["articles", "users-v2", "0_legacy"],
    pattern: r"^[a-z0-9][a-z0-9_-]{0,62}$",
};

/// An upstream by its name.
pub(crate) static UPSTREAM: Format =
    Format { name: "the name of an upstream", examples: &["articles"], pattern: NAME.pattern };

/// The salt of a bucket.
pub(crate) static SALT: Format = Format {
    name: "a text of 1 to 256 characters",
    examples: &["articles-2026"],
    pattern: r"^[^\u0000-\u001f\u007f]{1,256}$",
};

/// Where a subject is found.
pub(crate) static SUBJECT: Format = Format {
    name: "jwt:CLAIM, header:NAME or cookie:NAME",
    examples: &["header:x-user-id", "jwt:sub", "cookie:session"],
    pattern: r"^(jwt|header|cookie):.+$",
};

/// A path into a JSON answer.
pub(crate) static JSON_PATH: Format = Format {
    name: "a JSON Pointer (RFC 6901) in which * is any one step and ** any number of steps, or what is not in the body",
    examples: &["/updated_at", "/items/*/etag", "/**/took_ms", "/a~1b", "(status)", "(header x-total-count)"],
    pattern: r"^((/([^~/]|~[01])*)+|\((body|status|content-type)\)|\(header [^ )]+\))$",
};

/// What a route matches.
pub(crate) static MATCH: Format = Format {
    name: "methods and a path",
    examples: &["GET /articles/{id}", "GET|POST /articles", "* /{rest...}"],
    pattern: r"^(\*|[A-Z-]+([|,][A-Z-]+)*) /\S*$",
};

/// A path with parameters.
pub(crate) static TEMPLATE: Format =
    Format { name: "a path", examples: &["/health", "/v2/articles/{id}"], pattern: r"^/[!-~]*$" };

/// What a request is addressed to.
pub(crate) static HOST: Format = Format {
    name: "a host name, or *. and a host name",
    examples: &["api.example.com", "*.example.com", "[::1]"],
    pattern: r"^(\*\.)?[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$",
};

/// A header field's name.
pub(crate) static HEADER_NAME: Format =
    Format { name: "a header field name", examples: &["x-beta"], pattern: r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" };

/// A header field's value.
pub(crate) static HEADER_VALUE: Format = Format {
    name: "a header field value",
    examples: &["mobile"],
    pattern: r"^[\u0021-\u007e]([\t\u0020-\u007e]*[\u0021-\u007e])?$",
};

/// A field that an answer may be given.
pub(crate) static ANSWER_FIELD: Format =
    Format { name: "a header field name", examples: &["cache-control"], pattern: HEADER_NAME.pattern };

/// What a body is, as `Content-Type` says it.
pub(crate) static CONTENT_TYPE: Format = Format {
    name: "a media type",
    examples: &["text/html; charset=utf-8", "application/problem+json"],
    pattern: r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+/[\t\u0020-\u007e]+$",
};

/// What a body is, without parameters.
pub(crate) static MEDIA_TYPE: Format = Format {
    name: "a media type without parameters",
    examples: &["application/json"],
    pattern: r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
};

/// A place in a JSON answer.
pub(crate) static JSON_POINTER: Format = Format {
    name: "a JSON Pointer (RFC 6901)",
    examples: &["/id", "/items/0/name", "/a~1b"],
    pattern: r"^(/([^~/]|~[01])*)+$",
};

/// A text that is sent as it is.
pub(crate) static BODY_TEXT: Format =
    Format { name: "a text", examples: &["Back in a minute."], pattern: "" };

/// When a second attempt starts.
pub(crate) static HEDGE_AFTER: Format = Format {
    name: "p50 to p99.9, or a duration",
    examples: &["p95", "p99.9", "300ms"],
    pattern: r"^(p[0-9]+(\.[0-9]+)?|[0-9]+(ms|s|m|h))$",
};

/// A delay made on purpose.
pub(crate) static DELAY: Format = Format {
    name: "a duration, or two with '..' between",
    examples: &["2s", "2s..5s"],
    pattern: r"^[0-9]+(ms|s|m|h)(\.\.[0-9]+(ms|s|m|h))?$",
};

/// A place in a JSON answer, or all of it.
pub(crate) static DOCUMENT_POINTER: Format = Format {
    name: "a JSON Pointer (RFC 6901)",
    examples: &["/items", "/data/list"],
    pattern: r"^(/([^~/]|~[01])*)*$",
};

/// Where a Redis is.
pub(crate) static REDIS_URL: Format = Format {
    name: "a redis or rediss URL",
    examples: &["redis://127.0.0.1:6379", "rediss://cache.internal/1", "redis://:PASSWORD@[::1]:6380"],
    pattern: r"^[Rr][Ee][Dd][Ii][Ss][Ss]?://[!-~]+$",
};

/// What keys in a Redis begin with.
pub(crate) static REDIS_PREFIX: Format = Format {
    name: "1 to 64 letters, digits and ._-",
    examples: &["banyan", "shop.cache"],
    pattern: r"^[A-Za-z0-9._-]{1,64}$",
};

/// A part of what makes two requests the same.
pub(crate) static KEY_PART: Format = Format {
    name: "path, query, query:NAME, header:NAME, cookie:NAME, jwt:CLAIM or subject",
    examples: &[
        "path",
        "query",
        "query:lang",
        "header:accept-language",
        "cookie:session",
        "jwt:sub",
        "subject",
    ],
    pattern: r"^(path|query|subject|(query|header|cookie|jwt):.+)$",
};

/// A name by which answers are invalidated.
pub(crate) static TAG: Format = Format {
    name: "a tag",
    examples: &["user:{id}", "articles", "{lang}-{id}"],
    pattern: r"^[^\u0000-\u0020\u007f]{1,128}$",
};

/// A gateway among others.
pub(crate) static NODE: Format = Format {
    name: "1 to 128 letters, digits and ._-",
    examples: &["gw-1", "gateway-1.eu.example.com"],
    pattern: r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
};

/// Where what must survive is kept.
pub(crate) static STATE: Format = Format {
    name: "a file path or a postgres URL",
    examples: &["./banyan.db", "postgres://banyan@127.0.0.1/banyan"],
    pattern: FILE.pattern,
};

/// Where a PostgreSQL is.
pub(crate) static POSTGRES_URL: Format = Format {
    name: "a postgres URL",
    examples: &[
        "postgres://banyan@127.0.0.1/banyan",
        "postgresql://banyan:PASSWORD@db.internal:5433/banyan?sslmode=disable",
        "postgres://banyan@%2Frun%2Fpostgresql/banyan",
    ],
    pattern: r"^postgres(ql)?://[!-~]+$",
};

/// Where alerts are posted.
pub(crate) static WEBHOOK_URL: Format = Format {
    name: "an http or https URL",
    examples: &["http://127.0.0.1:9999/hook", "https://chat.example.com/hooks/banyan?room=ops"],
    pattern: r"^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
};

/// Where mail is handed over.
pub(crate) static SMTP_URL: Format = Format {
    name: "an smtp URL",
    examples: &["smtp://127.0.0.1:25", "smtps://mail.internal"],
    pattern: r"^[Ss][Mm][Tt][Pp][Ss]?://[^/?#@\s]+/?$",
};

/// Who gets mail.
pub(crate) static MAILBOX: Format = Format {
    name: "a mail address",
    examples: &["ops@example.org", "banyan+alerts@gw-1.example.org"],
    pattern: r"^[!-~]+@[A-Za-z0-9._-]+$",
};

/// Who logs in with a mail server.
pub(crate) static MAIL_USER: Format =
    Format { name: "a user name", examples: &["banyan@example.org", "alerts"], pattern: r"^[ -~]{1,254}$" };

/// A field of answers that is compared.
pub(crate) static COMPARED_FIELD: Format =
    Format { name: "a header field name", examples: &["x-total-count"], pattern: HEADER_NAME.pattern };

/// What two answers' ids stand for.
pub(crate) static ID_CLASS: Format =
    Format { name: "a name", examples: &["articles"], pattern: NAME.pattern };

/// A regular expression.
pub(crate) static REGEX: Format =
    Format { name: "a regular expression", examples: &["\\s+", "[0-9]{4}-[0-9]{2}"], pattern: "" };

/// What is put in the place of something.
pub(crate) static REPLACEMENT_TEXT: Format = Format { name: "a text", examples: &[" ", "$1"], pattern: "" };

/// How much more something may be.
pub(crate) static RISE: Format = Format {
    name: "a percentage with a plus sign",
    examples: &["+30%", "+0.5%"],
    pattern: r"^\+[0-9]+(\.[0-9]+)?%$",
};

/// A flag.
pub(crate) static FLAG_KEY: Format = Format {
    name: "the key of a flag",
    examples: &["new-editor", "search.engine_2"],
    pattern: r"^[a-z0-9][a-z0-9._-]{0,127}$",
};

/// What a flag is for.
pub(crate) static FLAG_TEXT: Format =
    Format { name: "a text", examples: &["The editor of 2026."], pattern: "" };

/// The salt of a flag.
pub(crate) static FLAG_SALT: Format = Format { name: "a text", examples: &["new-editor-2026"], pattern: "" };

/// What is told along with a flag.
pub(crate) static METADATA: Format = Format { name: "a name", examples: &["team"], pattern: "" };

/// A variant of a flag.
pub(crate) static VARIANT: Format =
    Format { name: "the name of a variant", examples: &["on", "old"], pattern: "" };

/// A segment of a flag.
pub(crate) static SEGMENT: Format = Format { name: "a name", examples: &["staff"], pattern: "" };

/// An attribute of a context.
pub(crate) static ATTRIBUTE: Format =
    Format { name: "a path with dots", examples: &["email", "app.version"], pattern: "" };

/// A part of a text.
pub(crate) static AFFIX: Format = Format { name: "a text", examples: &["@example.org"], pattern: "" };

/// Versions.
pub(crate) static VERSIONS: Format =
    Format { name: "a range of versions", examples: &[">=1.2.0, <2"], pattern: "" };
