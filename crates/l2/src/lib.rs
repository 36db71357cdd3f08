//! The shared level of a cache: Redis behind our own deadline.
