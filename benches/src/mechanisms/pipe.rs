//! Two anonymous pipes.

use super::byte_stream::ByteStream;
use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use std::io::pipe;

pub(super) struct Pipe;

impl Mechanism for Pipe {
    fn name(&self) -> &'static str {
        "anonymous pipe"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        let (server_reads, client_writes) = pipe()?;
        let (client_reads, server_writes) = pipe()?;
        Ok(Prepared::descriptors(
            vec![client_reads.into(), client_writes.into()],
            vec![server_reads.into(), server_writes.into()],
        ))
    }

    fn open(&self, _: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [reader, writer] = handover.take()?;
        Ok(Box::new(ByteStream::new(reader, writer)))
    }
}
