//! Every way an exchange can end, in one table: status, problem type, `Proxy-Status`, access-log flag, explanation.
//!
//! Nothing else in the gateway picks a status for an error. A new ending is a new row here, and `banyan explain`, the
//! problem documents, the metrics and the access log know it at once.

use http::StatusCode;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ending {
    /// The answer was delivered.
    #[default]
    Ok,
    /// Malformed request.
    BadRequest,
    /// Transfer coding nobody here speaks.
    UnknownCoding,
    /// HTTP version nobody here speaks.
    BadVersion,
    /// Request head over its limit.
    HeadTooLarge,
    /// Request target over its limit.
    TargetTooLong,
    /// Request body over its limit.
    BodyTooLarge,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body stopped arriving.
    BodyTimeout,
    /// No route.
    NoRoute,
    /// A route, but not for this method.
    MethodNotAllowed,
    /// Passed the gateway too often.
    Loop,
    /// The caller's deadline had passed on arrival.
    Expired,
    /// The client wants what is kept, and nothing is.
    NotCached,
    /// The client went away.
    ClientGone,
    /// The client stopped reading.
    ClientStalled,
    /// The upstream's name has no address.
    DnsError,
    /// The upstream refused the connection.
    ConnectRefused,
    /// Connecting took too long.
    ConnectTimeout,
    /// TLS with the upstream failed.
    TlsError,
    /// The connection broke before an answer.
    Reset,
    /// No answer within the attempt's limit.
    FirstByteTimeout,
    /// No answer within the call's limit.
    Deadline,
    /// An answer that is not HTTP.
    BadGateway,
    /// No endpoint is fit to be asked.
    NoEndpoint,
    /// The answer is not what was promised.
    InvalidAnswer,
    /// The upstream's circuit breaker is open.
    BreakerOpen,
    /// The client throttle of the upstream refused.
    Throttled,
    /// As many calls as the upstream can serve were under way.
    Saturated,
    /// The gateway sheds load of this criticality.
    Shed,
    /// The connection broke within the answer's body.
    BodyReset,
    /// The answer's body stopped arriving.
    IdleTimeout,
    /// The whole exchange took too long.
    WholeTimeout,
    /// A defect of Banyan.
    Internal,
}

/// What an ending means.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The ending.
    pub ending: Ending,
    /// Flag in the access log and the metrics.
    pub code: &'static str,
    /// Status sent when no head was sent yet.
    pub status: u16,
    /// Last part of the problem type.
    pub slug: &'static str,
    /// Error type of `Proxy-Status` (RFC 9209 section 2.3), if one fits.
    pub proxy_error: Option<&'static str>,
    /// Title of the problem.
    pub title: &'static str,
    /// For `banyan explain`: what happened, and what to do.
    pub explanation: &'static str,
}

macro_rules! rows {
    ($($ending:ident, $code:literal, $status:literal, $slug:literal, $proxy:expr, $title:literal, $explanation:literal;)*) => {
        &[$(Row { ending: Ending::$ending, code: $code, status: $status, slug: $slug, proxy_error: $proxy, title: $title, explanation: $explanation }),*]
    };
}

