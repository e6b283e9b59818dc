//! What the ring reports, as in the product.

pub(crate) use isotonic_shm::RingViolation;
