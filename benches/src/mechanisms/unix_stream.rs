//! A Unix stream socket.

use super::byte_stream::ByteStream;
use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use std::os::unix::net;

pub(super) struct UnixStream;

impl Mechanism for UnixStream {
    fn name(&self) -> &'static str {
        "Unix stream socket"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        let (client, server) = net::UnixStream::pair()?;
        Ok(Prepared::descriptors(
            vec![client.into()],
            vec![server.into()],
        ))
    }

    fn open(&self, _: Side, handover: Handover) -> Result<Box<dyn End>> {
        Ok(Box::new(ByteStream::over_socket(handover)?))
    }
}