/// The table, in the order of [`Ending`].
pub const ROWS: &[Row] = rows! {
    Ok, "OK", 200, "ok", None, "Delivered",
        "The answer of the upstream was delivered whole, whatever its status.";
    BadRequest, "BR", 400, "bad-request", Some("http_request_error"), "Bad request",
        "The request breaks the grammar of HTTP, or two parsers could disagree on where it ends. Nothing was forwarded and the connection was closed. The detail says what was wrong; look at the client.";
    UnknownCoding, "TC", 501, "unknown-transfer-coding", Some("http_request_error"), "Transfer coding not implemented",
        "The request uses a transfer coding other than chunked. Send it chunked, with any compression declared by Content-Encoding.";
    BadVersion, "HV", 505, "version-not-supported", Some("http_request_error"), "HTTP version not supported",
        "The request line names an HTTP version other than 1.0 and 1.1.";
    HeadTooLarge, "HL", 431, "head-too-large", Some("http_request_error"), "Request head too large",
        "The request head is larger than limits.head or has more fields than limits.headers. Often a cookie that grew: raise the limit or clear the cookie.";
    TargetTooLong, "UL", 414, "target-too-long", Some("http_request_error"), "Request target too long",
        "The URI is longer than limits.uri.";
    BodyTooLarge, "BL", 413, "body-too-large", Some("http_request_error"), "Request body too large",
        "The request body is larger than limits.body, or than the route's body_limit.";
    HeadTimeout, "HT", 408, "head-timeout", Some("http_request_error"), "Request head timed out",
        "The client began a request and did not finish its head within timeouts.head.";
    BodyTimeout, "BT", 408, "body-timeout", Some("http_request_error"), "Request body timed out",
        "The client sent no byte of its body for timeouts.body.";
    NoRoute, "NR", 404, "no-route", Some("destination_not_found"), "No route",
        "No route of the config matches host, path and headers. 'banyan explain CONFIG METHOD PATH' shows how it was looked for.";
    MethodNotAllowed, "MA", 405, "method-not-allowed", Some("http_request_denied"), "Method not allowed",
        "Routes match the path, but none of them accepts this method; Allow lists those that are accepted.";
    Loop, "LP", 508, "loop-detected", Some("proxy_loop_detected"), "Loop detected",
        "The request passed the gateway more than limits.hops times: a backend calls itself through the gateway. Look at the trace to see the circle.";
    Expired, "DX", 504, "deadline-expired", Some("http_response_timeout"), "Deadline had passed",
        "The caller's own deadline (Banyan-Deadline-Ms or grpc-timeout) had passed when the request arrived, so no upstream was asked.";
    NotCached, "NC", 504, "not-cached", None, "Not in the cache",
        "The request says Cache-Control: only-if-cached, and no answer that may be given is kept. No upstream was asked. Without that directive it is.";
    ClientGone, "CA", 499, "client-gone", None, "Client went away",
        "The client closed or reset the connection before the answer was complete. The upstream call was cancelled.";
    ClientStalled, "CW", 499, "client-stalled", None, "Client stopped reading",
        "The client took no byte of the answer for timeouts.write, so the connection was dropped.";
    DnsError, "UD", 502, "upstream-name", Some("dns_error"), "Upstream name not resolved",
        "The upstream's host name has no address. It is asked again all the time; check the name and the resolver.";
    ConnectRefused, "UC", 502, "upstream-refused", Some("connection_refused"), "Upstream refused the connection",
        "No process listens at the endpoint, or a firewall rejects. Check that the service runs.";
    ConnectTimeout, "UX", 504, "upstream-connect-timeout", Some("connection_timeout"), "Connecting to the upstream timed out",
        "The endpoint did not accept a connection within the upstream's 'connect' limit: host down, packets dropped, or its backlog full.";
    TlsError, "UE", 502, "upstream-tls", Some("tls_protocol_error"), "TLS with the upstream failed",
        "The TLS handshake with the endpoint failed: wrong certificate, unknown authority (see tls.ca), or no common version.";
    Reset, "UR", 502, "upstream-reset", Some("connection_terminated"), "Upstream closed the connection",
        "The connection to the endpoint ended before it answered. Often a crash, a restart, or a service that closes idle connections sooner than keep_alive.";
    FirstByteTimeout, "UT", 504, "upstream-timeout", Some("http_response_timeout"), "Upstream did not answer in time",
        "The endpoint sent no answer within the upstream's 'timeout' for one attempt.";
    Deadline, "DL", 504, "deadline-exceeded", Some("http_response_timeout"), "Deadline exceeded",
        "All attempts together reached the upstream's 'deadline', or the caller's own, before an answer came.";
    BadGateway, "UP", 502, "upstream-protocol", Some("http_protocol_error"), "Upstream broke the protocol",
        "What the endpoint sent is not a well-formed HTTP answer, or does not say where it ends.";
    NoEndpoint, "UH", 503, "no-healthy-endpoint", Some("destination_unavailable"), "No healthy endpoint",
        "Every endpoint of the upstream is down by its health check. 'banyan upstreams' shows since when.";
    InvalidAnswer, "UI", 502, "upstream-invalid-answer", Some("http_protocol_error"), "Upstream answered something else than promised",
        "The answer breaks what the upstream's or the route's 'valid_if' promises: its status, its content type, or a body that is not JSON, lacks a required member or does not fit the schema. The detail says which. It counts as a failure of the upstream.";
    BreakerOpen, "BO", 503, "breaker-open", Some("destination_unavailable"), "Circuit breaker is open",
        "Too many recent calls to the upstream failed or were slow, so it is left alone for a while. Retry-After says for how long. 'banyan breaker list' shows what opened it; the log has a line 'breaker' with the figures.";
    Throttled, "TH", 503, "throttled", Some("destination_unavailable"), "Call throttled",
        "The upstream turns many calls away (429, 503), so a share of calls is no longer sent to it (its 'throttle'). The share falls as soon as it accepts again.";
    Saturated, "OL", 503, "upstream-saturated", Some("connection_limit_reached"), "Upstream is working to capacity",
        "As many calls as the upstream's 'concurrency' allows were under way, and the queue before it was too long to be served in time. The upstream is protected from more than it can do: look at why it has become slower, or at the surge.";
    Shed, "SH", 503, "shed", Some("destination_unavailable"), "Request shed",
        "Calls have been waiting for too long, so requests are refused early, those of low criticality first (see 'criticality' of the route and 'shed').";
    BodyReset, "MR", 502, "upstream-body-reset", Some("http_response_incomplete"), "Upstream broke off its answer",
        "The connection to the endpoint ended within the answer's body. The head had been sent, so the client's connection was cut to show that the answer is incomplete.";
    IdleTimeout, "MI", 504, "upstream-idle", Some("http_response_incomplete"), "Upstream stalled",
        "The endpoint sent no byte of its answer for the upstream's 'idle' limit. The client's connection was cut.";
    WholeTimeout, "MW", 504, "whole-timeout", Some("http_response_incomplete"), "Exchange took too long",
        "The exchange was not complete within the upstream's 'whole' limit. The client's connection was cut.";
    Internal, "IE", 500, "internal", Some("proxy_internal_error"), "Internal error",
        "A defect of Banyan. Please report it with the log lines of the same trace id.";
};

