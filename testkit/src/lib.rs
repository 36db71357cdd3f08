//! Part of Banyan.
