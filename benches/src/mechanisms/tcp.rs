//! TCP over the loopback interface.

use super::byte_stream::ByteStream;
use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

pub(super) struct Tcp;

impl Mechanism for Tcp {
    fn name(&self) -> &'static str {
        "TCP over loopback"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, from) = listener.accept()?;
        if from != client.local_addr()? {
            return Err("somebody else connected".into());
        }
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        Ok(Prepared::descriptors(
            vec![client.into()],
            vec![server.into()],
        ))
    }

    fn open(&self, _: Side, handover: Handover) -> Result<Box<dyn End>> {
        Ok(Box::new(ByteStream::over_socket(handover)?))
    }
}