impl Ending {
    /// Its row.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The row of an access-log flag, in any case.
    #[must_use]
    pub fn by_code(code: &str) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.code.eq_ignore_ascii_case(code))
    }

    /// Status sent when no head was sent yet.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the upstream is to blame, so that a fallback may help.
    #[must_use]
    pub const fn is_upstream_failure(self) -> bool {
        matches!(
            self,
            Self::DnsError
                | Self::ConnectRefused
                | Self::ConnectTimeout
                | Self::TlsError
                | Self::Reset
                | Self::FirstByteTimeout
                | Self::Deadline
                | Self::BadGateway
                | Self::NoEndpoint
                | Self::InvalidAnswer
                | Self::BreakerOpen
                | Self::Throttled
                | Self::Saturated
                | Self::Shed
                | Self::BodyReset
                | Self::IdleTimeout
        )
    }

    /// Whether the client's connection must close after the problem was sent: its framing cannot be trusted any more.
    #[must_use]
    pub const fn poisons_connection(self) -> bool {
        matches!(
            self,
            Self::BadRequest
                | Self::UnknownCoding
                | Self::BadVersion
                | Self::HeadTooLarge
                | Self::TargetTooLong
                | Self::BodyTooLarge
                | Self::HeadTimeout
                | Self::BodyTimeout
        )
    }
}

/// Stable identifier of a problem type (RFC 9457 section 3.1.1).
#[must_use]
pub fn problem_type(row: &Row) -> String {
    format!("urn:banyan:problem:{}", row.slug)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_follows_the_enum_and_nothing_stands_twice() {
        let mut codes = HashSet::new();
        let mut slugs = HashSet::new();
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.ending as usize, index, "{}", row.code);
            assert!(codes.insert(row.code) && slugs.insert(row.slug), "{}", row.code);
            assert!(row.explanation.ends_with('.'), "{}", row.code);
        }
        assert_eq!(Ending::Internal as usize + 1, ROWS.len());
    }
}
