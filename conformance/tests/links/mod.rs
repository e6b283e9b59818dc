//! The links: each file brings one up, with its server in this process.

pub(crate) mod fifo;
mod isotonic;
pub(crate) mod pipe;
pub(crate) mod shm;
pub(crate) mod shm_when_busy;
pub(crate) mod stock_tcp;
pub(crate) mod stock_uds;
pub(crate) mod tcp;
pub(crate) mod uds;
