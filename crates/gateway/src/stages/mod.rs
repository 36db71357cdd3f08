//! The steps of one request. Each does one thing to an exchange; [`crate::pipeline`] alone knows their order.
pub(crate) mod admit;
pub(crate) mod call;
pub mod decide;
pub(crate) mod respond;
pub(crate) mod route;
pub(crate) mod shadow;
pub(crate) mod substitute;
