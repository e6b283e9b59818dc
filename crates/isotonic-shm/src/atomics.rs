//! Where the atomic operations come from: the models of the ring put others in this place.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};
