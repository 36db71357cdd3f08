//! What Banyan says about itself: metrics, access lines and log events.
//!
//! Telemetry never slows the request path: metric handles are resolved once and kept, access lines go through a
//! bounded queue to a thread of their own, and what does not fit is counted and dropped.
pub mod access;
pub mod logging;
pub mod metrics;
pub mod spans;
pub mod timeline;
