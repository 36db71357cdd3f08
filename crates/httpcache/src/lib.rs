//! The rules of a shared HTTP cache (RFC 9111) as pure functions: heads and times in, decisions out.
